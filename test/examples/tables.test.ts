import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../../src/config.ts';
import type { RetrainResult } from '../../src/contracts/workflows.ts';
import { freePort } from '../../src/systems/ports.ts';
import { until } from '../support/until.ts';
import { copyExample, type Example, HAS_STACK, openExample, SET_UP_WITHIN_MS } from './support.ts';

/** The examples `regression` and `multiclass` as two models of one deployment. A gateway serves one of them. */
const MODELS = {
  FlatRent: {},
  LeafTree: { data: { path: '../multiclass/leaves.csv', target: 'tree' }, deployment: { target: 'none' } },
};
const FLAT = { area_m2: 64, rooms: 2, floor: 3, district: 'river', balcony: 'yes', built: 1998 };
const LEAF = { length_cm: 9.2, width_cm: 5.1, edge: 'lobed', stalk_cm: 0.8, soil: 'loam' };
const TREES = ['beech', 'birch', 'lime', 'oak'];

/** From a table to a version that serves. The tests build on one another. */
describe.runIf(HAS_STACK)('tables with a number and with several classes', { timeout: 300_000 }, () => {
  let example: Example;
  let flats: RetrainResult;
  let leaves: RetrainResult;

  beforeAll(async () => {
    example = await openExample('regression', {
      settings: { models: MODELS, 'search.trials': 2 },
      before: (dir) => copyExample('multiclass', `${dir}/../multiclass`),
    });
    await example.up();
  }, SET_UP_WITHIN_MS);
  afterAll(async () => await example?.close(), 60_000);

  test('each is learned as what it is, and its first version goes to Production by its own score', async () => {
    [flats, leaves] = (await Promise.all(
      ['FlatRent', 'LeafTree'].map((name) => example.retrain('--registered-model', name)),
    )) as [RetrainResult, RetrainResult];
    expect(flats.version.metrics).toMatchObject({ test_r2: expect.any(Number), test_rmse: expect.any(Number) });
    expect(flats.version.metrics.test_r2).toBeGreaterThan(0.8);
    expect(flats.promotion?.verdict).toMatchObject({ code: 'firstVersion', scores: { test_r2: expect.any(Number) } });
    expect(leaves.version.metrics.test_auc).toBeGreaterThan(0.9);
    expect(leaves.version.metrics).toMatchObject({ test_accuracy: expect.any(Number), test_f1: expect.any(Number) });
    expect(leaves.promotion?.verdict).toMatchObject({ code: 'firstVersion', scores: { test_auc: expect.any(Number) } });
  });

  test('the API of the regression answers with a number, and says what it is', async () => {
    const { answer } = await example.served('/predict', { records: [FLAT] });
    expect(answer).toEqual({ predictions: [{ prediction: expect.any(Number) }], model_version: '1' });
    const schema = await (await fetch(`${example.api}/schema`)).json();
    expect(schema).toMatchObject({ task: 'regression', model_version: '1' });
    expect(schema).not.toHaveProperty('threshold');
  });

  test('the API of the classes answers with a class and the probability of each', async () => {
    const port = await freePort(new Set());
    const api = execa(join(PROJECT_ROOT, 'python/.venv/bin/python'), ['-m', 'mediwatch_training.serving'], {
      env: {
        PYTHONPATH: join(PROJECT_ROOT, 'python'),
        PORT: String(port),
        MLFLOW_TRACKING_URI: `http://127.0.0.1:${example.stack.ports.MLFLOW_PORT}`,
        MLFLOW_MODEL_NAME: 'LeafTree',
        PRED_LOG_DIR: join(example.stack.dir, 'leaves'),
      },
      reject: false,
    });
    try {
      const url = `http://127.0.0.1:${port}`;
      const isUp = async () => (await fetch(`${url}/health`).catch(() => null))?.ok ?? false;
      await until(isUp, { timeoutMs: 60_000, what: 'the API to have its model' });
      expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: 'ok', task: 'multiclass' });
      expect(await (await fetch(`${url}/schema`)).json()).toMatchObject({ task: 'multiclass', classes: TREES });
      const body = JSON.stringify({ records: [LEAF] });
      const headers = { 'content-type': 'application/json' };
      const answer = await (await fetch(`${url}/predict`, { method: 'POST', headers, body })).json();
      expect(answer).toMatchObject({ model_version: '1', predictions: [{ prediction: 'oak' }] });
      const [{ probabilities }] = (answer as { predictions: [{ probabilities: Record<string, number> }] }).predictions;
      expect(Object.keys(probabilities)).toEqual(TREES);
    } finally {
      api.kill('SIGKILL');
      await api;
    }
  });

  test('the next version is compared by R², which status and history show', async () => {
    const { version, promotion } = await example.retrain('--registered-model', 'FlatRent', '--trials', '0');
    expect(version.version).toBe('2');
    expect(promotion?.verdict).toMatchObject({ rules: [{ metric: 'test_r2', maxLoss: 0.005 }] });
    const score = { metric: 'test_r2', value: expect.any(Number) };
    const { json: status } = await example.mediwatch('status');
    expect(status).toMatchObject({ registry: { production: { score, testAuc: null } } });
    const { json: history } = await example.mediwatch('history');
    expect(history).toMatchObject({
      retrains: [
        { version: '2', score },
        { version: '1', score },
      ],
    });
  });

  test('not a file of its checkout was changed', async () => {
    expect(await example.changedFiles()).toEqual([]);
  });
});
