import { executeChild, type Workflow, type WorkflowResultType, workflowInfo } from '@temporalio/workflow';
import { workflowIds } from '../../contracts/ids.ts';
import { STAGE_TITLES, type Stage } from '../../contracts/names.ts';

/** Runs a stage as a child workflow that is named after its parent. */
export function runStage<Type extends Workflow>(
  stage: Stage,
  workflow: Type,
  input: Parameters<Type>[0],
): Promise<WorkflowResultType<Type>> {
  const parentId = workflowInfo().workflowId;
  return executeChild<Type>(workflow, {
    workflowId: workflowIds.stage(parentId, stage),
    staticSummary: `${STAGE_TITLES[stage]} for ${parentId}`,
    args: [input] as unknown as Parameters<Type>,
  } as never);
}

/**
 * Names what this workflow makes, so that making it again after a retry finds it. It survives continue-as-new and
 * reset, and is another one when the same workflow id is started anew.
 */
export function idempotencyKey(what: string): string {
  const { workflowId, firstExecutionRunId } = workflowInfo();
  return `${workflowId}/${firstExecutionRunId}/${what}`;
}
