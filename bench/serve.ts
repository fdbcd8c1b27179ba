import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
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
interface Batches {
  batchRecordsPerSecond: number;
  /** CPU of the server for a record of a batch. */
  cpuMicrosecondsPerRecord: number;
}
interface Round extends Batches {
  oneRecordMs: number;
  requestsPerSecond: number;
  /** CPU of the server for one of many requests. */
  cpuMsPerRequest: number;
}

const DATA = join(PROJECT_ROOT, 'data/diabetic_data.csv.gz');
const MODEL = 'Served';
const ARROW = 'application/vnd.apache.arrow.stream';
const TO_ARROW = `
import json, sys
import pandas as pd
import pyarrow as pa
frame = pd.DataFrame(json.load(sys.stdin))
texts = frame.select_dtypes("object").columns
batch = pa.RecordBatch.from_pandas(frame.astype({name: "category" for name in texts}), preserve_index=False)
with pa.ipc.new_stream(sys.stdout.buffer, batch.schema) as stream:
    stream.write_batch(batch)
`;

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
    const bundled: Server = {
      name: 'bundled',
      process: start(BUNDLED_PYTHON, ['-m', 'mediwatch_training.serving'], { ...env, ...ours }),
      url,
      path: '/predict',
      body: (records) => JSON.stringify({ records }),
    };
    const mlflow: Server = {
      name: 'mlflow',
      process: start(BUNDLED_PYTHON, [...theirs, '--port', String(theirPort)], {
        ...env,
        // It starts uvicorn by its name.
        PATH: `${dirname(BUNDLED_PYTHON)}:${process.env.PATH}`,
      }),
      url: theirUrl,
      path: '/invocations',
      body: (records) => JSON.stringify({ dataframe_records: records }),
    };
    await answering(`${theirUrl}/ping`);
    const isCompiled = async () => ((await (await fetch(`${url}/health`)).json()) as { compiled?: boolean }).compiled;
    await until(async () => (await isCompiled().catch(() => false)) === true, { timeoutMs: 60_000, what: 'the API' });
    const rows = records((await (await fetch(`${url}/schema`)).json()) as Schema, batch);

    const { stdout: stream } = await execa(BUNDLED_PYTHON, ['-c', TO_ARROW], {
      input: JSON.stringify(rows),
      encoding: 'buffer',
    });

    const found = { bundled: [] as Round[], mlflow: [] as Round[], columns: [] as Batches[] };
    const inBatches = async (server: Server, columns?: Uint8Array): Promise<Batches> => {
      const large = await load(server, { clients: 2, seconds, size: batch, rows, columns });
      return {
        batchRecordsPerSecond: large.requestsPerSecond * batch,
        cpuMicrosecondsPerRecord: (large.cpuMs / batch) * 1_000,
      };
    };
    const measureColumns = async (round: number) => {
      const measured = await inBatches(bundled, stream);
      found.columns.push(measured);
      say(`round ${round + 1}, bundled, in columns: ${JSON.stringify(measured)}`);
    };
    const measure = (server: Server) => async (round: number) => {
      const one = await load(server, { clients: 1, seconds, size: 1, rows });
      const many = await load(server, { clients, seconds, size: 1, rows });
      const measured = {
        oneRecordMs: one.medianMs,
        requestsPerSecond: many.requestsPerSecond,
        cpuMsPerRequest: many.cpuMs,
        ...(await inBatches(server)),
      };
      found[server.name].push(measured);
      say(`round ${round + 1}, ${server.name}: ${JSON.stringify(measured)}`);
    };
    await inTurn(rounds, [measure(bundled), measureColumns, measure(mlflow)]);
    const ratioOf = (name: keyof Round) =>
      ratio(
        found.bundled.map((round) => round[name]),
        found.mlflow.map((round) => round[name]),
      );
    return {
      bundled: summaries(found.bundled),
      bundledInColumns: summaries(found.columns),
      mlflow: summaries(found.mlflow),
      ratioOfRequestsPerSecond: ratioOf('requestsPerSecond'),
      ratioOfBatchRecordsPerSecond: ratioOf('batchRecordsPerSecond'),
      ratioOfColumnsRecordsPerSecond: ratio(
        found.columns.map((round) => round.batchRecordsPerSecond),
        found.mlflow.map((round) => round.batchRecordsPerSecond),
      ),
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
  /** The same records as an Arrow stream, to be sent and answered as such. */
  columns?: Uint8Array | undefined;
}

/** Sends requests from clients that each wait for their answer; at least one each. */
async function load(server: Server, { clients, seconds, size, rows, columns }: Load) {
  const bodies: Array<string | Uint8Array> = columns ? [columns] : [];
  for (let start = 0; !columns && start + size <= rows.length && bodies.length < 500; start += size)
    bodies.push(server.body(rows.slice(start, start + size)));
  const type = columns ? ARROW : 'application/json';
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
        headers: { 'content-type': type, accept: type },
        body: bodies[ms.length % bodies.length] ?? '',
      });
      const answer = Buffer.from(await response.body.arrayBuffer());
      if (response.statusCode !== 200)
        throw new Error(`${server.name}: ${response.statusCode} ${answer.toString('utf8', 0, 500)}`);
      ms.push(performance.now() - sentAt);
    } while (performance.now() - startedAt < seconds * 1_000);
    await client.close();
  };
  await Promise.all(Array.from({ length: clients }, ask));
  const took = (performance.now() - startedAt) / 1_000;
  const cpuMs = ((cpuSeconds(inGroup(server.process)) - cpuBefore) * 1_000) / ms.length;
  return { medianMs: summary(ms).median, requestsPerSecond: ms.length / took, cpuMs };
}
