import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { baseImage, docker, dockerProblem, ensureDaemon } from '../support/docker.ts';
import { type Example, HAS_STACK, openExample, SET_UP_WITHIN_MS } from './support.ts';

const MODEL = 'ReadmitContainer';
const problem = HAS_STACK ? await dockerProblem() : 'the embedded stack is tested on Linux';

/** A training that knows no MLflow, in an image of its own. The tests build on one another. */
describe.skipIf(problem)(`a step in a container${problem ? ` (${problem})` : ''}`, { timeout: 300_000 }, () => {
  let example: Example;

  beforeAll(async () => {
    await ensureDaemon();
    example = await openExample('container', {
      settings: { 'steps.train.image': await baseImage() },
      env: { MEDIWATCH_PROMOTION_MAX_AUC_LOSS: '1' },
    });
  }, SET_UP_WITHIN_MS);
  afterAll(async () => await example?.close(), 60_000);

  const predict = async () => {
    const body = await readFile(join(example.dir, 'example.json'), 'utf8');
    return await example.served('/predict', JSON.parse(body));
  };

  test('its mediwatch.yaml is in order before anything runs', async () => {
    expect(await example.check()).toMatchObject({ usable: true, models: [{ registeredModel: MODEL }] });
  });

  test('a retrain registers the file that the container wrote, with the scores of its other file, and serves it', async () => {
    await example.up();
    const { version, promotion } = await example.retrain();
    expect(promotion).toMatchObject({ promoted: true });
    expect(version.metrics.test_auc).toBeGreaterThan(0.5);
    const run = await example.mlflow.getRun(version.runId as string);
    expect(run).toMatchObject({ status: 'FINISHED', metrics: { test_auc: version.metrics.test_auc } });
    expect(await predict()).toEqual({
      version: '1',
      answer: { risk: [expect.any(Number)], model_version: '1' },
    });
  });

  test('the next retrain serves version 2, and keeps version 1 to go back to', async () => {
    const { version } = await example.retrain();
    expect(version.version).toBe('2');
    expect((await predict()).version).toBe('2');
    expect(await example.mlflow.getVersion(MODEL, '2')).toMatchObject({ stage: 'Production', aliases: ['champion'] });
    expect(await example.mlflow.getVersion(MODEL, '1')).toMatchObject({ stage: 'Staging', aliases: ['previous'] });
    expect(await example.mlflow.getVersion(MODEL, '3')).toBeUndefined();
  });

  test('no container is left, and not a file of its checkout was changed', async () => {
    expect(await docker('ps', '--all', '--quiet', '--filter', 'name=mediwatch-step-')).toBe('');
    expect(await example.changedFiles()).toEqual([]);
  });
});
