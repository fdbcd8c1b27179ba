import type { WorkflowExecutionInfo } from '@temporalio/client';

type Told = Pick<WorkflowExecutionInfo, 'status'>;

/** Whether a workflow has not ended. */
export function goesOn({ status: { name } }: Told): boolean {
  return name === 'RUNNING' || name === 'PAUSED';
}

/** How a workflow stands, in a word or two: `running`, `continued as new`. */
export function statusText({ status: { name } }: Told): string {
  return name.toLowerCase().replaceAll('_', ' ');
}
