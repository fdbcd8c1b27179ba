import type { Client } from '@temporalio/client';

/** The run as which a workflow goes on that was reset; null: it was not. Servers before 1.27 do not tell. */
export async function resetTo(client: Client, workflowId: string, runId: string): Promise<string | null> {
  const { WorkflowNotFoundError } = await import('@temporalio/client');
  try {
    const { raw } = await client.workflow.getHandle(workflowId, runId).describe();
    return raw.workflowExtendedInfo?.resetRunId || null;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}
