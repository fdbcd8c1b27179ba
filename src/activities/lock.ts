import type { Client } from '@temporalio/client';
import { workflowIds } from '../contracts/ids.ts';
import { type LockInput, type LockRequest, requestLock } from '../contracts/lock.ts';
import { TASK_QUEUES } from '../contracts/names.ts';
import { shorten } from '../policy/markdown.ts';
import { untilEnded } from './lib/workflowEnd.ts';

/** What the lock of a registered model needs from Temporal itself. */
export function createLockActivities({ client }: { client: Client }) {
  return {
    /** Puts a request into the queue of the lock, and starts the lock when nobody held it. */
    async askForLock({ registeredModel, request }: { registeredModel: string; request: LockRequest }): Promise<void> {
      const empty: LockInput = { registeredModel, queue: [] };
      await client.workflow.signalWithStart('modelLock', {
        workflowId: workflowIds.lock(registeredModel),
        taskQueue: TASK_QUEUES.orchestration,
        args: [empty],
        signal: requestLock,
        signalArgs: [request],
        staticSummary: shorten(`Lock of ${registeredModel}: one change of production at a time`),
      });
    },

    /** Returns when the workflow run has ended, be it completed, failed, cancelled or terminated. */
    async awaitWorkflowEnd(run: { workflowId: string; runId: string }): Promise<void> {
      await untilEnded(client, run);
    },
  };
}
