import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { executeChild, getExternalWorkflowHandle, workflowInfo } from '@temporalio/workflow';
import { STAGES, type Stage, workflowIds } from '../../contracts/names.ts';
import { priorityOf } from '../../contracts/priority.ts';
import type { SkipReason, WorkflowFailure } from '../../contracts/progress.ts';
import { shorten } from '../../contracts/text.ts';
import { type PlanInputOf, type ResultOf, WORKFLOWS } from '../../contracts/workflows.ts';
import { factsOf, outcomeOf } from '../../domain/outcomes.ts';
import { pageOf } from '../../words/links.ts';
import { stageSummary } from '../../words/results.ts';
import { activities } from './activities.ts';
import type { Recorder } from './progress.ts';

/** Something that goes along with a workflow, beside its procedure. */
export interface Companion<Result = unknown> {
  /** Before a stage starts, and after it has ended. */
  before?(stage: Stage): Promise<void>;
  after?(stage: Stage, result: unknown): Promise<void>;
  /** When the body has ended; it may complete the result. */
  completed?(result: Result): Promise<Result>;
  failed?(failure: WorkflowFailure): Promise<void>;
}

interface StageOptions<Result> {
  /** Undoes what the stage did when a later one fails, under the lock of the model: see lock.ts. */
  undo?(result: Result, why: string): Promise<void>;
  /** Once it has ended, nothing that came before is undone any more. */
  commits?: true;
}

interface StageCall<Name extends Stage> {
  (plan: PlanInputOf<Name>, options?: StageOptions<ResultOf<Name>>): Promise<ResultOf<Name>>;
  /** With a reason the stage is shown as left out, and its result is null. */
  unless(
    skip: SkipReason | null,
    plan: () => PlanInputOf<Name>,
    options?: StageOptions<ResultOf<Name>>,
  ): Promise<ResultOf<Name> | null>;
}

/**
 * The stages of a retrain, each a child workflow with a plan of its own. The child gets exactly the fields of its plan:
 * what the UI shows as its input is what governs it.
 */
export type Stages = { [Name in Stage]: StageCall<Name> } & {
  /** Shows a stage as left out. */
  skip(stage: Stage, reason: SkipReason): void;
  /** Undoes what the stages have done so far, the latest first. */
  undo(why: string): Promise<void>;
};

export function createStages(
  recorder: Recorder,
  companions: ReadonlyArray<Pick<Companion, 'before' | 'after'>>,
  temporalUi: string,
): Stages {
  // A stage that runs again, since the lock was lost, replaces what it had left to undo.
  const undos = new Map<Stage, (why: string) => Promise<void>>();

  async function run<Name extends Stage>(
    stage: Name,
    plan: PlanInputOf<Name>,
    { undo, commits }: StageOptions<ResultOf<Name>> = {},
  ): Promise<ResultOf<Name>> {
    for (const companion of companions) await companion.before?.(stage);
    recorder.report({ event: 'stageStarted', stage, at: Date.now() });
    const result = await runChild(recorder, temporalUi, stage, plan);
    if (undo) undos.set(stage, (why) => undo(result, why));
    if (commits) undos.clear();
    recorder.report({ event: 'stageEnded', stage, at: Date.now(), outcome: outcomeOf(stage, result) });
    recorder.report({ event: 'learned', facts: factsOf(stage, result) });
    for (const companion of companions) await companion.after?.(stage, result);
    return result;
  }

  const skipStage = (stage: Stage, reason: SkipReason) => recorder.report({ event: 'stageSkipped', stage, reason });
  const calls = STAGES.map((stage) => {
    const call = (plan: PlanInputOf<typeof stage>, options?: object) => run(stage, plan, options);
    const unless = async (skip: SkipReason | null, plan: () => PlanInputOf<typeof stage>, options?: object) => {
      if (skip === null) return run(stage, plan(), options);
      skipStage(stage, skip);
      return null;
    };
    return [stage, Object.assign(call, { unless })];
  });
  return {
    ...(Object.fromEntries(calls) as Pick<Stages, Stage>),
    skip: skipStage,
    async undo(why) {
      for (const undo of [...undos.values()].toReversed()) await undo(why);
    },
  };
}

async function runChild<Name extends Stage>(
  recorder: Recorder,
  temporalUi: string,
  stage: Name,
  input: PlanInputOf<Name>,
): Promise<ResultOf<Name>> {
  const parentId = workflowInfo().workflowId;
  const workflowId = workflowIds.stage(parentId, stage);
  const plan = WORKFLOWS[stage].plan.parse(input);
  recorder.report({ event: 'childStarted', stage, workflowId, url: pageOf(temporalUi, workflowId) });
  const options = {
    workflowId,
    staticSummary: shorten(stageSummary(stage, plan, parentId)),
    priority: priorityOf(stage, plan.registeredModel),
    args: [plan],
  };
  for (;;) {
    try {
      return await executeChild(stage, options);
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      // This workflow was reset. The stage that its earlier run started may not go on beside the new one.
      await getExternalWorkflowHandle(workflowId)
        .cancel()
        .catch(() => undefined);
      await activities.awaitWorkflowEnd({ workflowId, runId: null });
    }
  }
}
