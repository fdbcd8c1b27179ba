import { Context } from '@temporalio/activity';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { failure } from '../contracts/errors.ts';
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
      const { holder, runId } = request;
      // A stage that outlived the reset of its parent asks for a run that is over, and would take the lock from the new one.
      if (holder.runId !== runId && !(await isRunning(client, holder))) {
        throw failure(
          'LockLost',
          `${holder.workflowId} has ended, or was reset, while one of its stages asked for the lock.`,
        );
      }
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
     * Whether a workflow that was granted the lock has it still. One that asked in this very run has it; one that was reset,
     * or a stage of another workflow, may have lost it.
     *
     * @param request.askedBy the run that asked for the lock; null: the lock is always asked
     */
    async holdsLock(request: { registeredModel: string; token: string; askedBy: string | null }): Promise<boolean> {
      const { registeredModel, token, askedBy } = request;
      if (askedBy !== null && Context.current().info.workflowExecution?.runId === askedBy) return true;
      try {
        const [holder] = await client.workflow.getHandle(workflowIds.lock(registeredModel)).query(lockQueue);
        return holder?.token === token;
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false;
        throw error;
      }
    },

    /**
     * Returns when the workflow run has ended in any way. One that is reset while it runs goes on as another run.
     *
     * @param request.runId null: the run that is the latest now
     */
    async awaitWorkflowEnd({ workflowId, runId }: { workflowId: string; runId: string | null }): Promise<void> {
      const first = runId ?? (await client.workflow.getHandle(workflowId).describe()).runId;
      for (let run: string | null = first; run; run = await resetTo(client, workflowId, run)) {
        await untilEnded(client, { workflowId, runId: run });
      }
    },
  };
}

async function isRunning(client: Client, { workflowId, runId }: LockRequest['holder']): Promise<boolean> {
  const { status } = await client.workflow.getHandle(workflowId, runId).describe();
  return status.name === 'RUNNING';
}
