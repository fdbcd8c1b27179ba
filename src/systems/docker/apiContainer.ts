import { chown, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../config.ts';
import type { CandidateState } from '../deployment/target.ts';
import { type ContainerDetails, type ContainerSpec, LABELS } from './client.ts';
import { DockerError } from './errors.ts';
import type { Reach } from './reach.ts';

/** Port on which the API listens inside its container. */
export const API_PORT = 8000;
const LOGS = '/app/logs';
const CONTAINER_PORT = `${API_PORT}/tcp`;

export interface ApiContainer {
  key: string;
  model: string;
  version: string;
  runId: string | null;
  /** Reference of the image. */
  image: string;
  user: string | undefined;
  reach: Reach;
  /** Folder on the host where predictions are logged. */
  logDir: string;
}

/** Name of the container of a key. */
export function containerName(key: string): string {
  return `mediwatch-${key.replace(/[^\w.-]+/g, '_')}`;
}

/**
 * Describes the container of the API: its environment, limits and labels. It has no restart policy yet: a candidate
 * that ends must be seen to have ended.
 *
 * @throws {DockerError} InvalidConfig, when docker.secretKeyFile cannot be read
 */
export async function describeContainer(config: Config, container: ApiContainer): Promise<ContainerSpec> {
  const { key, model, version, runId, image, user, reach, logDir } = container;
  const { memoryMb, network } = config.docker;
  return {
    name: containerName(key),
    Image: image,
    ...(user && { User: user }),
    Env: Object.entries(await environment(config, container)).map(([name, value]) => `${name}=${value}`),
    ExposedPorts: { [CONTAINER_PORT]: {} },
    Labels: {
      [LABELS.key]: key,
      [LABELS.model]: model,
      [LABELS.version]: version,
      [LABELS.gateway]: config.deployment.adminUrl,
      ...(runId && { [LABELS.run]: runId }),
    },
    HostConfig: {
      Init: true,
      Memory: memoryMb * 2 ** 20,
      // Swap would turn a full memory into a slow API.
      MemorySwap: memoryMb * 2 ** 20,
      Binds: [`${logDir}:${LOGS}`],
      SecurityOpt: ['no-new-privileges'],
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
      ...(network && { NetworkMode: network }),
      ...(reach.by === 'port' && { PortBindings: { [CONTAINER_PORT]: [{ HostIp: '127.0.0.1', HostPort: '' }] } }),
    },
  };
}

async function environment(config: Config, container: ApiContainer): Promise<Record<string, string>> {
  const { model, version, reach } = container;
  const { option, env, secretKeyFile } = config.docker;
  const source: Record<string, string> =
    option === 'baked'
      ? { MODEL_SOURCE: 'local', MODEL_VERSION: version }
      : {
          MODEL_SOURCE: 'mlflow',
          ...credentials(config),
          MLFLOW_TRACKING_URI: reach.mlflowUri,
          MLFLOW_MODEL_STAGE: 'Production',
          // The stage may move while the container starts, and after it.
          MLFLOW_MODEL_VERSION: version,
        };
  const secretKey = secretKeyFile ? await readSecret(secretKeyFile) : '';
  return {
    ...source,
    MLFLOW_MODEL_NAME: model,
    PRED_LOG_DIR: LOGS,
    DEBUG: '0',
    ...(secretKey && { DJANGO_SECRET_KEY: secretKey }),
    ...env,
  };
}

function credentials({ mlflow: { token, username, password } }: Config): Record<string, string> {
  const all = {
    MLFLOW_TRACKING_TOKEN: token,
    MLFLOW_TRACKING_USERNAME: username,
    MLFLOW_TRACKING_PASSWORD: password,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
}

async function readSecret(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    throw new DockerError('InvalidConfig', `docker.secretKeyFile "${file}" cannot be read.`, error);
  }
}

/** What has become of a container. One whose image has no health check counts as healthy while it runs. */
export function stateOf({ State }: ContainerDetails): { healthy: boolean; state: CandidateState } {
  if (State.Running && !State.Restarting) {
    const health = State.Health?.Status;
    if (!health || health === 'healthy' || (health as string) === 'none') {
      return { healthy: true, state: { state: 'running' } };
    }
    return { healthy: false, state: { state: 'starting', reason: `Docker's health check says ${health}` } };
  }
  if (State.Status === 'created') return { healthy: false, state: { state: 'starting', reason: 'it was not started' } };
  if (State.Restarting) return { healthy: false, state: { state: 'starting', reason: 'Docker starts it again' } };
  const why = State.OOMKilled
    ? 'it used more memory than docker.memoryMb'
    : `it ended with exit code ${State.ExitCode}`;
  const reason = State.Error ? `${why}: ${State.Error}` : why;
  return { healthy: false, state: { state: 'exited', reason, exitCode: State.ExitCode } };
}

/** Where a container answers this host and its gateway; undefined while it has no address. */
export function urlOf({ Name, State, NetworkSettings }: ContainerDetails, by: Reach['by']): string | undefined {
  if (!State.Running) return undefined;
  if (by === 'name') return `http://${Name.slice(1)}:${API_PORT}`;
  if (by === 'port') {
    const port = NetworkSettings.Ports[`${API_PORT}/tcp`]?.[0]?.HostPort;
    return port ? `http://127.0.0.1:${port}` : undefined;
  }
  const address = NetworkSettings.Networks.bridge?.IPAddress;
  return address ? `http://${address}:${API_PORT}` : undefined;
}

/**
 * Makes the folder of the prediction log, such that a container's user may write it.
 *
 * @param imageUser `User` of the image
 * @returns the user that the container must have; undefined: the image's own
 */
export async function preparePredictionLog(folder: string, imageUser: string): Promise<string | undefined> {
  await mkdir(folder, { recursive: true });
  const [uid, gid] = [process.getuid?.(), process.getgid?.()];
  // Without rights to give the folder away, the container writes as the one to whom it belongs: us.
  if (uid === undefined) return undefined;
  if (uid !== 0) return `${uid}:${gid}`;
  const owner = /^(\d+)(?::(\d+))?$/.exec(imageUser);
  if (!owner) return undefined;
  const names = await readdir(folder);
  for (const path of [folder, ...names.map((name) => join(folder, name))]) {
    await chown(path, Number(owner[1]), Number(owner[2] ?? owner[1]));
  }
  return undefined;
}
