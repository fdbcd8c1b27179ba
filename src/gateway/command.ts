import { join } from 'node:path';
import { type Config, fromRoot, PROJECT_ROOT } from '../config.ts';
import type { InstanceSpec } from './contract.ts';

/** A program with its arguments (no shell) and the environment that is laid over our own. */
export interface Command {
  file: string;
  args: string[];
  env: Record<string, string>;
  cwd?: string;
}

/** Makes the command of an API process that is to listen on the address. */
export type CommandOf = (spec: InstanceSpec, address: { host: string; port: number }) => Command;

/** The bundled API, with the version pinned: a later promotion does not change what a running process serves. */
export function apiCommand(config: Config): CommandOf {
  const python = join(PROJECT_ROOT, 'python');
  const { uri, token, username, password } = config.mlflow;
  const credentials = {
    MLFLOW_TRACKING_TOKEN: token,
    MLFLOW_TRACKING_USERNAME: username,
    MLFLOW_TRACKING_PASSWORD: password,
  };
  // Requests run beside each other already: with more threads a prediction for one record spends its time waiting for
  // them, one barrier for each tree (8 against 22 ms where two cores are busy).
  const threads = { OMP_NUM_THREADS: '1' };
  return (spec, { host, port }) => ({
    file: config.worker.python || join(python, '.venv', 'bin', 'python'),
    args: ['-m', 'mediwatch_training.serve'],
    env: {
      ...withoutEmpty(credentials),
      ...threads,
      ...spec.env,
      HOST: host,
      PORT: String(port),
      MODEL_SOURCE: 'mlflow',
      MLFLOW_TRACKING_URI: uri,
      MLFLOW_MODEL_NAME: spec.model,
      MLFLOW_MODEL_STAGE: 'Production',
      MLFLOW_MODEL_VERSION: spec.version,
      PRED_LOG_DIR: join(fromRoot(config, config.stack.dir), 'predictions'),
      PYTHONPATH: python,
      PYTHONUNBUFFERED: '1',
    },
  });
}

function withoutEmpty(variables: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''));
}
