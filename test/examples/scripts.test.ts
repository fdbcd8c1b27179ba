import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DriftCheckResult } from '../../src/contracts/workflows.ts';
import { type Example, HAS_STACK, openExample, SET_UP_WITHIN_MS, trialsOf } from './support.ts';

const MODEL = 'ReadmitScripts';

/** Parquet splits, a script that registers, a Django API, Evidently 0.4, MLflow 2.13. The tests build on one another. */
describe.runIf(HAS_STACK)('a project of scripts', { timeout: 300_000 }, () => {
  let example: Example;
  let patients: Array<Record<string, unknown>>;

  beforeAll(async () => {
    example = await openExample('scripts-project', {
      // Nothing is written into the folder of what is committed; the embedded log lies in the stack's own.
      settings: { 'steps.train.isolate': 'worktree' },
      env: { MEDIWATCH_SEARCH_TRIALS: '2', MEDIWATCH_PROMOTION_MAX_AUC_LOSS: '1' },
    });
  }, SET_UP_WITHIN_MS);
  afterAll(async () => await example?.close(), 60_000);

  const predict = (records: unknown) => example.served('/predict', { records });
  const checkDrift = async () => {
    const { exitCode, json, stderr } = await example.mediwatch<{ result: DriftCheckResult }>(
      'drift',
      'check',
      '--no-alert',
    );
    expect(exitCode, stderr).toBe(0);
    return json.result;
  };

  test('its mediwatch.yaml is in order before anything runs', async () => {
    expect(await example.check()).toMatchObject({ usable: true, models: [{ registeredModel: MODEL }] });
  });

  test('a retrain prepares, tries, trains and serves the version that the script registered', async () => {
    await example.up();
    const { version, promotion } = await example.retrain();
    expect(promotion).toMatchObject({ promoted: true });
    const run = await example.mlflow.getRun(version.runId as string);
    expect(version.metrics.test_auc).toBe(run?.metrics.test_roc_auc);
    const trials = await trialsOf(example, version);
    expect(trials.map(({ status }) => status)).toEqual(['FINISHED', 'FINISHED']);
    const best = trials.toSorted((a, b) => (b.metrics.val_roc_auc ?? 0) - (a.metrics.val_roc_auc ?? 0))[0];
    expect(run?.params).toMatchObject({ lr: best?.params.lr, n_estimators: best?.params.n_estimators });
    expect(await example.mlflow.getVersion(MODEL, '2')).toBeUndefined();

    const schema = (await (await fetch(`${example.api}/schema`)).json()) as { example: { records: [] } };
    patients = schema.example.records;
    const { version: answering, answer } = await predict(patients);
    expect(answering).toBe('1');
    expect(answer).toMatchObject({ model_version: '1', predictions: [{ prob: expect.any(Number) }, {}] });
  });

  test('the next retrain serves version 2, compared by what both runs have recorded', async () => {
    const { version, promotion } = await example.retrain('--trials', '0');
    expect(version.version).toBe('2');
    const champion = await example.mlflow.getVersion(MODEL, '1');
    const run = await example.mlflow.getRun(champion?.runId as string);
    expect(promotion).toMatchObject({
      promoted: true,
      champion: '1',
      championAuc: run?.metrics.test_roc_auc,
      challengerAuc: version.metrics.test_auc,
    });
    expect(await example.mlflow.getVersion(MODEL, '2')).toMatchObject({ stage: 'Production', aliases: ['champion'] });
    expect(champion).toMatchObject({ stage: 'Staging', aliases: ['previous'] });
    expect(await example.mlflow.getVersion(MODEL, '3')).toBeUndefined();
    expect((await predict(patients)).version).toBe('2');
  });

  test('a version is brought back to Production through the gate, in place of scripts.promote_model', async () => {
    const { exitCode, stderr } = await example.mediwatch('promote', '1', '--follow');
    expect(exitCode, stderr).toBe(0);
    expect(await example.mlflow.getVersion(MODEL, '1')).toMatchObject({ stage: 'Production' });
  });

  test('the monitor script of Evidently 0.4 finds too few rows, and then drift', async () => {
    expect(await checkDrift()).toMatchObject({ verdict: 'skipped', alerted: false });
    const young = Array.from({ length: 60 }, (_, index) => ({ ...patients[index % 2], num_medications: index % 20 }));
    const sick = young.map((patient) => ({ ...patient, age: '[90-100)', number_inpatient: 9, time_in_hospital: 14 }));
    await predict(young);
    await predict(sick);
    const result = await checkDrift();
    expect(result.report.document).toMatchObject({ tool: 'evidently 0.4.40' });
    expect(result.columns).toContain('number_inpatient');
    expect(result.report.url).toContain(`:${example.stack.ports.MLFLOW_PORT}/`);
  });

  test('not a file of its checkout was changed', async () => {
    expect(await example.changedFiles()).toEqual([]);
  });
});
