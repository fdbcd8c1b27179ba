import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { type Config, loadConfig, PROJECT_ROOT } from '../../../src/config.ts';
import type { FailureType } from '../../../src/contracts/errors.ts';
import { apiCommand } from '../../../src/gateway/command.ts';
import { openBackend } from '../../../src/systems/artifacts/index.ts';
import { artifactStoreOptions } from '../../../src/systems/artifacts/options.ts';
import { failureTypeOf, MlflowError } from '../../../src/systems/mlflow/errors.ts';
import { withMlflow } from '../../../src/systems/mlflow/withMlflow.ts';
import { ownEnvironment } from '../../../src/systems/processes/environment.ts';
import { runVariables, surroundings } from '../../../src/systems/steps/environment.ts';
import { poolEnvironment } from '../../../src/workers/trainingProcesses.ts';

/** A failure as the contract names it; null: the client got through. */
export type Outcome = { type: FailureType; message: string; retryable: boolean } | null;

/** Whoever of ours talks to MLflow, by the way in which it does. */
export type Clients = Record<string, (config: Config) => Promise<Outcome>>;

const PYTHON = join(PROJECT_ROOT, 'python', '.venv', 'bin', 'python');
const NETWORK =
  /^(https?|all|no)_proxy$|^(REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|SSL_CERT_\w+|NODE_EXTRA_CA_CERTS|MLFLOW_\w+|MEDIWATCH_\w+)$/i;

/** One Python process that asks as each child would, in its environment. */
export function startAsking() {
  const env = { PYTHONPATH: join(PROJECT_ROOT, 'python'), MLFLOW_DISABLE_TELEMETRY: 'true' };
  const child = execa(PYTHON, [fileURLToPath(new URL('../fixtures/ask.py', import.meta.url))], {
    env,
    reject: false,
    buffer: false,
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async ask(way: string, env: Readonly<Record<string, string | undefined>>): Promise<Outcome> {
      child.stdin.write(`${JSON.stringify({ way, env: { ...env, MLFLOW_HTTP_REQUEST_MAX_RETRIES: '0' } })}\n`);
      return JSON.parse((await lines.next()).value ?? '') as Outcome;
    },
    async stop() {
      child.stdin.end();
      await child;
    },
  };
}

/** The clients of a worker, and of what it and the gateway start. */
export function clientsOf({ ask }: ReturnType<typeof startAsking>): Clients {
  const spec = { key: 'k', model: 'M', version: '1' };
  const address = { host: '127.0.0.1', port: 1 };
  return {
    worker: async (config) => await outcomeOf(withMlflow(config, async (mlflow) => await mlflow.health())),
    'artifact store': async (config) => await outcomeOf(lookedUp(config)),
    pool: async (config) => await ask('steps', poolEnvironment(config)),
    script: async (config) =>
      await ask('script', {
        ...surroundings({ passEnv: [], command: ['train'] } as never),
        ...runVariables(config, { step: 'trial', key: 'k' }, { uri: config.mlflow.uri, runId: undefined }),
      }),
    API: async (config) =>
      await ask('api', ownEnvironment(['network', 'computing', 'mlflow'], apiCommand(config)(spec, address).env).env),
  };
}

async function lookedUp(config: Config): Promise<void> {
  const { experiment: _, ...place } = artifactStoreOptions(config);
  const backend = openBackend(place);
  await backend.sizeOf('folder/file', {}).finally(() => backend.close());
}

export async function outcomeOf(asking: Promise<unknown>): Promise<Outcome> {
  try {
    await asking;
    return null;
  } catch (error) {
    if (!(error instanceof MlflowError)) throw error;
    return { type: failureTypeOf(error), message: error.message, retryable: error.retryable };
  }
}

/** Runs the body with the variables in place of those of this machine that say how to reach servers. */
export async function withVariables(
  variables: Readonly<Record<string, string>>,
  folder: string,
  body: (config: Config) => Promise<void>,
): Promise<void> {
  const before = { ...process.env };
  const others = Object.keys(before).filter((name) => NETWORK.test(name));
  for (const name of others) delete process.env[name];
  Object.assign(process.env, { HOME: folder }, variables);
  try {
    await body(loadConfig(process.env, folder));
  } finally {
    for (const name of [...Object.keys(variables), 'HOME']) delete process.env[name];
    Object.assign(process.env, before);
  }
}
