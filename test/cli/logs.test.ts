import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { payloadConverterPath } from '../../src/bundle.ts';
import { PROJECT_ROOT } from '../../src/config.ts';
import { TASK_QUEUES } from '../../src/contracts/names.ts';
import { type MlflowServer, startMlflow } from '../support/mlflow.ts';
import { createProject, type TestProject, VENV } from '../support/project.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { jsonLines, mediwatch, NOWHERE, resetRunning } from './support.ts';

let temporal: TestTemporal;
let server: MlflowServer;
let project: TestProject;
/** Another host: it has nothing of the project, and a state folder of its own. */
let elsewhere: string;
let env: Record<string, string>;
let connection: Connection;
let client: Client;
let worker: ChildProcess;

/** Says a line, waits until a file is there, says another one on stderr, and leaves a data set. */
const PREPARE = `echo "reading, and waiting"
while [ ! -e "$1" ]; do sleep 0.1; done
echo "going on" >&2
printf 'a,b\\n1,2\\n' > "$2/data.csv"`;

beforeAll(async () => {
  [temporal, server] = await Promise.all([startTemporal(), startMlflow()]);
  project = createProject({
    registry: { registeredModel: 'Logged' },
    mlflow: { uri: server.uri, experiment: 'logged' },
    temporal: { address: temporal.address },
    artifacts: { store: 'mlflow' },
    steps: {
      prepare: { command: ['sh', '-c', PREPARE, 'sh', 'go-{seed}', '{output}'] },
      trial: { venv: VENV, command: ['python', 'plain.py', '{params}'] },
      train: {
        venv: VENV,
        command: ['python', 'registers.py', '--name', '{registeredModel}'],
        outputs: { metrics: { test_auc: 'auc' } },
      },
    },
    search: {
      trials: 2,
      metric: 'valid_auc',
      space: { lr: { type: 'float', low: 0.01, high: 0.3, log: true } },
    },
    deployment: { target: 'none' },
  });
  elsewhere = mkdtempSync(join(tmpdir(), 'mediwatch-elsewhere-'));
  env = {
    TEMPORAL_ADDRESS: temporal.address,
    MLFLOW_TRACKING_URI: server.uri,
    MEDIWATCH_MLFLOW_EXPERIMENT: 'logged',
    MEDIWATCH_STACK_DIR: elsewhere,
    TZ: 'UTC',
  };
  connection = await Connection.connect({ address: temporal.address });
  client = new Client({ connection, dataConverter: { payloadConverterPath } });
  worker = startWorker();
}, 240_000);

afterAll(async () => {
  await end('SIGTERM');
  await connection?.close();
  await Promise.all([server?.stop(), temporal?.stop()]);
  project?.remove();
  rmSync(elsewhere, { recursive: true, force: true });
});

function startWorker(): ChildProcess {
  const { MEDIWATCH_CONFIG: _, ...rest } = process.env;
  return spawn(process.execPath, [join(PROJECT_ROOT, 'src/worker.ts')], {
    cwd: project.dir,
    env: rest,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

async function end(signal: NodeJS.Signals): Promise<void> {
  if (!worker || worker.exitCode !== null || worker.signalCode !== null) return;
  const exited = once(worker, 'exit');
  worker.kill(signal);
  await exited;
}

const start = (type: string, workflowId: string, input: object) =>
  client.workflow.start(type, { workflowId, taskQueue: TASK_QUEUES.orchestration, args: [input] });
const release = (seed: number) => writeFileSync(join(project.dir, `go-${seed}`), '');
const shown = (what: string, output: () => string) =>
  until(() => output().includes(what), { timeoutMs: 120_000, what: `"${what}"` });

it('shows what a step writes while it writes, from another host, until the workflow ends', async () => {
  const handle = await start('retrain', 'live', { seed: 1 });
  const following = execa(process.execPath, [join(PROJECT_ROOT, 'src/client.ts'), 'logs', 'live', '--follow'], {
    cwd: elsewhere,
    env,
    extendEnv: false,
    reject: false,
    timeout: 280_000,
  });
  let output = '';
  following.stdout.on('data', (text) => (output += text));
  await shown('reading, and waiting', () => output);
  expect(output).not.toContain('going on');
  expect((await mediwatch(['logs', 'live/prepareData'], { env })).out).toMatch(
    /^\d\d:\d\d:\d\d {2}reading, and waiting$/m,
  );
  release(1);
  await handle.result();
  const { exitCode, stdout, stderr } = await following;
  expect([exitCode, stderr]).toEqual([0, 'live: completed.']);
  expect(stdout).toMatch(/^\d\d:\d\d:\d\d {2}prepare +going on$/m);
  expect(stdout).not.toContain('\u001b[');

  const list = await mediwatch(['logs', 'live', '--list', '--json'], { env });
  const { logs } = JSON.parse(list.out) as { logs: Array<Record<string, unknown>> };
  expect(logs.map(({ step, state, attempt }) => `${step} ${state} ${attempt}`)).toEqual(
    expect.arrayContaining(['prepare completed 1', 'trial-0 completed 1', 'trial-1 completed 1', 'train completed 1']),
  );
  expect(logs[0]).toMatchObject({
    step: 'prepare',
    workflowId: 'live/prepareData',
    file: expect.stringMatching(/^\//),
  });
}, 300_000);

it('shows one step, its last lines, or which there are; and names them when there is no such', async () => {
  const one = await mediwatch(['logs', 'live', '--step', 'prep'], { env });
  expect(one.out).toMatch(/^\S+ {2}reading, and waiting\n\S+ {2}going on\n$/);
  const tail = await mediwatch(['logs', 'live', '--step', 'prepareData', '--tail', '1'], { env });
  expect(tail.out).toMatch(/^\S+ {2}going on\n$/);
  const json = await mediwatch(['logs', 'live', '--step', 'prepare', '--json'], { env });
  expect(jsonLines(json.out)).toMatchObject([
    { event: 'line', step: 'prepare', attempt: 1, text: 'reading, and waiting', workflowId: 'live/prepareData' },
    { event: 'line', text: 'going on', at: expect.stringMatching(/^\d{4}-.*Z$/) },
    { event: 'result', lines: 2, exitCode: 0 },
  ]);
  const table = await mediwatch(['logs', 'live', '--list'], { env });
  expect(table.out).toMatch(/^STEP +ATTEMPT +STATE +STARTED +TOOK +SIZE +HOST +FILE THERE\nprepare +1 +completed +/);
  expect(table.out).toContain(join('logs', 'steps', 'live_prepareData', 'prepare-'));

  const none = await mediwatch(['logs', 'live', '--step', 'trial-7'], { env });
  expect(none.code).toBe(2);
  expect(none.err).toMatch(/live has no log of step "trial-7"\. It has logs of: prepare, .*trial-0, trial-1, train/);
  const attempt = await mediwatch(['logs', 'live', '--step', 'train', '--attempt', '4'], { env });
  expect(attempt.err).toContain('no log of step "train", attempt 4');
  expect((await mediwatch(['logs', 'live', '--tail', 'x'], { env })).code).toBe(2);
});

it('needs no Temporal: without it, what there is now is shown, and following says why it ends', async () => {
  const away = { ...env, TEMPORAL_ADDRESS: NOWHERE };
  const plain = await mediwatch(['logs', 'live', '--step', 'prepare'], { env: away });
  expect([plain.code, plain.err]).toEqual([0, '']);
  const following = await mediwatch(['logs', 'live', '--step', 'prepare', '--follow'], { env: away });
  expect([following.code, following.out]).toEqual([0, expect.stringContaining('going on')]);
  expect(following.err).toContain('Temporal does not answer, so that nobody can tell when it ends');
  const nothing = await mediwatch(['logs', 'nothing'], { env: away });
  expect([nothing.code, nothing.err]).toEqual([
    4,
    expect.stringContaining('There is no log of "nothing" in the experiment "logged" of MLflow.'),
  ]);
});

it('says that a workflow is unknown, and that MLflow is away', async () => {
  const unknown = await mediwatch(['logs', 'nothing'], { env });
  expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining('There is no workflow "nothing"')]);
  const followed = await mediwatch(['logs', 'nothing', '--follow'], { env });
  expect([followed.code, followed.err]).toEqual([2, expect.stringContaining('There is no workflow "nothing"')]);
  const away = await mediwatch(['logs', 'live', '--follow'], {
    env: { ...env, MLFLOW_TRACKING_URI: `http://${NOWHERE}` },
  });
  expect([away.code, away.err]).toEqual([4, expect.stringContaining('mlflow.uri')]);
});

it('has what a step wrote before its worker was killed, and tells attempts apart', async () => {
  const handle = await start('prepareData', 'killed', { seed: 2 });
  const read = async () => (await mediwatch(['logs', 'killed'], { env })).out;
  await until(async () => (await read()).includes('reading, and waiting'), { timeoutMs: 60_000, what: 'the line' });
  await end('SIGKILL');
  expect(await read()).toContain('reading, and waiting');

  const interruption = new AbortController();
  let output = '';
  const following = mediwatch(['logs', 'killed', '--follow', '--json'], {
    env,
    interrupted: interruption.signal,
    onOut: (text) => (output += text),
  });
  await shown('reading, and waiting', () => output);
  interruption.abort();
  const left = await following;
  expect(left).toMatchObject({ code: 130, err: '' });
  expect(jsonLines(left.out)).toMatchObject([
    { event: 'line' },
    { event: 'result', state: 'left', exitCode: 130, workflowId: 'killed', lines: 1 },
  ]);

  worker = startWorker();
  release(2);
  await handle.result();
  await until(async () => /prepare#2 +going on/.test(await read()), { timeoutMs: 20_000, what: 'the second attempt' });
  expect(await read()).toMatch(
    /prepare +reading, and waiting\n.*prepare +\[lost: The worker died\.\]\n.*prepare#2 +reading, and waiting\n/,
  );
  const second = await mediwatch(['logs', 'killed', '--attempt', '2'], { env });
  expect(second.out).toMatch(/^\S+ {2}reading, and waiting\n\S+ {2}going on\n$/);
}, 240_000);

it('follows one that is reset to the end of its new run', async () => {
  const handle = await start('prepareData', 'reset', { seed: 3 });
  let output = '';
  const following = mediwatch(['logs', 'reset', '--follow'], { env, onOut: (text) => (output += text) });
  await shown('reading, and waiting', () => output);
  const runId = await resetRunning(client, handle.workflowId);
  release(3);
  await client.workflow.getHandle('reset', runId).result();
  const { code, out, err } = await following;
  expect([code, err]).toEqual([0, 'It was reset; following its new run.\nreset: completed.\n']);
  expect(out).toContain('going on');
}, 120_000);
