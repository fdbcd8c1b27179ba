import { connect, createServer, type Server } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { Config } from '../../config.ts';
import type { DaemonInfo, Docker } from './client.ts';
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

/** How containers and this host reach each other; keeps the relay of MLflow open where one is needed. */
export interface Bridge {
  /** @throws {DockerError} InvalidConfig, when containers cannot reach MLflow; DockerUnavailable */
  reach(): Promise<Reach>;
  close(): Promise<void>;
}

/** @param options.needsMlflow whether the containers ask MLflow at all; by default as those of the API do */
export function createBridge(
  config: Config,
  docker: Docker,
  { needsMlflow = config.docker.option === 'registry' } = {},
): Bridge {
  let relay: Promise<Relay | null> | undefined;
  return {
    async reach() {
      const [info, bridge] = await Promise.all([docker.info(), docker.bridgeAddress()]);
      const reach = planReach({
        network: config.docker.network,
        containerMlflowUri: config.docker.mlflowUri,
        mlflowUri: config.mlflow.uri,
        needsMlflow,
        platform: process.platform,
        info,
        bridge,
      });
      if (reach.relayFrom) {
        const { hostname } = new URL(config.mlflow.uri);
        const port = Number(new URL(reach.mlflowUri).port);
        // Tried again each time: the worker that relayed may have ended.
        if (!(await relay)) relay = openRelay({ host: reach.relayFrom, port }, { host: hostname, port });
        await relay;
      }
      return reach;
    },
    close: async () => (await relay?.catch(() => null))?.close(),
  };
}

/** A port of the Docker bridge behind which a server of this host's loopback answers. */
interface Relay {
  close(): Promise<void>;
}

interface Endpoint {
  host: string;
  port: number;
}

/**
 * Lets containers reach a server that listens on loopback only: connections to the bridge's address, which exists on
 * this host alone, are passed on. A server that listens on all addresses is reached without, and another worker of
 * this host may relay already; then there is nothing to do.
 *
 * @throws {DockerError} InvalidConfig, when the address cannot be listened on
 */
async function openRelay(from: Endpoint, to: Endpoint): Promise<Relay | null> {
  const server = createServer((inbound) => {
    const outbound = connect(to);
    // Either side may break off at any time; the other one sees that its connection ends.
    const ended = () => {
      inbound.destroy();
      outbound.destroy();
    };
    pipeline(inbound, outbound).catch(ended);
    pipeline(outbound, inbound).catch(ended);
    open.add(inbound).add(outbound);
    for (const socket of [inbound, outbound]) socket.on('close', () => open.delete(socket));
  });
  const open = new Set<{ destroy(): void }>();
  try {
    await listen(server, from);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return null;
    const message = `MLflow cannot be relayed to containers from ${from.host}:${from.port}: ${(error as Error).message}. Set docker.mlflowUri.`;
    throw new DockerError('InvalidConfig', message, error);
  }
  // It must not keep a worker alive that has nothing else to do.
  server.unref();
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

function listen(server: Server, { host, port }: Endpoint): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
