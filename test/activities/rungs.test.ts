import { MockActivityEnvironment } from '@temporalio/testing';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createRegistryActivities } from '../../src/activities/registry.ts';
import { loadConfig } from '../../src/config.ts';
import { TAGS } from '../../src/contracts/names.ts';
import type { Mlflow, Run } from '../../src/systems/mlflow/index.ts';
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

const made = (run: Record<string, unknown>) => {
  writes.push(run);
  return { runId: 'r' } as Run;
};
const mlflow: Partial<Mlflow> = {
  ensureExperiment: async () => '1',
  ensureRun: async (run) => made({ ...run }),
  createRun: async (run) => made({ ...run }),
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
  expect(await rungThat(false)).toEqual({ score: 0.6, seconds: 2, pruned: false });
  expect(calls).toMatchObject([
    { step: 'trial', input: { params: { x: 1 }, share: 3 / 9 } },
    { step: 'judge', input: { pruner: 'asha', direction: 'maximize', number: 3 } },
  ]);
  const reports = [...(REQUEST.trials[1]?.reports ?? []), { step: 3, score: 0.6 }];
  expect(calls[1]?.input).toMatchObject({ trials: [REQUEST.trials[0], { ...REQUEST.trials[1], reports }] });
  expect(writes).toEqual([]);
});

it('one that Optuna prunes ends there', async () => {
  expect(await rungThat(true)).toEqual({ score: 0.6, seconds: 2, pruned: true });
});

it.each([1, 2])('a pruned trial is written down by attempt %d once, as a killed run of its own', async (attempt) => {
  const { recordPruned } = createRegistryActivities({ config: loadConfig({}, '/nowhere'), mlflow: mlflow as Mlflow });
  const { number, params, parentRunId, key } = REQUEST;
  const ended = { step: 3, score: 0.6, startedAt: 1_000, endedAt: 3_000 };
  const trial = { registeredModel: 'Readmission', number, params, parentRunId, key, ...ended };
  const environment = new MockActivityEnvironment({ attempt });
  expect(await environment.run(recordPruned, trial)).toEqual({ runId: 'r' });
  expect(writes).toMatchObject([
    { experimentId: '1', parentRunId: 'search', tags: { [TAGS.trial]: '3', [TAGS.pruned]: '3/9' }, startTime: 1_000 },
    { runId: 'r', params: { x: '1' }, metrics: { rung_score: 0.6 }, step: 3 },
    { runId: 'r', status: 'KILLED', endTime: 3_000 },
  ]);
  expect(writes[0]).toMatchObject(attempt === 1 ? { tags: { [TAGS.key]: 'k' } } : { key: 'k' });
  expect(TAGS.pruned).toBe('mediwatch.pruned');
});
