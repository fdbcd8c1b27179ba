import {
  type WorkflowExecutionDescription,
  type WorkflowExecutionInfo,
  WorkflowNotFoundError,
} from '@temporalio/client';
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

/** A workflow, running or ended; null: there is none with this id. */
export async function find({ client }: Session, workflowId: string): Promise<WorkflowExecutionDescription | null> {
  try {
    return await client.workflow.getHandle(workflowId).describe();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

/**
 * A workflow that must be there, running or ended.
 *
 * @throws {CommandError} when there is none with this id
 */
export async function describe(session: Session, workflowId: string): Promise<WorkflowExecutionDescription> {
  const found = await find(session, workflowId);
  if (found) return found;
  const { address, namespace } = session.config.temporal;
  const where = `namespace "${namespace}" at ${address}`;
  throw new CommandError(
    EXIT.usage,
    `There is no workflow "${workflowId}" in ${where}. "mediwatch status" lists them.`,
  );
}

export function targetOf({ workflowId, runId, type, startTime }: WorkflowExecutionDescription): Target {
  return { workflowId, runId, workflow: type, startedAt: startTime.getTime() };
}

type HasStatus = Pick<WorkflowExecutionInfo, 'status'>;

/** Whether a workflow has not ended. */
export function goesOn({ status: { name } }: HasStatus): boolean {
  return name === 'RUNNING' || name === 'PAUSED';
}

/** How a workflow stands: `running`, `continued as new`. */
export function statusText({ status: { name } }: HasStatus): string {
  return name.toLowerCase().replaceAll('_', ' ');
}
