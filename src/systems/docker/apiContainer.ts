import { chown, mkdir, readdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { expandForApi } from '../../config/placeholders.ts';
import type { Config } from '../../config.ts';
import { fileName } from '../../contracts/text.ts';
import { accessVariables, modelVariables } from '../apiVariables.ts';
import type { CandidateState } from '../deployment/target.ts';
import { mlflowFiles } from '../mlflow/variables.ts';
import { readSecret } from './cli.ts';
import { type ContainerDetails, type ContainerSpec, LABELS } from './client.ts';
import { confinement } from './confinement.ts';
import type { Reach } from './reach.ts';
import { hideSecrets, type PlacedFile } from './secretFile.ts';

/** Port on which the API listens inside its container. */
export const API_PORT = 8000;
const LOGS = '/app/logs';
const CONTAINER_PORT = `${API_PORT}/tcp`;

interface ApiContainer {
  key: string;
  model: string;
  version: string;
  runId: string | null;
  /** Reference of the image. */
  image: string;
  user: string | undefined;
  /** Where the image reads its secrets; undefined: from its environment. */
  secretsPath: string | undefined;
  reach: Reach;
  /** Folder on the host where predictions are logged. */
  logDir: string;
}

/** Name of the container of a key. */
export function containerName(key: string): string {
  return `mediwatch-${fileName(key)}`;
}

/**
 * Describes the container of the API: its environment, limits and labels. It has no restart policy yet: a candidate
 * that ends must be seen to have ended. Its secrets are put into it before it starts.
 *
 * @throws {DockerError} InvalidConfig, when docker.secretKeyFile cannot be read
 */
export async function describeContainer(
  config: Config,
  container: ApiContainer,
): Promise<{ spec: ContainerSpec; secrets: PlacedFile | null }> {
  const { key, model, version, runId, image, user, secretsPath, reach, logDir } = container;
  const { memoryMb, network } = config.docker;
  const { variables, secrets } = hideSecrets(await environment(config, container), secretsPath);
  const confined = confinement(config);
  const spec = {
    name: containerName(key),
    Image: image,
    ...(user && { User: user }),
    Env: Object.entries(variables).map(([name, value]) => `${name}=${value}`),
    ExposedPorts: { [CONTAINER_PORT]: {} },
    Labels: {
      [LABELS.key]: key,
      [LABELS.model]: model,
      [LABELS.version]: version,
      [LABELS.gateway]: config.deployment.adminUrl,
      ...(runId && { [LABELS.run]: runId }),
    },
    // One without a name, which goes with the container.
    Volumes: { ...confined.Volumes, ...(secrets && { [posix.dirname(secrets.path)]: {} }) },
    HostConfig: {
      ...confined.HostConfig,
      Init: true,
      Memory: memoryMb * 2 ** 20,
      // Swap would turn a full memory into a slow API.
      MemorySwap: memoryMb * 2 ** 20,
      Binds: [`${logDir}:${LOGS}`, ...mlflowFiles(variables).map((file) => `${file}:${file}:ro`)],
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
      ...(network && { NetworkMode: network }),
      ...(reach.by === 'port' && { PortBindings: { [CONTAINER_PORT]: [{ HostIp: '127.0.0.1', HostPort: '' }] } }),
    },
  };
  return { spec, secrets };
}

async function environment(config: Config, container: ApiContainer): Promise<Record<string, string>> {
  const { key, model, version, runId, reach } = container;
  const { option, env, secretKeyFile } = config.docker;
  const source =
    option === 'baked'
      ? { MODEL_SOURCE: 'local', MODEL_VERSION: version, MLFLOW_MODEL_NAME: model }
      : modelVariables(config, { model, version, trackingUri: reach.mlflowUri });
  const secretKey = secretKeyFile ? await readSecret('docker.secretKeyFile', secretKeyFile) : '';
  const filled = (text: string) => expandForApi(text, { model, version, runId: runId ?? '' });
  return {
    ...source,
    ...accessVariables(config, [containerName(key)]),
    PRED_LOG_DIR: LOGS,
    DEBUG: '0',
    ...(secretKey && { DJANGO_SECRET_KEY: secretKey }),
    ...Object.fromEntries(Object.entries(env).map(([name, text]) => [name, filled(text)])),
  };
}

/** What has become of a container. One whose image has no health check counts as healthy while it runs. */
export function stateOf({ State }: ContainerDetails): CandidateState {
  const { Status, Running, Restarting, OOMKilled, ExitCode, Error: error } = State;
  const starting = (reason: string) => ({ state: 'starting', reason }) as const;
  if (Restarting) return starting('Docker starts it again');
  if (Status === 'created') return starting('it was not started');
  if (Running) {
    const health: string = State.Health?.Status ?? 'none';
    return ['healthy', 'none'].includes(health)
      ? { state: 'running' }
      : starting(`Docker's health check says ${health}`);
  }
  const why = OOMKilled ? 'it used more memory than docker.memoryMb' : `it ended with exit code ${ExitCode}`;
  return { state: 'exited', reason: error ? `${why}: ${error}` : why, exitCode: ExitCode };
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
