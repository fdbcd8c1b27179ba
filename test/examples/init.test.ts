import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mediwatch } from '../support/command.ts';
import { baseImage, docker, dockerProblem, ensureDaemon, pipEnvironment, removeAll } from '../support/docker.ts';
import { sampleData } from '../support/sampleData.ts';
import { type Example, HAS_STACK, nestedRuns, openExample, retrainRun, SET_UP_WITHIN_MS } from './support.ts';

const IMAGE = 'scripts-project-api';
const problem = HAS_STACK ? await dockerProblem() : 'the embedded stack is tested on Linux';
const where = problem ? `nothing is deployed: ${problem}` : 'served by the image of the project';

/** A checkout without a mediwatch.yaml, whose own Optuna script searches. The tests build on one another. */
describe.runIf(HAS_STACK)(`what mediwatch init makes of a project (${where})`, { timeout: 600_000 }, () => {
  let example: Example;

  beforeAll(async () => {
    const env = {
      ...pipEnvironment(),
      MEDIWATCH_SEARCH_TRIALS: '2',
      ...(problem ? { MEDIWATCH_DEPLOYMENT_TARGET: 'none' } : { MEDIWATCH_DOCKER_BASE_IMAGE: await base() }),
    };
    example = await openExample('scripts-project', {
      env,
      before: async (dir) => {
        await rm(join(dir, 'mediwatch.yaml'));
        await rename(sampleData(dir), join(dir, 'diabetic_data.csv'));
        const { exitCode, stderr } = await mediwatch({}, 'init', dir, '--yes');
        expect(exitCode, stderr).toBe(0);
      },
    });
  }, SET_UP_WITHIN_MS);
  afterAll(async () => {
    await example?.close();
    if (!problem) await removeAll({ label: 'mediwatch.model=ReadmitScripts', repository: IMAGE });
  }, 120_000);

  const base = async () => {
    await ensureDaemon();
    return await baseImage();
  };

  test('mediwatch check accepts it as it was written', async () => {
    expect(await example.check()).toMatchObject({ usable: true, models: [{ registeredModel: 'ReadmitScripts' }] });
  });

  test('a retrain runs the search script: the runs that it nests are its trials, and the best is trained', async () => {
    await example.up();
    if (!problem) {
      const { exitCode, stderr } = await example.mediwatch('build', '--follow');
      expect(exitCode, stderr).toBe(0);
    }
    const { version, promotion } = await example.retrain();
    expect(version).toMatchObject({ registeredModel: 'ReadmitScripts', version: '1' });
    expect(promotion).toMatchObject({ promoted: true });

    const steps = await nestedRuns(example, await retrainRun(example, version));
    const opened = (await Promise.all(steps.map(({ runId }) => nestedRuns(example, runId)))).flat();
    const search = [...steps, ...opened].find(({ metrics }) => metrics.best_val_roc_auc !== undefined);
    expect(search, 'the run of the search').toBeDefined();
    const trials = await nestedRuns(example, search?.runId as string);
    expect(trials.map(({ status }) => status)).toEqual(['FINISHED', 'FINISHED']);
    const best = trials.find(({ metrics }) => metrics.val_roc_auc === search?.metrics.best_val_roc_auc);
    const trained = await example.mlflow.getRun(version.runId as string);
    expect(trained?.params).toEqual(best?.params);
  });

  test.skipIf(problem)('its own image serves the version through the gateway', async () => {
    const schema = (await (await fetch(`${example.api}/schema`)).json()) as { example: unknown };
    expect(await example.served('/predict', schema.example)).toMatchObject({
      version: '1',
      answer: { model_version: '1', predictions: [{}, {}] },
    });
    const containers = await docker('ps', '--quiet', '--filter', `ancestor=${IMAGE}:latest`);
    expect(containers).not.toBe('');
  });

  test('not a file of its checkout was changed', async () => {
    expect(await example.changedFiles()).toEqual([]);
  });
});
