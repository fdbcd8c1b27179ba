import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { executeChild, sleep, type Workflow, type WorkflowResultType, workflowInfo } from '@temporalio/workflow';
import { workflowIds } from '../../contracts/ids.ts';
import { STAGE_TITLES, type Stage } from '../../contracts/names.ts';
import type { Plan } from '../../contracts/plan.ts';
import { shorten } from '../../words/markdown.ts';
import type { Board } from './board.ts';
import { planMemo } from './plan.ts';

/**
 * Runs a stage as a child workflow that is named after its parent, and shows it on the board. It goes by the plan of its
 * parent, whatever the settings have become meanwhile.
 */
export async function runStage<Type extends Workflow>(
  board: Board,
  plan: Plan,
  stage: Stage,
  workflow: Type,
  input: Parameters<Type>[0],
): Promise<WorkflowResultType<Type>> {
  const parentId = workflowInfo().workflowId;
  board.child(stage);
  const options = {
    workflowId: workflowIds.stage(parentId, stage),
    staticSummary: shorten(summaryOf(stage, input, parentId)),
    memo: planMemo(plan),
    args: [input] as unknown as Parameters<Type>,
  };
  for (let waits = 0; ; waits += 1) {
    try {
      return await executeChild<Type>(workflow, options as never);
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError) || waits === MOST_WAITS) throw error;
      // After a reset Temporal ends the child of the run before, but not at once.
      await sleep(WAIT_MS, { summary: `the ${STAGE_TITLES[stage]} of the run that was reset ends` });
    }
  }
}

const WAIT_MS = 250;
const MOST_WAITS = 60;

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
