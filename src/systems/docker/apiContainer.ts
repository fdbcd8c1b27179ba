import { readFile } from 'node:fs/promises';
import type { Config } from '../../config.ts';
import type { ContainerSpec } from './client.ts';
import { DockerError } from './errors.ts';
import { LABELS } from './labels.ts';
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
