import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Config, PROJECT_ROOT } from '../config.ts';
import { answers } from './http.ts';
import type { Part, PartContext } from './part.ts';

const SERVER = fileURLToPath(new URL('./mlflow_server.py', import.meta.url));

/** The MLflow tracking server and registry on SQLite, with its artifacts beside it. */
export function mlflowPart({ stack }: Config, { dir }: PartContext): Part {
  const port = stack.mlflowPort;
  const home = join(dir, 'mlflow');
  mkdirSync(home, { recursive: true });
  return {
    name: 'mlflow',
    title: 'MLflow',
    ports: [{ port, setting: 'stack.mlflowPort' }],
    after: [],
    command: [
      join(PROJECT_ROOT, 'python', '.venv', 'bin', 'python'),
      SERVER,
      ...['--backend-store-uri', `sqlite:///${join(home, 'mlflow.db')}`],
      ...['--artifacts-destination', join(home, 'artifacts'), '--port', String(port)],
    ],
    env: {
      // Seven more processes for features of language models, which take longer to start than the server.
      MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
      MLFLOW_DISABLE_TELEMETRY: 'true',
    },
    isReady: () => answers(`http://127.0.0.1:${port}/health`),
    // The first start makes the tables of the data base.
    startTimeoutMs: 180_000,
    stopGraceMs: 5_000,
  };
}
