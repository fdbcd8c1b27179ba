import { Context } from '@temporalio/activity';
import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { whileHeartbeating } from './heartbeat.ts';

/** Returns when the workflow run has ended in any way; heartbeats meanwhile. */
export async function untilEnded(client: Client, { workflowId, runId }: { workflowId: string; runId: string }) {
  await whileHeartbeating(async ({ signal }) => {
    const handle = client.workflow.getHandle(workflowId, runId, { followRuns: false });
    await client
      .withAbortSignal(signal, () => handle.result())
      .catch((error: unknown) => {
        if (!(signal.aborted || isEnd(error))) throw error;
      });
  });
  if (Context.current().cancellationSignal.aborted) await Context.current().cancelled;
}

function isEnd(error: unknown): boolean {
  if (error instanceof WorkflowNotFoundError) return true;
  return error instanceof Error && ['WorkflowFailedError', 'WorkflowContinuedAsNewError'].includes(error.name);
}
