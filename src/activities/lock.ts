import { Context } from '@temporalio/activity';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { workflowIds } from '../contracts/ids.ts';
import { type LockInput, type LockRequest, requestLock } from '../contracts/lock.ts';
import { TASK_QUEUES } from '../contracts/names.ts';
import { whileHeartbeating } from './lib/heartbeat.ts';

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
        staticSummary: `Lock of ${registeredModel}: one change of production at a time`,
      });
    },

    /** Returns when the workflow run has ended, be it completed, failed, cancelled or terminated. */
    async awaitWorkflowEnd({ workflowId, runId }: { workflowId: string; runId: string }): Promise<void> {
      const ended = client.workflow
        .getHandle(workflowId, runId, { followRuns: false })
        .result()
        .catch((error: unknown) => {
          if (!isEnd(error)) throw error;
        });
      await whileHeartbeating(({ signal }) => Promise.race([ended, whenAborted(signal)]));
      if (Context.current().cancellationSignal.aborted) await Context.current().cancelled;
    },
  };
}

/** Whether waiting for a result ended because the workflow did, in whatever way. */
function isEnd(error: unknown): boolean {
  if (error instanceof WorkflowNotFoundError) return true;
  return error instanceof Error && ['WorkflowFailedError', 'WorkflowContinuedAsNewError'].includes(error.name);
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
