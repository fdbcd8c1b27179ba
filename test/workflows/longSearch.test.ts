import proto from '@temporalio/proto';
import { expect, it } from 'vitest';
import type { Params } from '../../src/contracts/training.ts';
import { useWorkflowBench } from '../support/useWorkflowBench.ts';
import { createWorld, DATASET } from '../support/world.ts';

const bench = useWorkflowBench();

/** Limits of Temporal Cloud: those at which it warns, and of a payload (docs.temporal.io/cloud/limits). */
const CLOUD = { events: 10_240, historyBytes: 10 * 2 ** 20 };
/** What the doctor holds a namespace against. */
const PAYLOAD_BYTES = 2 ** 20;

const TRIALS = 1_000;
const split = { rows: 70_000, groups: 70_000, positives: 7_000 };
const PARAMETERS = Array.from({ length: 20 }, (_, index) => `a_parameter_with_a_name_of_its_own_${index}`);
const paramsOf = (number: number): Params =>
  Object.fromEntries(PARAMETERS.map((name, index) => [name, Math.sin(number + index)]));

it(`a search of ${TRIALS} trials stays within the limits of Temporal Cloud`, { timeout: 240_000 }, async () => {
  const world = createWorld();
  bench.world = world;
  world.override.prepareDataset = async () => ({
    ...DATASET,
    splits: { train: split, validation: split, test: split },
  });
  let proposed = 0;
  world.override.proposeTrials = async ({ count }) => {
    proposed += count;
    return Array.from({ length: count }, (_, index) => paramsOf(proposed + index));
  };
  world.override.runRung = async ({ number, step }) => ({
    score: Math.sin(number),
    seconds: 1.25,
    pruned: number % 3 < (step === 1 ? 1 : 2),
  });
  world.override.runTrial = async ({ number, key }) => ({
    score: Math.cos(number),
    metrics: Object.fromEntries(PARAMETERS.map((name, index) => [`validation_${name}`, Math.cos(number * index)])),
    runId: key,
  });

  const handle = await bench.start('hyperparameterSearch', { trials: TRIALS, parallel: 8 });
  expect(await handle.result()).toMatchObject({ complete: 333, pruned: 667, failed: 0 });

  const runs = [];
  const query = `WorkflowId = '${handle.workflowId}'`;
  for await (const { runId, historySize = 0, historyLength } of bench.client.workflow.list({ query })) {
    expect(historyLength).toBeLessThan(CLOUD.events);
    expect(historySize).toBeLessThan(CLOUD.historyBytes);
    runs.push(runId);
  }
  expect(runs.length).toBeGreaterThan(1);
  const largest = await Promise.all(runs.map((runId) => largestEvent({ workflowId: handle.workflowId, runId })));
  expect(Math.max(...largest)).toBeLessThan(PAYLOAD_BYTES);
});

/** Bytes of the largest event of a run, which is larger than any payload in it. */
async function largestEvent(execution: { workflowId: string; runId: string }): Promise<number> {
  const { HistoryEvent } = proto.temporal.api.history.v1;
  let largest = 0;
  let nextPageToken: Uint8Array | null = null;
  do {
    const page: proto.temporal.api.workflowservice.v1.IGetWorkflowExecutionHistoryResponse =
      await bench.client.workflowService.getWorkflowExecutionHistory({
        ...{ namespace: 'default', execution },
        ...{ maximumPageSize: 20, nextPageToken },
      });
    const sizes = (page.history?.events ?? []).map((event) => HistoryEvent.encode(event).finish().length);
    largest = Math.max(largest, ...sizes);
    nextPageToken = page.nextPageToken ?? null;
  } while (nextPageToken?.length);
  return largest;
}
