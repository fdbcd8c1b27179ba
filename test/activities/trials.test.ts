import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { asTrials } from '../../src/activities/training/trials.ts';
import { loadConfig } from '../../src/config.ts';
import { MlflowError } from '../../src/systems/mlflow/errors.ts';
import type { Mlflow, Run } from '../../src/systems/mlflow/index.ts';
import { CommandAborted, StepError } from '../../src/systems/processes/errors.ts';
import type { StepCall } from '../../src/systems/steps/index.ts';
import { createBench, DATASET } from './training.ts';

const REQUEST = { dataset: DATASET, model: 'hgb', number: 3, params: {}, seed: 1, parentRunId: 'search', key: 'k' };

/** What nobody had taken care of: in a worker each of them ends the process. */
const unhandled: unknown[] = [];
const note = (reason: unknown) => void unhandled.push(reason);
let bench: ReturnType<typeof createBench>;
let updates: unknown[];

beforeEach(() => {
  updates = [];
  unhandled.length = 0;
  process.on('unhandledRejection', note);
});
afterEach(() => {
  process.off('unhandledRejection', note);
  bench?.close();
});

/** An MLflow whose answer to runs/create is slow. */
function slowly(createRun: () => Promise<unknown>): Partial<Mlflow> {
  return {
    ensureExperiment: async () => '1',
    createRun: (async () => {
      await delay(100);
      return await createRun();
    }) as Mlflow['createRun'],
    updateRun: async (runId, { status }) => void updates.push({ runId, status }),
  };
}
const made = async () => ({ runId: 'r' });

/** A step that runs until it is stopped. */
const endless = (ended: () => void) =>
  function run({ signal }: StepCall) {
    return new Promise((_, reject) => {
      const stop = async () => {
        await delay(50);
        ended();
        reject(new CommandAborted('The step', signal.reason));
      };
      if (signal.aborted) void stop();
      else signal.addEventListener('abort', () => void stop(), { once: true });
    });
  };

it('a trial that fails while its run is being made is a failure of this trial alone', async () => {
  const error = new StepError({ type: 'DataInvalid', message: 'no rows', retryable: false, field: null });
  bench = createBench({ run: () => Promise.reject(error), mlflow: slowly(made) });
  await expect(bench.call('runTrial', REQUEST)).rejects.toMatchObject({ type: 'DataInvalid' });
  expect(updates).toEqual([{ runId: 'r', status: 'FAILED' }]);
  expect(unhandled).toEqual([]);
});

it('a trial that is cancelled while its run is being made is killed, and so is its run', async () => {
  const cancel = new AbortController();
  let ended = false;
  const run = endless(() => {
    ended = true;
  });
  const cancelled = (call: StepCall) => {
    cancel.abort();
    return run(call);
  };
  bench = createBench({ run: cancelled, mlflow: slowly(made) });
  await expect(bench.call('runTrial', REQUEST, { signal: cancel.signal })).rejects.toThrow();
  expect(ended).toBe(true);
  expect(updates).toEqual([{ runId: 'r', status: 'KILLED' }]);
  expect(unhandled).toEqual([]);
});

it('a trial whose run cannot be made runs no longer when that is told', async () => {
  const refused = new MlflowError('MLflow is away.', { code: 'UNAVAILABLE', retryable: true });
  let ended = false;
  const run = endless(() => {
    ended = true;
  });
  bench = createBench({ run, mlflow: slowly(() => Promise.reject(refused)) });
  await expect(bench.call('runTrial', REQUEST)).rejects.toMatchObject({ type: 'MlflowUnavailable' });
  expect(ended).toBe(true);
  expect(updates).toEqual([]);
  expect(unhandled).toEqual([]);
});

it('the first proposals are asked for with the parameters of the latest versions, where that is wanted', async () => {
  const asked: unknown[] = [];
  const runs: Record<string, Record<string, string>> = { a: { x: '1' }, b: { x: '0.5', seed: '7' }, c: { x: '0.25' } };
  bench = createBench({
    run: async ({ input }) => {
      asked.push((input as { first: unknown }).first);
      return { params: [{ x: 1 }] };
    },
    mlflow: {
      listVersions: (async () => [
        { version: '12' },
        { version: '11', runId: 'c' },
        { version: '10', runId: 'b' },
        { version: '9', runId: 'a' },
      ]) as unknown as Mlflow['listVersions'],
      getRun: (async (runId: string) => ({ runId, params: runs[runId] })) as unknown as Mlflow['getRun'],
    },
    config: ({ search }) => {
      search.space = { x: { type: 'float', low: 0, high: 1 } };
    },
  });
  const request = { model: 'hgb', sampler: 'tpe', space: null, seed: 1, count: 1, trials: [] };
  await bench.call('proposeTrials', request);
  await bench.call('proposeTrials', { ...request, warmStart: 3 });
  expect(asked).toEqual([[], [{ x: 0.25 }, { x: 0.5 }]]);
});

it('a run of a search that Optuna pruned is a pruned trial, and one that was killed without a score a failed one', () => {
  const run = (status: 'FINISHED' | 'KILLED', values: Partial<Run>) =>
    ({ runId: 'r', status, params: {}, metrics: {}, tags: {}, startTime: 0, endTime: 1_000, ...values }) as Run;
  const config = loadConfig({ MEDIWATCH_SEARCH_METRIC: 'auc' }, '/nowhere');
  const runs = [
    run('FINISHED', { metrics: { auc: 0.7 } }),
    run('FINISHED', { metrics: { auc: 0.9 }, tags: { state: 'PRUNED' } }),
    run('KILLED', { tags: { state: 'PRUNED' } }),
    run('KILLED', {}),
  ];
  expect(asTrials(config, runs).map(({ state }) => state)).toEqual(['complete', 'pruned', 'pruned', 'failed']);
});
