import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../../src/config.ts';
import type { RetrainResult } from '../../src/contracts/workflows.ts';
import { createMlflow, type Mlflow } from '../../src/systems/mlflow/index.ts';
import { mediwatch } from '../support/command.ts';
import { type MlflowServer, startMlflow } from '../support/mlflow.ts';
import { sampleData } from '../support/sampleData.ts';
import { createTestStack, type TestStack } from '../support/stack.ts';
import { VENV_WITHIN_MS, venvOf } from '../support/venv.ts';

const MODEL = 'MediWatchReadmit';

interface Outcome {
  result: RetrainResult;
}

interface Report {
  checks: Array<{ check: string; severity: string; findings: Array<{ code: string }> }>;
}

/**
 * The bundled steps and API, whose MLflow is of version 3, with somebody's server of 2.13: it has no logged models,
 * and keeps models as files of their runs. The tests build on one another.
 */
describe.runIf(process.platform === 'linux')('with an MLflow server of 2.13', { timeout: 400_000 }, () => {
  let server: MlflowServer;
  let stack: TestStack;
  let mlflow: Mlflow;

  beforeAll(async () => {
    const venv = await venvOf(join(PROJECT_ROOT, 'examples/scripts-project/requirements.txt'));
    [server, stack] = await Promise.all([startMlflow({ python: join(venv, 'bin/python') }), createTestStack()]);
    mlflow = createMlflow({ uri: server.uri, timeoutMs: 30_000 });
    Object.assign(stack.env, {
      MLFLOW_TRACKING_URI: server.uri,
      MEDIWATCH_DATA_PATH: sampleData(stack.dir),
      // A model of so few rows may be worse than the one before by chance.
      MEDIWATCH_PROMOTION_MAX_AUC_LOSS: '1',
    });
    await stack.start().up();
  }, VENV_WITHIN_MS + 240_000);
  afterAll(async () => {
    await mlflow?.close();
    await stack?.dispose();
    await server?.stop();
  }, 60_000);

  const retrain = async (trials: number) => {
    const args = ['retrain', '--trials', String(trials), '--follow'];
    const { exitCode, json, stderr } = await mediwatch<Outcome>(stack.env, ...args);
    expect(exitCode, stderr).toBe(0);
    return json.result;
  };
  const predict = async () => {
    const api = `http://127.0.0.1:${stack.ports.API_PORT}`;
    const { example } = (await (await fetch(`${api}/schema`)).json()) as { example: unknown };
    const answer = await fetch(`${api}/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ records: [example].flat() }),
    });
    expect(answer.status).toBe(200);
    return answer.headers.get('x-mediwatch-version');
  };

  test('a retrain searches, trains, registers, promotes and serves', async () => {
    const { version } = await retrain(1);
    expect(version.version).toBe('1');
    const registered = await mlflow.getVersion(MODEL, '1');
    const run = await mlflow.getRun(version.runId as string);
    expect(registered).toMatchObject({
      stage: 'Production',
      aliases: ['champion'],
      source: `${run?.artifactUri}/model`,
    });
    expect(run).toMatchObject({ status: 'FINISHED', metrics: { test_auc: version.metrics.test_auc } });
    const trials = await mlflow.searchRuns([run?.experimentId as string], `tags.mlflow.parentRunId = '${run?.runId}'`);
    expect(trials.map(({ status }) => status)).toEqual(['FINISHED']);
    const files = (await mlflow.listArtifacts(version.runId as string, 'model')).map(({ path }) => path);
    expect(files).toContain('model/MLmodel');
    expect(await predict()).toBe('1');
  });

  test('the next version is compared with it on the test split, and takes its place', async () => {
    const { version, promotion } = await retrain(0);
    const champion = await mlflow.getRun((await mlflow.getVersion(MODEL, '1'))?.runId as string);
    expect(promotion).toMatchObject({ promoted: true, champion: '1' });
    // Scored again by the model from the registry: the same rows, so what its training found.
    expect(promotion?.championAuc).toBeCloseTo(champion?.metrics.test_auc as number, 9);
    expect(promotion?.challengerAuc).toBeCloseTo(version.metrics.test_auc as number, 9);
    expect(await mlflow.getVersion(MODEL, '2')).toMatchObject({ stage: 'Production', aliases: ['champion'] });
    expect(await mlflow.getVersion(MODEL, '1')).toMatchObject({ stage: 'Staging', aliases: ['previous'] });
    expect(await predict()).toBe('2');
  });

  test('a rollback brings the version before into the API again', async () => {
    const { exitCode, stderr } = await mediwatch(stack.env, 'rollback', '--reason', 'test', '--follow');
    expect(exitCode, stderr).toBe(0);
    expect(await mlflow.getVersion(MODEL, '1')).toMatchObject({ stage: 'Production' });
    expect(await predict()).toBe('1');
  });

  test('the doctor finds the server, its stages and the files of the model in order', async () => {
    const { json } = await mediwatch<Report>(stack.env, 'doctor');
    const says = (name: string) => json.checks.find(({ check }) => check === name);
    expect(says('MLflow')).toMatchObject({
      severity: 'ok',
      findings: [{ code: 'mlflowAnswers', facts: { version: '2.13.2', uri: server.uri } }],
    });
    expect(says('Model files')).toMatchObject({ severity: 'ok' });
  });
});
