import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { TASK_QUEUES } from '../../src/contracts/names.ts';
import { startTemporal } from './temporal.ts';
import { quiet, startWorkers, type TestWorkers } from './workers.ts';
import { createWorld, type World } from './world.ts';

/** Our workflows on a real server, acting upon a world in memory that each test may replace. */
export interface WorkflowBench {
  world: World;
  client: TestWorkers['client'];
  start(type: string, ...args: unknown[]): Promise<WorkflowHandle>;
  run(type: string, ...args: unknown[]): Promise<unknown>;
  /** The failure of the contract with which a workflow ends. */
  refusal(type: string, ...args: unknown[]): Promise<ApplicationFailure>;
  close(): Promise<void>;
}

export async function createWorkflowBench(): Promise<WorkflowBench> {
  quiet();
  const server = await startTemporal();
  let number = 0;
  // Activities are looked up at each call, so that every test has a world of its own.
  const dispatch = Object.fromEntries(
    Object.keys(createWorld().activities()).map((name) => [
      name,
      (input: unknown) => (bench.world.activities() as Record<string, (input: unknown) => unknown>)[name]?.(input),
    ]),
  );
  const workers = await startWorkers(server.address, dispatch);
  const bench: WorkflowBench = {
    world: createWorld(),
    client: workers.client,
    start(type, ...args) {
      number += 1;
      const workflowId = `${type}-${number}`;
      return workers.client.workflow.start(type, { workflowId, taskQueue: TASK_QUEUES.orchestration, args });
    },
    run: async (type, ...args) => (await bench.start(type, ...args)).result(),
    refusal: async (type, ...args) => failureOf(await bench.start(type, ...args)),
    async close() {
      await workers.stop();
      await server.stop();
    },
  };
  return bench;
}

/** The failure of the contract with which a workflow ends, without the layers that Temporal puts around it. */
export async function failureOf(handle: WorkflowHandle): Promise<ApplicationFailure> {
  const error = await handle.result().then(
    () => undefined,
    (error: unknown) => error,
  );
  let cause: unknown = error;
  while (cause instanceof Error && !(cause instanceof ApplicationFailure)) cause = cause.cause;
  if (error instanceof WorkflowFailedError && cause instanceof ApplicationFailure) return cause;
  throw new Error(`${handle.workflowId} did not end with a failure of the contract.`, { cause: error });
}
