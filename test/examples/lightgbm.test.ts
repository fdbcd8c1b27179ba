import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Example, HAS_STACK, openExample, SET_UP_WITHIN_MS, trialsOf } from './support.ts';

const MODEL = 'ReadmitLightGBM';

/** A script with arguments, which registers nothing. The tests build on one another. */
describe.runIf(HAS_STACK)('a LightGBM script, searched through its arguments', { timeout: 300_000 }, () => {
  let example: Example;

  beforeAll(async () => {
    example = await openExample('lightgbm', {
      env: { MEDIWATCH_SEARCH_TRIALS: '2', MEDIWATCH_PROMOTION_MAX_AUC_LOSS: '1' },
    });
  }, SET_UP_WITHIN_MS);
  afterAll(async () => await example?.close(), 60_000);

  const predict = async () => {
    const schema = (await (await fetch(`${example.api}/schema`)).json()) as { example: unknown };
    return await example.served('/predict', schema.example);
  };

  test('its mediwatch.yaml is in order before anything runs', async () => {
    expect(await example.check()).toMatchObject({ usable: true, models: [{ registeredModel: MODEL }] });
  });

  test('a retrain passes the parameters, reads the score from the run, and serves the model of the best', async () => {
    await example.up();
    const { version, promotion } = await example.retrain();
    expect(version).toMatchObject({ registeredModel: MODEL, version: '1' });
    expect(promotion).toMatchObject({ promoted: true });
    const run = await example.mlflow.getRun(version.runId as string);
    const trials = await trialsOf(example, version);
    expect(trials).toHaveLength(2);
    for (const { status, params, metrics } of trials) {
      expect(status).toBe('FINISHED');
      expect(Number(params.learning_rate)).toBeGreaterThan(0);
      expect(metrics.valid_auc).toBeGreaterThan(0.5);
    }
    const best = trials.toSorted((a, b) => (b.metrics.valid_auc ?? 0) - (a.metrics.valid_auc ?? 0))[0];
    expect(run?.params).toMatchObject({
      learning_rate: best?.params.learning_rate,
      num_leaves: best?.params.num_leaves,
    });
    expect(version.metrics.test_auc).toBe(run?.metrics.holdout_auc);
    const { version: answering, answer } = await predict();
    expect(answering).toBe('1');
    expect(answer).toMatchObject({ model_version: '1', predictions: [{ prob: expect.any(Number) }] });
  });

  test('the next retrain serves version 2, and keeps version 1 to go back to', async () => {
    const { version, promotion } = await example.retrain();
    expect(version.version).toBe('2');
    expect(promotion).toMatchObject({ promoted: true, champion: '1' });
    expect((await predict()).version).toBe('2');
    expect(await example.mlflow.getVersion(MODEL, '2')).toMatchObject({ stage: 'Production', aliases: ['champion'] });
    expect(await example.mlflow.getVersion(MODEL, '1')).toMatchObject({ stage: 'Staging', aliases: ['previous'] });
    expect(await example.mlflow.getVersion(MODEL, '3')).toBeUndefined();
  });

  test('not a file of its checkout was changed', async () => {
    expect(await example.changedFiles()).toEqual([]);
  });
});
