import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { translated } from '../../src/activities/lib/translate.ts';
import { TASK_QUEUES } from '../../src/contracts/names.ts';
import { priorityOf } from '../../src/contracts/priority.ts';
import { CommandOutOfMemory } from '../../src/systems/processes/errors.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { quiet, startWorkers, type TestWorkers } from '../support/workers.ts';
import { createWorld, DATASET, type World } from '../support/world.ts';

/** A worker that runs one step at a time, on a real server. */
let server: TestTemporal;
let workers: TestWorkers;
let world: World;
let gate: PromiseWithResolvers<void>;

beforeAll(async () => {
  quiet();
  server = await startTemporal();
  const dispatch = Object.fromEntries(
    Object.keys(createWorld().activities()).map((name) => [
      name,
      (input: unknown) => (world.activities() as Record<string, (input: unknown) => unknown>)[name]?.(input),
    ]),
  );
  workers = await startWorkers(server.address, dispatch, { maxConcurrentActivityTaskExecutions: 1 });
});
afterEach(() => gate?.resolve());
afterAll(async () => {
  await workers?.stop();
  await server?.stop();
});

let number = 0;
const start = (type: string, input: object) =>
  workers.client.workflow.start(type, {
    workflowId: `${type}-${++number}`,
    taskQueue: TASK_QUEUES.orchestration,
    args: [input],
  });

/** A search whose first trial does not end until the gate opens, while its others wait for the one place of the worker. */
async function startSearch() {
  gate = Promise.withResolvers<void>();
  world = createWorld({ MEDIWATCH_SEARCH_PARALLEL: '6', MEDIWATCH_SEARCH_PRUNER: 'none' });
  world.override.runTrial = async ({ number, key }) => {
    await gate.promise;
    return { score: 0.6 + number / 1000, metrics: {}, runId: key };
  };
  const search = await start('hyperparameterSearch', { trials: 6 });
  await untilWaiting(search, 6);
  return search;
}

/** Until so many activities of a workflow, or those of one type, run or wait in a queue. */
async function untilWaiting(handle: Awaited<ReturnType<typeof start>>, count: number, type?: string): Promise<void> {
  const waiting = async () => {
    const { pendingActivities } = (await handle.describe()).raw;
    const types = (pendingActivities ?? []).map(({ activityType }) => activityType?.name);
    return types.filter((name) => type === undefined || name === type).length >= count;
  };
  await until(waiting, { timeoutMs: 20_000, what: `${type ?? 'activities'} of ${handle.workflowId}` });
}

it('a training overtakes the trials of a search that wait before it', async () => {
  const search = await startSearch();
  const training = await start('trainBestAndRegister', { dataset: DATASET });
  await untilWaiting(training, 1, 'trainModel');
  gate.resolve();
  await Promise.all([search.result(), training.result()]);
  const steps = world.calls.map(({ name }) => name).filter((name) => name === 'runTrial' || name === 'trainModel');
  expect(steps).toHaveLength(7);
  // First come, first served, it would be the last. One trial was running, and the worker may have asked for the next.
  expect(steps.indexOf('trainModel')).toBeLessThan(3);
});

it('a step killed for memory is tried once more, and no more often', async () => {
  world = createWorld();
  world.override = translated({
    trainModel: async () => {
      throw new CommandOutOfMemory('The step train', 900, 800);
    },
  });
  const training = await start('trainBestAndRegister', {});
  await expect(training.result()).rejects.toMatchObject({ cause: { cause: { type: 'StepOutOfMemory' } } });
  expect(world.count('trainModel')).toBe(2);
});

it('a priority names its model in the bytes that Temporal takes', () => {
  expect(priorityOf('rollback', 'Readmit')).toEqual({ priorityKey: 1, fairnessKey: 'Readmit' });
  expect(priorityOf('retrain')).toEqual({});
  const { fairnessKey = '' } = priorityOf('retrain', `${'ü'.repeat(80)}\ud800`);
  expect(Buffer.byteLength(fairnessKey)).toBe(64);
});
