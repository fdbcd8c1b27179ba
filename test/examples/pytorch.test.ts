import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../../src/config.ts';
import { VENV_WITHIN_MS, venvOf } from '../support/venv.ts';
import { type Example, HAS_STACK, openExample, SET_UP_WITHIN_MS, trialsOf } from './support.ts';

const FOLDER = join(PROJECT_ROOT, 'examples/pytorch');
const { records } = JSON.parse(readFileSync(join(FOLDER, 'patients.json'), 'utf8'));

/** There are no wheels of it for every platform and Python; any other failure is one of the test. */
const wheelProblem = () =>
  venvOf(join(FOLDER, 'requirements.txt')).then(
    () => null,
    (error: Error) => (/No matching distribution|from versions/.test(error.message) ? 'there is no wheel' : null),
  );
/** Its wheels and what they need take 6 GB of disk and minutes: they are installed when that is asked for. */
const problem = !HAS_STACK
  ? 'it needs Linux'
  : process.env.MEDIWATCH_TEST_PYTORCH
    ? await wheelProblem()
    : 'MEDIWATCH_TEST_PYTORCH=1 runs it, and installs 6 GB first';

describe.skipIf(problem)(
  `a PyTorch script on the CPU${problem ? ` (skipped: ${problem})` : ''}`,
  { timeout: 400_000 },
  () => {
    let example: Example;

    beforeAll(async () => {
      example = await openExample('pytorch', {
        env: { MEDIWATCH_SEARCH_TRIALS: '2', MEDIWATCH_PROMOTION_MAX_AUC_LOSS: '1' },
      });
    }, SET_UP_WITHIN_MS + VENV_WITHIN_MS);
    afterAll(async () => await example?.close(), 60_000);

    test('its mediwatch.yaml is in order before anything runs', async () => {
      expect(await example.check()).toMatchObject({ usable: true, models: [{ registeredModel: 'ReadmitPyTorch' }] });
    });

    test('a retrain searches, registers the network of the best trial, and serves its probabilities', async () => {
      await example.up();
      const { version, promotion } = await example.retrain();
      expect(promotion).toMatchObject({ promoted: true });
      const trials = await trialsOf(example, version);
      expect(trials.map(({ status }) => status)).toEqual(['FINISHED', 'FINISHED']);
      const run = await example.mlflow.getRun(version.runId as string);
      expect(version.metrics.test_auc).toBe(run?.metrics.holdout_auc);
      expect(version.metrics.test_auc).toBeGreaterThan(0.55);
      const registered = await example.mlflow.getVersion('ReadmitPyTorch', '1');
      expect(registered).toMatchObject({ stage: 'Production', tags: { 'mediwatch.model': 'pytorch' } });
      const { version: answering, answer } = await example.served('/invocations', { dataframe_records: records });
      expect(answering).toBe('1');
      const probabilities = (answer.predictions as Array<Record<string, number>>).map((one) => one['0']);
      expect(probabilities).toHaveLength(2);
      for (const one of probabilities) expect(one).toBeGreaterThan(0);
    });

    test('not a file of its checkout was changed', async () => {
      expect(await example.changedFiles()).toEqual([]);
    });
  },
);
