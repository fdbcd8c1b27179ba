import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Example, HAS_STACK, openExample, SET_UP_WITHIN_MS, trialsOf } from './support.ts';

const MODEL = 'ReadmitNotebook';
const PATIENT = {
  time_in_hospital: 3,
  num_lab_procedures: 40,
  num_medications: 12,
  number_emergency: 0,
  number_inpatient: 1,
  number_diagnoses: 7,
};

/** A notebook, and MLflow's own model server as the API. The tests build on one another. */
describe.runIf(HAS_STACK)('a notebook run by papermill', { timeout: 300_000 }, () => {
  let example: Example;

  beforeAll(async () => {
    example = await openExample('notebook', {
      env: { MEDIWATCH_SEARCH_TRIALS: '2', MEDIWATCH_PROMOTION_MAX_AUC_LOSS: '1' },
    });
  }, SET_UP_WITHIN_MS);
  afterAll(async () => await example?.close(), 60_000);

  const invoke = () => example.served('/invocations', { dataframe_records: [PATIENT] });

  test('its mediwatch.yaml is in order before anything runs', async () => {
    expect(await example.check()).toMatchObject({ usable: true, models: [{ registeredModel: MODEL }] });
  });

  test('a retrain gives the cell of parameters its values, and the model server answers with the version', async () => {
    await example.up();
    const { version, promotion } = await example.retrain();
    expect(promotion).toMatchObject({ promoted: true });
    const trials = await trialsOf(example, version);
    const run = await example.mlflow.getRun(version.runId as string);
    expect(trials.map(({ status }) => status)).toEqual(['FINISHED', 'FINISHED']);
    const values = trials.map(({ params }) => params.c);
    expect(new Set(values).size).toBe(2);
    expect(values).toContain(run?.params.c);
    expect(version.metrics.test_auc).toBe(run?.metrics.test_auc);
    expect(await invoke()).toEqual({ version: '1', answer: { predictions: [expect.any(Number)] } });
  });

  test('the next retrain serves version 2, and keeps version 1 to go back to', async () => {
    const { version } = await example.retrain('--trials', '0');
    expect(version.version).toBe('2');
    expect((await invoke()).version).toBe('2');
    expect(await example.mlflow.getVersion(MODEL, '2')).toMatchObject({ stage: 'Production', aliases: ['champion'] });
    expect(await example.mlflow.getVersion(MODEL, '1')).toMatchObject({ stage: 'Staging', aliases: ['previous'] });
    expect(await example.mlflow.getVersion(MODEL, '3')).toBeUndefined();
  });

  test('not a file of its checkout was changed', async () => {
    expect(await example.changedFiles()).toEqual([]);
  });
});
