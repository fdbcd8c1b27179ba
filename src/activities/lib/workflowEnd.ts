import { Context } from '@temporalio/activity';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { whileHeartbeating } from './heartbeat.ts';

/** Returns when the workflow run has ended, be it completed, failed, cancelled or terminated; heartbeats meanwhile. */
export async function untilEnded(client: Client, { workflowId, runId }: { workflowId: string; runId: string }) {
  const ended = client.workflow
    .getHandle(workflowId, runId, { followRuns: false })
    .result()
    .catch((error: unknown) => {
      if (!isEnd(error)) throw error;
    });
  await whileHeartbeating(({ signal }) => Promise.race([ended, whenAborted(signal)]));
  if (Context.current().cancellationSignal.aborted) await Context.current().cancelled;
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
