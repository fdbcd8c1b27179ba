import { executeChild, type Workflow, type WorkflowResultType, workflowInfo } from '@temporalio/workflow';
import { workflowIds } from '../../contracts/ids.ts';
import { STAGE_TITLES, type Stage } from '../../contracts/names.ts';
import { shorten } from '../../policy/markdown.ts';
import type { Board } from './board.ts';

/** Runs a stage as a child workflow that is named after its parent, and shows it on the board. */
export function runStage<Type extends Workflow>(
  board: Board,
  stage: Stage,
  workflow: Type,
  input: Parameters<Type>[0],
): Promise<WorkflowResultType<Type>> {
  const parentId = workflowInfo().workflowId;
  board.child(stage);
  return executeChild<Type>(workflow, {
    workflowId: workflowIds.stage(parentId, stage),
    staticSummary: shorten(summaryOf(stage, input, parentId)),
    args: [input] as unknown as Parameters<Type>,
  } as never);
}

/** `Promote version 3 of MediWatchReadmit, for retrain-2026-…`: what a child is for, in lists. */
function summaryOf(stage: Stage, input: { version?: string; registeredModel?: string } = {}, parentId: string): string {
  const { version, registeredModel } = input;
  const subject = [version && `version ${version}`, registeredModel].filter(Boolean).join(' of ');
  return `${STAGE_TITLES[stage]}${subject && (version ? ` ${subject}` : ` of ${subject}`)}, for ${parentId}`;
}

/**
 * Names what this workflow makes, so that making it again after a retry finds it. It survives continue-as-new and
 * reset, and is another one when the same workflow id is started anew.
 */
export function idempotencyKey(what: string): string {
  const { workflowId, firstExecutionRunId } = workflowInfo();
  return `${workflowId}/${firstExecutionRunId}/${what}`;
}
