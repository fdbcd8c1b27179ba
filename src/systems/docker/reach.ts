import type { DaemonInfo } from './client.ts';
import { DockerError } from './errors.ts';

/** How a container and this host reach each other. */
export interface Reach {
  /** `address`: by the container's own IP address; `port`: by a published loopback port; `name`: in a shared network. */
  by: 'address' | 'port' | 'name';
  /** MLflow as the container reaches it. */
  mlflowUri: string;
  /** MLflow listens on loopback, where no container gets: it must be relayed from this address of the bridge. */
  relayFrom: string | null;
}

interface Facts {
  /** docker.network */
  network: string;
  /** docker.mlflowUri, empty: derived from the next. */
  containerMlflowUri: string;
  /** mlflow.uri */
  mlflowUri: string;
  /** Whether the container asks MLflow at all. */
  needsMlflow: boolean;
  /** Of the worker. */
  platform: NodeJS.Platform;
  info: DaemonInfo;
  /** Address of this host in Docker's default network; empty: unknown. */
  bridge: string;
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;
const DESKTOP_HOST = 'host.docker.internal';

/**
 * Decides how a container is reached, and by which address it reaches MLflow.
 *
 * On Linux a container is reached by its own address, which works while the daemon is down or restarts; a published
 * port would need the daemon's proxy process. Docker Desktop and rootless daemons keep containers behind a network of
 * their own, so a port is published there.
 *
 * @throws {DockerError} InvalidConfig, when the container could not reach MLflow
 */
export function planReach(facts: Facts): Reach {
  const { network, containerMlflowUri, mlflowUri, needsMlflow, platform, info, bridge } = facts;
  const isDesktop = info.operatingSystem === 'Docker Desktop';
  const isNative = platform === 'linux' && !isDesktop && !info.rootless;
  const by = network ? 'name' : isNative ? 'address' : 'port';
  const reach: Reach = { by, mlflowUri: containerMlflowUri || mlflowUri, relayFrom: null };
  const url = new URL(reach.mlflowUri);
  if (containerMlflowUri || !needsMlflow || !LOOPBACK.test(url.hostname)) return reach;

  const at = (host: string) =>
    `${url.protocol}//${host}:${url.port || (url.protocol === 'https:' ? 443 : 80)}${url.pathname}`;
  if (by === 'address' && bridge) return { ...reach, mlflowUri: trimmed(at(bridge)), relayFrom: bridge };
  if (by === 'port' && isDesktop) return { ...reach, mlflowUri: trimmed(at(DESKTOP_HOST)) };
  throw new DockerError(
    'InvalidConfig',
    `MLflow at ${mlflowUri} cannot be reached from a container${network ? ` in the network "${network}"` : ''}: set docker.mlflowUri to its address there.`,
  );
}

const trimmed = (uri: string) => uri.replace(/\/+$/, '');
