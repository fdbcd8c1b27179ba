import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Example, HAS_STACK, openExample, SET_UP_WITHIN_MS } from './support.ts';

/** Projects whose steps are declared elsewhere: nothing of DVC or Airflow is installed. */
describe.runIf(HAS_STACK).each([
  { name: 'dvc', model: 'PumpWear', metric: 'test_auc' },
  { name: 'airflow', model: 'WheatYield', metric: 'test_rmse' },
])('the example $name', { timeout: 300_000 }, ({ name, model, metric }) => {
  let example: Example;

  beforeAll(async () => {
    example = await openExample(name);
  }, SET_UP_WITHIN_MS);
  afterAll(async () => await example?.close(), 60_000);

  test('a retrain does its stages or tasks in their order, and promotes what they made', async () => {
    expect(await example.check()).toMatchObject({ usable: true, models: [{ registeredModel: model }] });
    await example.up();
    const { version, promotion } = await example.retrain();
    expect(promotion).toMatchObject({ promoted: true });
    expect(version).toMatchObject({ registeredModel: model, version: '1' });
    expect(version.metrics[metric]).toBeGreaterThan(0);
    expect(await example.changedFiles()).toEqual([]);
  });
});
