import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Progress } from '../../src/contracts/progress.ts';
import type { GateVerdict } from '../../src/contracts/verdicts.ts';
import type { RetrainResult } from '../../src/contracts/workflows.ts';
import { createMlflow, type Mlflow } from '../../src/systems/mlflow/index.ts';
import { mediwatch } from '../support/command.ts';
import { createTestStack, running, type StackRun, type TestStack } from '../support/stack.ts';
import { until } from '../support/until.ts';

const MODEL = 'MediWatchReadmit';
/** Promised for the time after the worker's death (ms). */
const GONE_LIMIT_MS = 5_000;

interface Outcome {
  workflowId: string;
  result: RetrainResult;
}

/** The whole thing on the real data: the tests build on one another, as a person's day would. */
describe.runIf(process.platform === 'linux')('the stack on the real data', { timeout: 600_000 }, () => {
  let stack: TestStack;
  let run: StackRun;
  let mlflow: Mlflow;
  let client: Client;
  const api = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${stack.ports.API_PORT}${path}`, init);

  beforeAll(async () => {
    stack = await createTestStack();
    run = stack.start();
    await run.up();
    mlflow = createMlflow({ uri: `http://127.0.0.1:${stack.ports.MLFLOW_PORT}`, timeoutMs: 30_000 });
    const connection = await Connection.connect({ address: `127.0.0.1:${stack.ports.TEMPORAL_PORT}` });
    client = new Client({ connection });
  }, 240_000);
  afterAll(async () => {
    await client?.connection.close();
    await mlflow?.close();
    await stack.dispose();
  }, 60_000);

  test('a retrain ends with a new version in Production that answers /predict', async () => {
    const { exitCode, json, stderr } = await mediwatch<Outcome>(stack.env, 'retrain', '--trials', '3', '--follow');
    expect(exitCode, stderr).toBe(0);
    expect(json.result.version.version).toBe('1');
    expect(json.result.version.metrics.test_auc).toBeGreaterThan(0.65);
    expect(await mlflow.getVersion(MODEL, '1')).toMatchObject({ stage: 'Production', aliases: ['champion'] });

    const { example } = (await (await api('/schema')).json()) as { example: unknown };
    const records = [example].flat();
    const answer = await api('/predict', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ records }),
    });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-mediwatch-version')).toBe('1');
    expect(await answer.json()).toMatchObject({
      model_version: '1',
      predictions: records.map(() => expect.anything()),
    });
  });

  test('each trial is a run nested in the run of the retrain, which holds the model and the report', async () => {
    const { runId } = required(await mlflow.getVersion(MODEL, '1'));
    const parent = required(await mlflow.getRun(runId as string));
    const trials = await mlflow.searchRuns(parent.experimentId, `tags.mlflow.parentRunId = '${runId}'`);
    expect(trials).toHaveLength(3);
    for (const trial of trials) {
      const isPruned = trial.tags['mediwatch.pruned'] !== undefined;
      expect(trial.status).toBe(isPruned ? 'KILLED' : 'FINISHED');
      expect(trial.metrics[isPruned ? 'rung_score' : 'validation_auc']).toBeGreaterThan(0.6);
      expect(trial.params.learning_rate).toBeDefined();
    }
    expect(parent).toMatchObject({ status: 'FINISHED' });
    expect(await mlflow.getArtifactText(runId as string, 'report/report.html')).toContain('<html');
  });

  test('the same data are not prepared again', async () => {
    const { exitCode, json } = await mediwatch<{ workflowId: string }>(stack.env, 'prepare', '--follow');
    expect(exitCode).toBe(0);
    const logs = readdirSync(join(stack.dir, 'logs', 'steps'));
    expect(logs.filter((name) => name.startsWith('retrain') && name.endsWith('prepareData'))).toHaveLength(1);
    expect(logs).not.toContain(json.workflowId);
  });

  test('kill -9 of the worker in the middle of the search: no finished trial runs again, one new version', async () => {
    const started = await mediwatch<{ workflowId: string }>(stack.env, 'retrain', '--trials', '8', '--detach');
    const { workflowId } = started.json;
    const handle = client.workflow.getHandle(workflowId);
    await until(
      async () => {
        const search = (await handle.query<Progress>('progress').catch(() => null))?.search;
        return (search?.complete ?? 0) + (search?.pruned ?? 0) >= 3;
      },
      { timeoutMs: 240_000, what: 'three finished trials' },
    );
    const [worker] = running(stack.processes(), 'src/worker.ts');
    const python = running(stack.processes(), 'mediwatch_training.pool');
    expect(python.length).toBeGreaterThanOrEqual(2);
    process.kill(required(worker), 'SIGKILL');
    await until(() => !stack.processes().some((pid) => python.includes(pid)), {
      timeoutMs: GONE_LIMIT_MS,
      what: 'the Python processes of the dead worker to be gone',
    });

    const result = (await handle.result()) as RetrainResult;
    expect(result.version.version).toBe('2');
    expect((await mlflow.listVersions(MODEL)).map(({ version }) => version)).toEqual(['2', '1']);
    const trials = await client.workflow.getHandle(`${workflowId}/hyperparameterSearch`).fetchHistory();
    const finished = (trials.events ?? []).filter((event) => event.activityTaskCompletedEventAttributes);
    const fits = (trials.events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) => {
      if (!/^(runTrial|runRung)$/.test(scheduled?.activityType?.name ?? '')) return [];
      const { number, step } = JSON.parse(
        Buffer.from(scheduled?.input?.payloads?.[0]?.data ?? []).toString(),
      ) as Record<string, number>;
      return [`${number} on ${step ?? 'all'}`];
    });
    // One activity a fit, and each ended once: a retry is an attempt of an unfinished one.
    expect(new Set(fits).size).toBe(fits.length);
    expect(new Set(fits.map((fit) => fit.split(' ')[0])).size).toBe(8);
    expect(
      new Set(finished.map((event) => String(event.activityTaskCompletedEventAttributes?.scheduledEventId))).size,
    ).toBe(finished.length);
    const { runId, experimentId } = required(await mlflow.getRun(result.version.runId as string));
    const runs = await mlflow.searchRuns(experimentId, `tags.mlflow.parentRunId = '${runId}'`);
    expect(runs.map(({ tags }) => tags['mediwatch.trial']).toSorted()).toEqual([...'01234567']);
    expect(runs.filter(({ status, tags }) => status !== (tags['mediwatch.pruned'] ? 'KILLED' : 'FINISHED'))).toEqual(
      [],
    );
  });

  test('the second version replaces the first, which goes to Staging as the rollback target', async () => {
    expect(await mlflow.getVersion(MODEL, '2')).toMatchObject({ stage: 'Production', aliases: ['champion'] });
    expect(await mlflow.getVersion(MODEL, '1')).toMatchObject({ stage: 'Staging', aliases: ['previous'] });
    expect(await (await api('/health')).json()).toMatchObject({ model_version: '2' });
  });

  test('a rollback brings the first version back to the registry and the API, and marks the one it leaves', async () => {
    const { exitCode, stderr } = await mediwatch(stack.env, 'rollback', '--reason', 'a test');
    expect(exitCode, stderr).toBe(0);
    expect(await mlflow.getVersion(MODEL, '1')).toMatchObject({ stage: 'Production' });
    expect(await (await api('/health')).json()).toMatchObject({ model_version: '1' });
    const promoted = await mediwatch<{ result: { promotion: { verdict: GateVerdict } } }>(stack.env, 'promote', '2');
    expect(promoted.exitCode, promoted.stderr).toBe(3);
    expect(promoted.json.result.promotion.verdict).toMatchObject({ code: 'rolledBack', reason: 'a test' });
  });

  test('a cancelled search leaves no run open and no version behind', async () => {
    const started = await mediwatch<{ workflowId: string }>(stack.env, 'retrain', '--trials', '8', '--detach');
    const { workflowId } = started.json;
    const handle = client.workflow.getHandle(workflowId);
    await until(async () => ((await handle.query<Progress>('progress').catch(() => null))?.search?.running ?? 0) > 0, {
      timeoutMs: 120_000,
      what: 'a running trial',
    });
    const { exitCode } = await mediwatch(stack.env, 'cancel', workflowId, '--wait');
    expect(exitCode).toBe(0);
    expect(await mlflow.listVersions(MODEL)).toHaveLength(2);
    const experimentId = await mlflow.ensureExperiment('mediwatch');
    const open = await mlflow.searchRuns(experimentId, "attributes.status = 'RUNNING'");
    expect(open.map(({ name }) => name)).toEqual([]);
  });

  test.each([
    ['a missing data file', () => 'data/patients.csv', 'DataNotFound', 'data/patients.csv'],
    [
      'a CSV without the target column',
      () => {
        const path = join(stack.dir, 'untargeted.csv');
        writeFileSync(path, 'patient_nbr,age\n1,50\n2,60\n');
        return path;
      },
      'DataInvalid',
      'readmitted',
    ],
  ])('%s is reported, and nothing is registered', async (_, path, type, named) => {
    const { exitCode, json } = await mediwatch<{ message: string }>(
      stack.env,
      'retrain',
      '--data',
      path(),
      '--trials',
      '1',
      '--follow',
    );
    expect(exitCode).toBe(1);
    expect(JSON.stringify(json)).toContain(type);
    expect(JSON.stringify(json)).toContain(named);
    expect(await mlflow.listVersions(MODEL)).toHaveLength(2);
  });
});

function required<Value>(value: Value | undefined | null): Value {
  if (value === undefined || value === null) throw new Error('It is not there.');
  return value;
}
