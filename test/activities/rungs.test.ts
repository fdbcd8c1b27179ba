import { afterEach, beforeEach, expect, it } from 'vitest';
import { TAGS } from '../../src/contracts/names.ts';
import type { Mlflow } from '../../src/systems/mlflow/index.ts';
import type { StepCall } from '../../src/systems/steps/index.ts';
import { createBench, DATASET } from './training.ts';

const REQUEST = {
  ...{ dataset: DATASET, model: 'hgb', number: 3, params: { x: 1 }, seed: 1, parentRunId: 'search', key: 'k' },
  ...{ step: 3, pruner: 'asha' as const, direction: 'maximize' as const },
  trials: [
    { number: 2, state: 'complete' as const, reports: [{ step: 1, score: 0.7 }] },
    { number: 3, state: 'running' as const, reports: [{ step: 1, score: 0.5 }] },
  ],
};

let bench: ReturnType<typeof createBench>;
let calls: Pick<StepCall, 'step' | 'input'>[];
let writes: Record<string, unknown>[];

beforeEach(() => {
  calls = [];
  writes = [];
});
afterEach(() => bench.close());

const mlflow: Partial<Mlflow> = {
  ensureExperiment: async () => '1',
  ensureRun: (async (run: object) => {
    writes.push({ ...run });
    return { runId: 'r' };
  }) as unknown as Mlflow['ensureRun'],
  logBatch: async (runId, batch) => void writes.push({ runId, ...batch }),
  updateRun: async (runId, change) => void writes.push({ runId, ...change }),
};

/** A trial that scores 0.6 at this rung, and what Optuna says of it. */
function rungThat(prune: boolean) {
  bench = createBench({
    run: async ({ step, input }) => {
      calls.push({ step, input });
      return step === 'judge' ? { prune } : { score: 0.6, metrics: { trial_seconds: 2 } };
    },
    mlflow,
  });
  return bench.call('runRung', REQUEST);
}

it('a rung is fitted on its share of the rows, and judged with its score beside those of the other trials', async () => {
  expect(await rungThat(false)).toEqual({ score: 0.6, seconds: 2, prunedRunId: null });
  expect(calls).toMatchObject([
    { step: 'trial', input: { params: { x: 1 }, share: 3 / 9 } },
    { step: 'judge', input: { pruner: 'asha', direction: 'maximize', number: 3 } },
  ]);
  const reports = [...(REQUEST.trials[1]?.reports ?? []), { step: 3, score: 0.6 }];
  expect(calls[1]?.input).toMatchObject({ trials: [REQUEST.trials[0], { ...REQUEST.trials[1], reports }] });
  expect(writes).toEqual([]);
});

it('a trial that is pruned leaves a killed run with its parameters, its score and the rung at which it ended', async () => {
  expect(await rungThat(true)).toEqual({ score: 0.6, seconds: 2, prunedRunId: 'r' });
  expect(writes).toMatchObject([
    { experimentId: '1', key: 'k', parentRunId: 'search', tags: { [TAGS.trial]: '3', [TAGS.pruned]: '3/9' } },
    { runId: 'r', params: { x: '1' }, metrics: { rung_score: 0.6 }, step: 3 },
    { runId: 'r', status: 'KILLED', endTime: expect.any(Number) },
  ]);
  expect(TAGS.pruned).toBe('mediwatch.pruned');
});
