import type { WorkflowExecutionDescription } from '@temporalio/client';
import { CommandError, EXIT } from '../exit.ts';
import type { Session } from '../session.ts';

/** A workflow that is followed: the chain of runs under one id. */
export interface Target {
  workflowId: string;
  runId: string;
  /** Its type. */
  workflow: string;
  /** Unix time (ms). */
  startedAt: number;
}

/**
 * Looks a workflow up, running or ended.
 *
 * @throws {CommandError} when there is none with this id
 */
export async function describe({ client, config }: Session, workflowId: string): Promise<WorkflowExecutionDescription> {
  const { WorkflowNotFoundError } = await import('@temporalio/client');
  try {
    return await client.workflow.getHandle(workflowId).describe();
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    const where = `namespace "${config.temporal.namespace}" at ${config.temporal.address}`;
    const message = `There is no workflow "${workflowId}" in ${where}. "mediwatch status" lists them.`;
    throw new CommandError(EXIT.usage, message, { cause: error });
  }
}

/** The target that a description tells of. */
export function targetOf({ workflowId, runId, type, startTime }: WorkflowExecutionDescription): Target {
  return { workflowId, runId, workflow: type, startedAt: startTime.getTime() };
}
