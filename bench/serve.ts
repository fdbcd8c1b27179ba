import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { execa } from 'execa';
import { Client } from 'undici';
import { BUNDLED_PYTHON, PROJECT_ROOT, PYTHON_ROOT } from '../src/config.ts';
import { freePort } from '../src/systems/ports.ts';
import { until } from '../test/support/until.ts';
import { inTurn, ratio, say, summaries, summary } from './figures.ts';
import { cpuSeconds, inGroup } from './processes.ts';

interface Options {
  rounds: number;
  /** How long each measurement sends (s). */
  seconds: number;
  clients: number;
  /** Records of a request in a batch. */
  batch: number;
}
type Row = Record<string, unknown>;
interface Server {
  name: 'bundled' | 'mlflow';
  process: ChildProcess;
  url: string;
  path: string;
  /** The body that asks for records. */
  body(records: Row[]): string;
}
interface Round {
  oneRecordMs: number;
  requestsPerSecond: number;
  batchRecordsPerSecond: number;
  /** CPU of the server for one of many requests, and for a record of a batch. */
  cpuMsPerRequest: number;
  cpuMicrosecondsPerRecord: number;
}

const DATA = join(PROJECT_ROOT, 'data/diabetic_data.csv.gz');
const MODEL = 'Served';

/**
 * Asks the bundled API and `mlflow models serve` for the same version in turn, on this machine, from clients in this
 * process. The bundled API writes its prediction log; MLflow's server has none.
 */
export async function benchServe({ rounds, seconds, clients, batch }: Options) {
  const folder = mkdtempSync(join(tmpdir(), 'mediwatch-serve-'));
  const started: ChildProcess[] = [];
  const start = (program: string, args: string[], env: Record<string, string>) => {
    const log = createWriteStream(join(folder, 'log'), { flags: 'a' });
    const child = spawn(program, args, { cwd: folder, env: { ...process.env, ...env }, detached: true });
    child.stdout.pipe(log);
    child.stderr.pipe(log);
    started.push(child);
    return child;
  };
  try {
    say('training a version');
    const taken = new Set<number>();
    const [mlflowPort, port, theirPort] = [await freePort(taken), await freePort(taken), await freePort(taken)];
    const env = { PYTHONPATH: PYTHON_ROOT, MLFLOW_TRACKING_URI: `http://127.0.0.1:${mlflowPort}` };
    const store = [
      '--backend-store-uri',
      `sqlite:///${folder}/mlflow.db`,
      '--artifacts-destination',
      `${folder}/files`,
    ];
    start(BUNDLED_PYTHON, [join(PROJECT_ROOT, 'src/stack/mlflow_server.py'), '--port', String(mlflowPort), ...store], {
      ...env,
      MLFLOW_SERVER_ENABLE_JOB_EXECUTION: 'false',
    });
    await answering(`${env.MLFLOW_TRACKING_URI}/health`);
    const dataset = join(folder, 'dataset');
    await step(['prepare', '--data', DATA, '--out', dataset], env);
    await step(
      ['train-and-register', '--dataset', dataset, '--register', MODEL, '--threads', String(cpus().length)],
      env,
    );

    say('starting both servers');
    const url = `http://127.0.0.1:${port}`;
    const theirUrl = `http://127.0.0.1:${theirPort}`;
    const ours = { MLFLOW_MODEL_NAME: MODEL, MLFLOW_MODEL_VERSION: '1', PORT: String(port), PRED_LOG_DIR: 'logs' };
    const theirs = ['-m', 'mlflow', 'models', 'serve', '-m', `models:/${MODEL}/1`, '--env-manager', 'local'];
    const servers: Server[] = [
      {
        name: 'bundled',
        process: start(BUNDLED_PYTHON, ['-m', 'mediwatch_training.serving'], { ...env, ...ours }),
        url,
        path: '/predict',
        body: (records) => JSON.stringify({ records }),
      },
      {
        name: 'mlflow',
        process: start(BUNDLED_PYTHON, [...theirs, '--port', String(theirPort)], env),
        url: theirUrl,
        path: '/invocations',
        body: (records) => JSON.stringify({ dataframe_records: records }),
      },
    ];
    await answering(`${theirUrl}/ping`);
    const isCompiled = async () => ((await (await fetch(`${url}/health`)).json()) as { compiled?: boolean }).compiled;
    await until(async () => (await isCompiled().catch(() => false)) === true, { timeoutMs: 60_000, what: 'the API' });
    const rows = records((await (await fetch(`${url}/schema`)).json()) as Schema, batch);

    const found = { bundled: [] as Round[], mlflow: [] as Round[] };
    const measure = (server: Server) => async (round: number) => {
      const one = await load(server, { clients: 1, seconds, size: 1, rows });
      const many = await load(server, { clients, seconds, size: 1, rows });
      const large = await load(server, { clients: 2, seconds, size: batch, rows });
      const measured = {
        oneRecordMs: one.medianMs,
        requestsPerSecond: many.requestsPerSecond,
        batchRecordsPerSecond: large.requestsPerSecond * batch,
        cpuMsPerRequest: many.cpuMs,
        cpuMicrosecondsPerRecord: (large.cpuMs / batch) * 1_000,
      };
      found[server.name].push(measured);
      say(`round ${round + 1}, ${server.name}: ${JSON.stringify(measured)}`);
    };
    await inTurn(rounds, servers.map(measure));
    const ratioOf = (name: keyof Round) =>
      ratio(
        found.bundled.map((round) => round[name]),
        found.mlflow.map((round) => round[name]),
      );
    return {
      bundled: summaries(found.bundled),
      mlflow: summaries(found.mlflow),
      ratioOfRequestsPerSecond: ratioOf('requestsPerSecond'),
      ratioOfBatchRecordsPerSecond: ratioOf('batchRecordsPerSecond'),
      clients,
      batch,
    };
  } finally {
    for (const { pid } of started) {
      try {
        if (pid !== undefined) process.kill(-pid, 'SIGKILL');
      } catch {
        // It is gone.
      }
    }
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

const step = (args: string[], env: Record<string, string>) =>
  execa(BUNDLED_PYTHON, ['-m', 'mediwatch_training', ...args], { env });

const answering = (url: string) =>
  until(async () => (await fetch(url).catch(() => null))?.ok === true, { timeoutMs: 120_000, what: url });

interface Schema {
  features: Array<{ name: string }>;
  example: { records: Row[] };
}

/** The first rows of the real data as the API takes them. */
function records({ features, example }: Schema, count: number): Row[] {
  const [header = '', ...lines] = gunzipSync(readFileSync(DATA))
    .toString()
    .split('\r\n', count + 1);
  const names = header.split(',');
  const [first = {}] = example.records;
  return lines.map((line) => {
    const cells = line.split(',');
    const value = (name: string) => {
      const cell = cells[names.indexOf(name)] ?? '?';
      if (cell === '?') return null;
      return typeof first[name] === 'number' ? Number(cell) : cell;
    };
    return Object.fromEntries(features.map(({ name }) => [name, value(name)]));
  });
}

interface Load {
  clients: number;
  seconds: number;
  /** Records of a request. */
  size: number;
  rows: Row[];
}

/** Sends requests from clients that each wait for their answer; at least one each. */
async function load(server: Server, { clients, seconds, size, rows }: Load) {
  const bodies: string[] = [];
  for (let start = 0; start + size <= rows.length && bodies.length < 500; start += size)
    bodies.push(server.body(rows.slice(start, start + size)));
  const ms: number[] = [];
  const cpuBefore = cpuSeconds(inGroup(server.process));
  const startedAt = performance.now();
  const ask = async () => {
    const client = new Client(server.url, { headersTimeout: 0, bodyTimeout: 0 });
    do {
      const sentAt = performance.now();
      const response = await client.request({
        path: server.path,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: bodies[ms.length % bodies.length] ?? '',
      });
      const text = await response.body.text();
      if (response.statusCode !== 200) throw new Error(`${server.name}: ${response.statusCode} ${text.slice(0, 500)}`);
      ms.push(performance.now() - sentAt);
    } while (performance.now() - startedAt < seconds * 1_000);
    await client.close();
  };
  await Promise.all(Array.from({ length: clients }, ask));
  const took = (performance.now() - startedAt) / 1_000;
  const cpuMs = ((cpuSeconds(inGroup(server.process)) - cpuBefore) * 1_000) / ms.length;
  return { medianMs: summary(ms).median, requestsPerSecond: ms.length / took, cpuMs };
}
