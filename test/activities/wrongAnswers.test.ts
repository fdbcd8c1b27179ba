import { ApplicationFailure } from '@temporalio/common';
import { afterEach, expect, it } from 'vitest';
import { z } from 'zod';
import { translate } from '../../src/activities/lib/translate.ts';
import { createBench, DATASET } from './training.ts';

let bench: ReturnType<typeof createBench>;
afterEach(() => bench?.close());

const TRIAL = { dataset: DATASET, model: 'hgb', number: 3, params: {}, seed: 1, parentRunId: 'search', key: 'k' };
const CONTEST = { dataset: DATASET, registeredModel: 'Readmit', challenger: '2', champion: null, rules: [] };
const PROPOSAL = { model: 'hgb', sampler: 'tpe', space: null, seed: 1, count: 1, trials: [] };
const TRAINING = {
  dataset: {
    ref: DATASET,
    rows: null,
    groups: null,
    positives: null,
    splits: null,
    features: null,
    sourceSha256: null,
  },
  ...{ model: 'hgb', params: null, seed: 1, runId: 'r', trials: [] },
};
const mlflow = {
  ensureExperiment: async () => '1',
  createRun: async () => ({ runId: 'r' }) as never,
  updateRun: async () => undefined,
};

it.each([
  ['runTrial', 'trial', TRIAL, { score: 'high' }, 'score'],
  ['compareVersions', 'evaluate', CONTEST, { models: [] }, 'models'],
  ['proposeTrials', 'suggest', PROPOSAL, {}, 'params'],
  ['trainModel', 'train', TRAINING, { runId: 7 }, 'runId'],
] as const)('%s: an answer of the step %s in another form is reported, and not asked for again', async (...given) => {
  const [activity, step, input, answer, field] = given;
  bench = createBench({ run: async () => answer, mlflow });
  const error = await bench.call(activity, input as never).then(
    () => expect.unreachable(),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ApplicationFailure);
  expect(error).toMatchObject({ type: 'StepFailed', nonRetryable: true });
  const { message } = error as Error;
  expect(message).toContain(`The step ${step} `);
  expect(message).toContain(field);
  expect(message).toContain('Read the log file of the step');
  expect(message).not.toContain('"code"');
});

it('whatever else has another form is reported too, with the activity that met it', () => {
  const { error } = z.object({ version: z.string() }).safeParse({ version: 7 });
  const told = translate(error, 'registerVersion');
  expect(told).toMatchObject({ type: 'StepFailed', nonRetryable: true });
  expect(told.message).toContain('registerVersion');
  expect(told.message).toContain('version');
  expect(told.message).not.toContain('"code"');
});
