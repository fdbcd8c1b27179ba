import { Context } from '@temporalio/activity';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { workflowIds } from '../contracts/ids.ts';
import { type LockInput, type LockRequest, lockQueue, requestLock } from '../contracts/lock.ts';
import { TASK_QUEUES } from '../contracts/names.ts';
import { resetTo } from '../systems/resetTo.ts';
import { shorten } from '../words/markdown.ts';
import { untilEnded } from './lib/workflowEnd.ts';

/** What the lock of a registered model needs from Temporal itself. */
export function createLockActivities({ client }: { client: Client }) {
  return {
    /**
     * Puts a request into the queue of the lock, and starts the lock when nobody held it.
     *
     * @returns the run that asked: a workflow that is reset later remembers it, and has another one itself
     */
    async askForLock({ registeredModel, request }: { registeredModel: string; request: LockRequest }) {
      const empty: LockInput = { registeredModel, queue: [] };
      await client.workflow.signalWithStart('modelLock', {
        workflowId: workflowIds.lock(registeredModel),
        taskQueue: TASK_QUEUES.orchestration,
        args: [empty],
        signal: requestLock,
        signalArgs: [request],
        staticSummary: shorten(`Lock of ${registeredModel}: one change of production at a time`),
      });
      return { runId: request.runId };
    },

    /**
     * Whether a workflow that was granted the lock has it still. Only one that was reset may have lost it: its earlier
     * run may have given it back.
     *
     * @param runId the run that asked for the lock
     */
    async holdsLock({ registeredModel, token, runId }: { registeredModel: string; token: string; runId: string }) {
      if (Context.current().info.workflowExecution?.runId === runId) return true;
      try {
        const [holder] = await client.workflow.getHandle(workflowIds.lock(registeredModel)).query(lockQueue);
        return holder?.token === token;
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false;
        throw error;
      }
    },

    /**
     * Returns when the workflow run has ended, be it completed, failed, cancelled or terminated. One that is reset while
     * it runs goes on as another run.
     */
    async awaitWorkflowEnd({ workflowId, runId }: { workflowId: string; runId: string }): Promise<void> {
      for (let run: string | null = runId; run; run = await resetTo(client, workflowId, run)) {
        await untilEnded(client, { workflowId, runId: run });
      }
    },
  };
}
