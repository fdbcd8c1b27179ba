import type { Client } from '@temporalio/client';
import { requestLock } from '../../src/contracts/lock.ts';
import { TASK_QUEUES, workflowIds } from '../../src/contracts/names.ts';

/** Gives the lock of a model to a workflow that runs, as if that one had asked for it. */
export async function giveLock(client: Client, registeredModel: string, holder: { workflowId: string; runId: string }) {
  await client.workflow.signalWithStart('modelLock', {
    workflowId: workflowIds.lock(registeredModel),
    taskQueue: TASK_QUEUES.orchestration,
    args: [{ registeredModel, queue: [] }],
    signal: requestLock,
    signalArgs: [{ token: registeredModel, ...holder, holder, purpose: 'promote', version: null }],
  });
}
