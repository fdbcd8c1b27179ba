import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { workflowIds } from '../../src/contracts/names.ts';
import type { ModelVersionRef } from '../../src/contracts/registry.ts';
import type { Run } from '../../src/systems/mlflow/index.ts';
import {
  copyExample,
  type Example,
  HAS_STACK,
  nestedRuns,
  openExample,
  retrainRun,
  SET_UP_WITHIN_MS,
} from './support.ts';

const ELSEWHERE = { cwd: '../scripts-project', venv: '../scripts-project/.venv' };
const MODELS = {
  ReadmitLightGBM: {},
  ReadmitBaseline: {
    mlflow: { experiment: 'readmission' },
    steps: {
      prepare: {
        ...ELSEWHERE,
        skip: false,
        command: ['python', '-m', 'scripts.prepare_data', '--csv', '{data}', '--out', '{output}', '--rows', '8000'],
      },
      train: {
        ...ELSEWHERE,
        command: ['python', '-m', 'scripts.train_baseline_mlflow', '--data={dataset}', '--model', 'rf'],
        outputs: { metrics: { test_auc: 'test_roc_auc' } },
      },
    },
    search: { trials: 0 },
    // A gateway serves one model.
    deployment: { target: 'none' },
  },
};

describe.runIf(HAS_STACK)('two projects in one deployment', { timeout: 300_000 }, () => {
  let example: Example;
  let versions: ModelVersionRef[];

  beforeAll(async () => {
    example = await openExample('lightgbm', {
      settings: { models: MODELS, 'search.trials': 1 },
      before: (dir) => copyExample('scripts-project', `${dir}/../scripts-project`),
    });
  }, SET_UP_WITHIN_MS);
  afterAll(async () => await example?.close(), 60_000);

  test('one mediwatch.yaml names both', async () => {
    const { models } = await example.check();
    expect(models.map(({ registeredModel }) => registeredModel)).toEqual(['ReadmitLightGBM', 'ReadmitBaseline']);
  });

  test('both retrain at once; each gets one version of its own, by its own environment', async () => {
    await example.up();
    const results = await Promise.all(
      ['ReadmitLightGBM', 'ReadmitBaseline'].map((name) => example.retrain('--registered-model', name)),
    );
    versions = results.map(({ version }) => version);
    expect(versions).toMatchObject([
      { registeredModel: 'ReadmitLightGBM', version: '1' },
      { registeredModel: 'ReadmitBaseline', version: '1' },
    ]);
    for (const { registeredModel } of versions) {
      const version = await example.mlflow.getVersion(registeredModel, '1');
      expect(version).toMatchObject({ stage: 'Production', aliases: ['champion'] });
      expect(await example.mlflow.getVersion(registeredModel, '2')).toBeUndefined();
    }
    const health = (await (await fetch(`${example.api}/health`)).json()) as object;
    expect(health).toMatchObject({ model_name: 'ReadmitLightGBM', model_version: '1' });
  });

  test('neither sees the runs of the other', async () => {
    const [own, baseline] = (await Promise.all(versions.map((version) => allRuns(version)))) as [Run[], Run[]];
    expect(new Set(own.map(({ experimentId }) => experimentId)).size).toBe(1);
    expect(own[0]?.experimentId).not.toBe(baseline[0]?.experimentId);
    expect(own).toHaveLength(2);
    expect(baseline).toHaveLength(1);
    expect(own.every(({ params }) => params.learning_rate !== undefined)).toBe(true);
    expect(baseline.map(({ params }) => params.model)).toEqual(['rf']);
  });

  test('each had a lock of its own', async () => {
    const connection = await Connection.connect({ address: `127.0.0.1:${example.stack.ports.TEMPORAL_PORT}` });
    const client = new Client({ connection });
    for (const { registeredModel } of versions) {
      const lock = await client.workflow.getHandle(workflowIds.lock(registeredModel)).describe();
      expect(lock.type).toBe('modelLock');
    }
    await connection.close();
  });

  const allRuns = async (version: ModelVersionRef) => nestedRuns(example, await retrainRun(example, version));
});
