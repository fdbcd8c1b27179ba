import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { PROJECT_ROOT } from '../../src/config.ts';
import { emptyDatabaseOf } from './mlflowTables.ts';
import { until } from './until.ts';

/** Starting takes a few seconds, most of them Python's imports; a busy machine takes several times that. */
const START_WITHIN_MS = 120_000;
const STOP_WITHIN_MS = 10_000;
const SERVER = join(PROJECT_ROOT, 'src/stack/mlflow_server.py');
const PYTHON = process.env.MEDIWATCH_TEST_PYTHON ?? join(PROJECT_ROOT, 'python/.venv/bin/python');

export interface MlflowServer {
  uri: string;
  /** Also the id of its process group. */
  readonly pid: number;
  /** Its state: database, artifacts and log. */
  dir: string;
  /** Ends it and removes its state. */
  stop(): Promise<void>;
  /** Ends it at once, as a crash would; its state stays until `stop`. */
  kill9(): Promise<void>;
  /** Starts it again after `kill9`, on the same port with the same state. */
  restart(): Promise<void>;
}

/**
 * Starts a real tracking server with a registry and the artifact proxy, on loopback, with an empty state of its own.
 *
 * @param options.python whose MLflow it is (default: that of the training package)
 * @param options.admin password of its user `admin`: it has users, and asks everybody for a login
 */
export async function startMlflow({
  python = PYTHON,
  admin,
}: {
  python?: string;
  admin?: string;
} = {}): Promise<MlflowServer> {
  const dir = await mkdtemp(join(tmpdir(), 'mediwatch-mlflow-'));
  const port = await freePort();
  const uri = `http://127.0.0.1:${port}`;
  const [database, empty] = [join(dir, 'mlflow.db'), await emptyDatabaseOf(python)];
  const hadOne = await empty.copyTo(database);
  let running = await launch(python, dir, port, admin).catch(async (error: unknown) => {
    await rm(dir, { recursive: true, force: true });
    throw error;
  });
  if (!hadOne) await empty.keep(database);
  // A test run that is interrupted leaves no server behind.
  const endWithUs = () => running.signal('SIGKILL');
  process.on('exit', endWithUs);

  async function kill9(): Promise<void> {
    running.signal('SIGKILL');
    await running.ended;
    await until(async () => !(await isHealthy(uri)), { timeoutMs: STOP_WITHIN_MS, what: 'MLflow to be gone' });
  }

  return {
    uri,
    get pid() {
      return running.pid;
    },
    dir,
    kill9,
    async restart() {
      running = await launch(python, dir, port, admin);
    },
    async stop() {
      running.signal('SIGTERM');
      await Promise.race([running.ended, delay(STOP_WITHIN_MS, undefined, { ref: false })]);
      await kill9();
      process.off('exit', endWithUs);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function launch(python: string, dir: string, port: number, admin: string | undefined) {
  const uri = `http://127.0.0.1:${port}`;
  const log = join(dir, 'mlflow.log');
  const state = ['--backend-store-uri', `sqlite:///${join(dir, 'mlflow.db')}`];
  const artifacts = ['--artifacts-destination', join(dir, 'artifacts')];
  // Ours is up in half the time; it is written for the MLflow of the training package.
  const whole = ['-m', 'mlflow', 'server', '--host', '127.0.0.1', '--workers', '1'];
  const withUsers = admin === undefined ? [] : ['--app-name', 'basic-auth'];
  const server = python === PYTHON && admin === undefined ? [SERVER] : [...whole, ...withUsers];
  const login = { MLFLOW_AUTH_ADMIN_PASSWORD: admin, MLFLOW_FLASK_SERVER_SECRET_KEY: 'signs the forms of its pages' };
  const serving = execa(python, [...server, ...state, ...artifacts, '--port', String(port)], {
    cwd: dir,
    // A group of its own: the web server of the command is a child of it.
    detached: true,
    reject: false,
    stdin: 'ignore',
    stdout: { file: log, append: true },
    stderr: { file: log, append: true },
    env: { MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false', MLFLOW_DISABLE_TELEMETRY: 'true', ...(admin && login) },
  });
  let hasEnded = false;
  const ended = serving.then(() => {
    hasEnded = true;
  });
  const pid = serving.pid ?? 0;
  /** To the whole group; what has ended already takes no signal. */
  const signal = (name: NodeJS.Signals) => {
    try {
      if (pid) process.kill(-pid, name);
    } catch {}
  };
  try {
    const started = async () => hasEnded || (await isHealthy(uri));
    await until(started, { timeoutMs: START_WITHIN_MS, what: `MLflow at ${uri}` });
    if (hasEnded)
      throw new Error(`MLflow ended before it answered (${python}):\n${await readFile(log, 'utf8').catch(String)}`);
  } catch (error) {
    signal('SIGKILL');
    throw error;
  }
  return { pid, ended, signal };
}

async function isHealthy(uri: string): Promise<boolean> {
  return await fetch(`${uri}/health`).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function freePort(): Promise<number> {
  const probe = createServer();
  const listening = Promise.withResolvers<void>();
  probe.listen(0, '127.0.0.1', listening.resolve);
  await listening.promise;
  const address = probe.address();
  probe.close();
  if (address === null || typeof address === 'string') throw new Error('No free port.');
  return address.port;
}
