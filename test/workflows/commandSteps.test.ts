import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { payloadConverterPath } from '../../src/bundle.ts';
import { PROJECT_ROOT } from '../../src/config.ts';
import { TASK_QUEUES } from '../../src/contracts/names.ts';
import type { Progress } from '../../src/contracts/progress.ts';
import type { RetrainResult, SearchResult } from '../../src/contracts/workflows.ts';
import { createMlflow, type Mlflow } from '../../src/systems/mlflow/index.ts';
import { type MlflowServer, startMlflow } from '../support/mlflow.ts';
import { createProject, type TestProject, VENV } from '../support/project.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';

let temporal: TestTemporal;
let server: MlflowServer;
let mlflow: Mlflow;
let project: TestProject;
let connection: Connection;
let client: Client;
let worker: ChildProcess;

const note = (...words: string[]) => ['sh', '-c', 'echo "$@" >> notes', 'sh', ...words];

beforeAll(async () => {
  [temporal, server] = await Promise.all([startTemporal(), startMlflow()]);
  project = createProject({
    registry: { registeredModel: 'Scripts' },
    mlflow: { uri: server.uri, experiment: 'scripts' },
    temporal: { address: temporal.address },
    steps: {
      prepare: { skip: true },
      trial: { venv: VENV, command: ['python', 'plain.py', '{params}'] },
      train: {
        venv: VENV,
        command: ['python', 'registers.py', '--name', '{registeredModel}'],
        outputs: { metrics: { test_auc: 'auc' } },
      },
    },
    search: {
      trials: 6,
      metric: 'valid_auc',
      space: {
        lr: { type: 'float', low: 0.01, high: 0.3, log: true },
        'n-estimators': { type: 'int', low: 5, high: 50 },
      },
    },
    extraSteps: [
      { name: 'first', before: 'prepareData', command: note('first', '{registeredModel}') },
      { name: 'registered', after: 'trainBestAndRegister', command: note('registered', '{version}') },
      { name: 'promoted', after: 'promote', command: note('promoted', '{version}') },
    ],
    deployment: { target: 'none' },
    models: {
      Scripts: {},
      Study: {
        mlflow: { experiment: 'study' },
        search: { metric: 'loss', direction: 'minimize' },
        steps: {
          search: { venv: VENV, command: ['python', 'nested.py', '--trials', '{trials}'] },
          prepare: { skip: true },
        },
      },
    },
  });
  mlflow = createMlflow({ uri: server.uri, timeoutMs: 30_000 });
  connection = await Connection.connect({ address: temporal.address });
  client = new Client({ connection, dataConverter: { payloadConverterPath } });
  worker = startWorker();
}, 240_000);

afterAll(async () => {
  await end('SIGTERM');
  await connection?.close();
  await mlflow?.close();
  await Promise.all([server?.stop(), temporal?.stop()]);
  project?.remove();
});

function startWorker(): ChildProcess {
  const { MEDIWATCH_CONFIG: _, ...env } = process.env;
  return spawn(process.execPath, [join(PROJECT_ROOT, 'src/worker.ts')], {
    cwd: project.dir,
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

async function end(signal: NodeJS.Signals): Promise<void> {
  if (!worker || worker.exitCode !== null || worker.signalCode !== null) return;
  const exited = once(worker, 'exit');
  worker.kill(signal);
  await exited;
}

const start = (type: string, workflowId: string, input: object): Promise<WorkflowHandle> =>
  client.workflow.start(type, { workflowId, taskQueue: TASK_QUEUES.orchestration, args: [input] });

async function trialRuns(runId: string) {
  const experimentId = await mlflow.ensureExperiment('scripts');
  const runs = await mlflow.searchRuns(experimentId, `tags.mlflow.parentRunId = '${runId}'`);
  return runs.filter(({ tags }) => tags['mediwatch.trial'] !== undefined);
}

it('a search over a plain script goes on after kill -9 of the worker, and repeats no finished trial', async () => {
  const handle = await start('retrain', 'killed', {});
  const progress = async () => (await handle.query<Progress>('progress').catch(() => null))?.search;
  await until(async () => ((await progress())?.complete ?? 0) >= 2, {
    timeoutMs: 200_000,
    what: 'two finished trials',
  });
  await end('SIGKILL');
  const experimentId = await mlflow.ensureExperiment('scripts');
  const before = await mlflow.searchRuns(experimentId, "tags.`mediwatch.outcome` != ''");
  expect(before.length).toBeGreaterThanOrEqual(2);
  worker = startWorker();

  const { version, promotion } = (await handle.result()) as RetrainResult;
  expect(version).toMatchObject({ registeredModel: 'Scripts', version: '1', metrics: { test_auc: 0.66 } });
  expect(promotion).toMatchObject({ promoted: true, challengerAuc: 0.66 });
  const { trials: tried } = await client.workflow.getHandle('killed/hyperparameterSearch').result();
  expect(tried.flatMap(({ error }: { error?: string }) => error ?? [])).toEqual([]);
  const parent = (await mlflow.getRun(version.runId ?? ''))?.tags['mlflow.parentRunId'] ?? '';
  const trials = await trialRuns(parent);
  expect(trials.map(({ tags }) => tags['mediwatch.trial']).toSorted()).toEqual([...'012345']);
  expect(trials.map(({ runId }) => runId)).toEqual(expect.arrayContaining(before.map(({ runId }) => runId)));
  expect(await mlflow.listVersions('Scripts')).toHaveLength(1);
  expect(readFileSync(join(project.dir, 'notes'), 'utf8')).toBe('first Scripts\nregistered 1\npromoted 1\n');
  const shown = await handle.query<Progress>('progress');
  expect(shown.extraSteps.map(({ name, state }) => `${name} ${state}`)).toEqual([
    'first done',
    'registered done',
    'promoted done',
  ]);
  expect(shown.search).toMatchObject({ complete: 6, metric: 'valid_auc' });
}, 600_000);

it('the gate compares what both trainings recorded, and says so', async () => {
  const { promotion } = (await (await start('retrain', 'again', { trials: 0 })).result()) as RetrainResult;
  expect(promotion).toMatchObject({ promoted: true, version: '2', champion: '1' });
  expect(promotion?.verdict).toMatchObject({
    code: 'passed',
    champion: '1',
    recorded: true,
    rules: [{ metric: 'test_auc', challenger: 0.66, champion: 0.66 }],
  });
}, 240_000);

it('a search by one command shows the runs of the script as its trials', async () => {
  const handle = await start('hyperparameterSearch', 'study', {
    registeredModel: 'Study',
    undeclared: true,
    trials: 4,
  });
  const found = (await handle.result()) as SearchResult;
  expect(found).toMatchObject({ metric: 'loss', complete: 4, best: { score: 0.5, params: { lr: 0.2 } } });
}, 240_000);
