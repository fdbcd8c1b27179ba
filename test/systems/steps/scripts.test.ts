import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createRegistryActivities } from '../../../src/activities/registry.ts';
import { type MlflowServer, startMlflow } from '../../support/mlflow.ts';
import { createProject, type TestProject, VENV } from '../../support/project.ts';
import { until } from '../../support/until.ts';
import { rejection } from '../processes/support.ts';
import { createStepBench, type StepBench } from './bench.ts';

let server: MlflowServer;
let project: TestProject;
let bench: StepBench;
let number = 0;

beforeAll(async () => {
  server = await startMlflow();
});
afterAll(() => server?.stop());
afterEach(async () => {
  await bench?.close();
  project?.remove();
});

/** A project whose steps run in a virtual environment that has MLflow; its model and experiment are new ones. */
async function open(steps: Record<string, object>, settings: object = {}): Promise<StepBench> {
  number += 1;
  const inVenv = Object.entries(steps).map(([name, step]) => [name, { venv: VENV, ...step }]);
  project = createProject(
    {
      registry: { registeredModel: `Model${number}` },
      mlflow: { experiment: `experiment-${number}` },
      steps: { prepare: { skip: true }, ...Object.fromEntries(inVenv) },
      ...settings,
    },
    { MEDIWATCH_MLFLOW_URI: server.uri },
  );
  bench = await createStepBench(project.config);
  return bench;
}

async function trial(params: Record<string, number>, key = 'trial/0') {
  const { ref } = await bench.dataset();
  return await bench.call('runTrial', {
    ...TRIAL,
    dataset: ref,
    params,
    key: `${number}/${key}`,
    parentRunId: await parent(),
  });
}
const TRIAL = { model: 'hgb', number: 0, seed: 1 };

async function train(options: { attempt?: number } = {}, key = 'train') {
  const dataset = await bench.dataset();
  return await bench.call(
    'trainModel',
    { dataset, model: 'hgb', params: { lr: 0.2 }, seed: 1, runId: await parent(), key: `${number}/${key}`, trials: [] },
    options,
  );
}

async function parent(): Promise<string> {
  const experimentId = await bench.mlflow.ensureExperiment(project.config.mlflow.experiment);
  return (await bench.mlflow.ensureRun({ experimentId, key: 'parent', name: 'parent' })).runId;
}

/** Opens the run of a workflow as the workflow does. */
async function openWorkflowRun(key: string, purpose: string): Promise<{ runId: string }> {
  const { openRun } = createRegistryActivities({ config: project.config, mlflow: bench.mlflow });
  const { registeredModel } = project.config.registry;
  const request = { key, purpose, subject: { registeredModel }, trigger: null };
  return await new MockActivityEnvironment().run(openRun, request);
}

async function runs() {
  const experimentId = await bench.mlflow.ensureExperiment(project.config.mlflow.experiment);
  return (await bench.mlflow.searchRuns(experimentId, '')).filter(({ name }) => name !== 'parent');
}

describe('a trial by a script', () => {
  it('takes its parameters as arguments, and its score from the run that it was given', async () => {
    await open({ trial: { command: ['python', 'plain.py', '{params}'] } }, { search: { metric: 'valid_auc' } });
    const outcome = await trial({ lr: 0.15, 'n-estimators': 20 });
    expect(outcome.score).toBeCloseTo(0.65002, 5);
    const [run, ...others] = await runs();
    expect(others).toEqual([]);
    expect(run).toMatchObject({ runId: outcome.runId, status: 'FINISHED', params: { lr: '0.15', n_estimators: '20' } });
    expect(run?.tags['mlflow.parentRunId']).toBe(await parent());
  });

  it('is not run again when it had finished but nobody was told', async () => {
    await open({ trial: { command: ['python', 'plain.py', '{params}'] } }, { search: { metric: 'valid_auc' } });
    const first = await trial({ lr: 0.15 });
    project.config.steps.trial.command = ['false'];
    expect(await trial({ lr: 0.15 })).toEqual(first);
  });

  it('may only print its score', async () => {
    await open({
      trial: {
        command: ['python3', 'prints.py', '--lr={params.lr}'],
        outputs: { pattern: 'AUC=(?P<auc>[\\d.]+)' },
      },
    });
    const outcome = await trial({ lr: 0.5 });
    expect(outcome).toMatchObject({ score: 0.7, metrics: { auc: 0.7 } });
    expect((await runs())[0]).toMatchObject({ params: { lr: '0.5' }, metrics: { auc: 0.7, score: 0.7 } });
  });

  it('may make its run by the REST client, in another experiment', async () => {
    await open(
      { trial: { command: ['python', 'client_only.py', '{params}', '--experiment', 'elsewhere-{seed}'] } },
      { search: { metric: 'valid_auc' } },
    );
    await bench.mlflow.ensureExperiment('elsewhere-1');
    const [first, second] = await Promise.all([trial({ lr: 0.1 }, 'trial/0'), trial({ lr: 0.3 }, 'trial/1')]);
    expect([first.score, second.score]).toEqual([0.8 - 0.1, 0.8 - 0.3]);
  });

  it('that leaves nothing is not given the run that another script made meanwhile with other parameters', async () => {
    const command = ['sh', '-c', 'touch begun; until [ -e done ]; do sleep 0.1; done', '{params.lr}'];
    await open({ trial: { command } }, { search: { metric: 'valid_auc' } });
    const failed = expect(trial({ lr: 0.1 })).rejects.toThrow(/"valid_auc", was not found/);
    await until(() => existsSync(join(project.dir, 'begun')), { timeoutMs: 30_000, what: 'the script to run' });
    const experimentId = await bench.mlflow.ensureExperiment('of others');
    const { runId } = await bench.mlflow.createRun({ experimentId, name: 'other' });
    await bench.mlflow.logBatch(runId, { params: { lr: '0.3' }, metrics: { valid_auc: 0.5 } });
    await bench.mlflow.updateRun(runId, { status: 'FINISHED', endTime: Date.now() });
    writeFileSync(join(project.dir, 'done'), '');
    await failed;
  });

  it('says what was looked for, what was found, and what to set, when there is no score', async () => {
    await open({ trial: { command: ['python', 'plain.py', '{params}'] } }, { search: { metric: 'f1' } });
    const error = await rejection(trial({ lr: 0.1 }));
    expect(error).toMatchObject({ type: 'StepFailed', nonRetryable: true, cause: { code: 'noScore' } });
    for (const name of ['f1', 'test_roc', 'valid_auc', 'search.metric']) expect(String(error)).toContain(name);
    expect((await runs())[0]?.status).toBe('FAILED');
  });
});

describe('a search by one command', () => {
  it('has the runs that the script opened as its trials, and the best by the metric and its direction', async () => {
    await open(
      { search: { command: ['python', 'nested.py', '--trials', '{trials}'] } },
      { search: { metric: 'loss', direction: 'minimize' } },
    );
    const { ref } = await bench.dataset();
    const request = { dataset: ref, data: 'data.csv', model: 'hgb', trials: 3, parallel: 1, seed: 1 };
    const input = { ...request, parentRunId: await parent(), key: `${number}/search` };
    const found = await bench.call('runSearch', input);
    expect(found).toMatchObject({ complete: 3, failed: 0, best: { score: 0.5, params: { lr: 0.2, deep: false } } });
    expect(found.trials.map(({ score }) => score)).toEqual([1.5, 0.5, 1.5]);
    // The result is there when the worker died before it could tell.
    project.config.steps.search.command = ['false'];
    expect(await bench.call('runSearch', input, { attempt: 2 })).toMatchObject({ complete: 3, best: { score: 0.5 } });
  });
});

describe('a search by one command in a workflow of its own', () => {
  it('has another run than the workflow, below that of the workflow', async () => {
    await open(
      { search: { command: ['python', 'nested.py', '--trials', '{trials}'] } },
      { search: { metric: 'loss', direction: 'minimize' } },
    );
    const key = `${number}/search`;
    const { runId } = await openWorkflowRun(key, 'search');
    const { ref } = await bench.dataset();
    const request = { dataset: ref, data: 'data.csv', model: 'hgb', trials: 3, parallel: 1, seed: 1 };
    await bench.call('runSearch', { ...request, parentRunId: runId, key });
    const all = await runs();
    expect(all.find((run) => run.runId === runId)).toMatchObject({ status: 'RUNNING' });
    const below = all.filter(({ tags }) => tags['mlflow.parentRunId'] === runId);
    expect(below).toMatchObject([{ status: 'FINISHED' }]);
  });
});

describe('a search by one command that is killed', () => {
  it('keeps the trials that had finished, ends the one that had not, and goes on in the same run', async () => {
    await open(
      { search: { command: ['python', 'nested.py', '--trials', '{trials}', '--die'], attempts: 2 } },
      { search: { metric: 'loss', direction: 'minimize' } },
    );
    const { ref } = await bench.dataset();
    const request = { dataset: ref, data: 'data.csv', model: 'hgb', trials: 3, parallel: 1, seed: 1 };
    const input = { ...request, parentRunId: await parent(), key: `${number}/search` };
    await expect(bench.call('runSearch', input)).rejects.toMatchObject({ type: 'CommandFailed' });
    const found = await bench.call('runSearch', input, { attempt: 2 });
    expect(found).toMatchObject({ complete: 5, failed: 1, best: { score: 0.5, params: { lr: 0.2 } } });
    expect((await runs()).filter(({ status }) => status === 'RUNNING')).toEqual([]);
    expect((await runs()).filter(({ name }) => name === 'search')).toHaveLength(1);
  });
});

describe('a training by a script', () => {
  it('that registers nothing is registered from the model in its run', async () => {
    await open({
      train: {
        command: ['python', 'plain.py', '--lr', '{params.lr}', '--log-model'],
        outputs: { metrics: { test_auc: 'test_roc' } },
      },
    });
    const trained = await train();
    expect(trained).toMatchObject({ metrics: { test_auc: 0.65, test_roc: 0.65 } });
    // MLflow 3 keeps it as a logged model, MLflow 2 as files of the run.
    expect(trained.modelUri).toMatch(/^models:\/m-|^mlflow-artifacts:.*\/model$/);
    expect(trained.version ?? null).toBeNull();
    // Promotions compare by our name of the metric.
    expect((await bench.mlflow.getRun(trained.runId))?.metrics.test_auc).toBe(0.65);
  });

  it('that registers itself has its own version, once, also when it is asked for again', async () => {
    await open({ train: { command: ['python', 'registers.py', '--name', '{registeredModel}'] } });
    const name = project.config.registry.registeredModel;
    const trained = await train();
    expect(trained).toMatchObject({ version: '1', metrics: { auc: 0.66 } });
    expect(await train({ attempt: 2 })).toEqual(trained);
    expect(await bench.mlflow.listVersions(name)).toHaveLength(1);
    const adopted = await bench.mlflow.ensureVersion({
      name,
      key: 'w/version',
      source: trained.modelUri,
      runId: trained.runId,
      version: trained.version ?? undefined,
    });
    expect(adopted).toMatchObject({ version: '1', tags: { 'mediwatch.key': 'w/version' } });
  });

  it('that died after it had registered a version leaves one version in the end', async () => {
    await open({ train: { command: ['python', 'registers.py', '--name', '{registeredModel}', '--die'], attempts: 3 } });
    const name = project.config.registry.registeredModel;
    await expect(train()).rejects.toMatchObject({ type: 'CommandFailed', nonRetryable: false });
    expect(await train({ attempt: 2 })).toMatchObject({ version: '2', metrics: { auc: 0.66 } });
    expect((await bench.mlflow.listVersions(name)).map(({ version }) => version)).toEqual(['2']);
    expect(await runs()).toHaveLength(1);
  });

  it('leaves the run alone that a workflow opened which does nothing but train, also when it is repeated', async () => {
    await open({ train: { command: ['python', 'registers.py', '--name', '{registeredModel}', '--die'], attempts: 3 } });
    const key = `${number}/train`;
    const { runId } = await openWorkflowRun(key, 'train');
    const dataset = await bench.dataset();
    const input = { dataset, model: 'hgb', params: { lr: 0.2 }, seed: 1, runId, key, trials: [] };
    await expect(bench.call('trainModel', input)).rejects.toMatchObject({ type: 'CommandFailed' });
    const trained = await bench.call('trainModel', input, { attempt: 2 });
    const all = await runs();
    expect(all.find((run) => run.runId === runId)).toMatchObject({ status: 'RUNNING' });
    const steps = all.filter((run) => run.runId !== runId);
    expect(steps).toMatchObject([{ runId: trained.runId, tags: { 'mlflow.parentRunId': runId } }]);
  });

  it('that only writes a model file becomes a model that MLflow loads', async () => {
    await open({
      train: {
        command: ['python', 'writes_model.py', '{output}/pipeline.joblib'],
        isolate: 'copy',
        outputs: {
          modelFile: '{output}/pipeline.joblib',
          file: 'metrics.json',
          metrics: { test_auc: 'auc', train_auc: 'train.auc' },
        },
      },
    });
    const trained = await train();
    expect(trained.metrics).toMatchObject({ test_auc: 0.67, train_auc: 0.9 });
    const { version } = await bench.mlflow.ensureVersion({
      name: project.config.registry.registeredModel,
      key: 'w/version',
      source: trained.modelUri,
      runId: trained.runId,
    });
    expect(version).toBe('1');
    const uri = `models:/${project.config.registry.registeredModel}/1`;
    expect(await predictions(server.uri, uri)).toEqual('[0, 1]');
    // For an image with the model in it.
    const files = (await bench.mlflow.listArtifacts(trained.runId)).map(({ path }) => path);
    expect(files).toContain('model_pipeline.joblib');
  });

  it('that leaves no model fails, saying where it was looked for', async () => {
    await open({ train: { command: ['python', 'plain.py'] } });
    await expect(train()).rejects.toMatchObject({ type: 'StepFailed', cause: { code: 'noModel' } });
  });
});

async function predictions(trackingUri: string, uri: string): Promise<string> {
  const { execa } = await import('execa');
  const code = [
    'import sys, mlflow',
    `model = mlflow.sklearn.load_model(${JSON.stringify(uri)})`,
    `mlflow.pyfunc.load_model(${JSON.stringify(uri)})`,
    'print([int(x) for x in model.predict([[-9.0], [9.0]])])',
  ];
  const env = { MLFLOW_TRACKING_URI: trackingUri };
  const { stdout } = await execa(`${VENV}/bin/python`, ['-c', code.join('\n')], { env });
  return stdout.trim().split('\n').at(-1) ?? '';
}
