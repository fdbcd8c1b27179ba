import { ChildWorkflowFailure, ContinueAsNew, workflowInfo } from '@temporalio/workflow';
import { STAGES, type Stage } from '../../contracts/names.ts';
import type { News } from '../../contracts/notifications.ts';
import type { Progress, WorkflowFailure } from '../../contracts/progress.ts';
import { type PlanOf, type ResultOf, WORKFLOWS, type WorkflowName } from '../../contracts/workflows.ts';
import { outcomeOf } from '../../domain/outcomes.ts';
import { activities } from './activities.ts';
import { applicationFailure, rootMessage, wasCancelled } from './failures.ts';
import { handedOn, parseInput, parsePlan } from './input.ts';
import { keyOf, type MlflowRunOptions, withMlflowRun } from './mlflowRun.ts';
import { notify } from './notices.ts';
import { openRecorder, type Recorder, type Subject, triggerOf } from './progress.ts';
import { type Companion, createStages, type Stages } from './stages.ts';

/** What the body of a workflow works with. */
export interface Run<Carried = never> {
  report: Recorder['report'];
  stages: Stages;
  /** Names what this workflow makes, so that making it again after a retry or a reset finds it. */
  key(what: string): string;
  /** MLflow run of the workflow; empty where it has none. */
  mlflowRunId: string;
  /** What continue-as-new handed on. */
  carried: Carried | undefined;
}

interface Options<Name extends WorkflowName, Carried> {
  /** Stages that its page shows; absent: the workflow itself, where it is one. */
  stages?: readonly Stage[];
  mlflowRun?: MlflowRunOptions<PlanOf<Name>, Carried>;
  companions?: ReadonlyArray<(plan: PlanOf<Name>, recorder: Recorder) => Companion<ResultOf<Name>>>;
  /** What people are notified of. Nobody is notified of a cancellation: whoever did that knows. */
  notices?: {
    completed?(result: ResultOf<Name>, progress: Progress, plan: PlanOf<Name>): News[] | Promise<News[]>;
    failed?(failure: WorkflowFailure, plan: PlanOf<Name>): News[] | Promise<News[]>;
  };
}

/**
 * Makes a workflow of its procedure. Its input is laid over the settings, unless a parent workflow gives it a complete
 * plan; from its first task to its end the UI shows where it stands, what came of it, or why it failed and what to do.
 */
export function workflow<Name extends WorkflowName, Carried = never>(
  name: Name,
  options: Options<Name, Carried>,
  body: (plan: PlanOf<Name>, run: Run<Carried>) => Promise<ResultOf<Name>>,
): (input?: unknown, carried?: Carried) => Promise<ResultOf<Name>> {
  const ownStage = STAGES.find((stage) => stage === name);
  const shownStages = options.stages ?? (ownStage ? [ownStage] : []);

  return async (input, given) => {
    const carried = handedOn(given);
    const isPlan = workflowInfo().parent !== undefined || carried !== undefined;
    const request = isPlan ? parsePlan(name, input) : parseInput(name, input);
    const recorder = openRecorder(name, shownStages, request as Subject);
    try {
      const plan = isPlan ? (request as PlanOf<Name>) : await resolve(name, request);
      const { trigger } = { trigger: triggerOf(), ...plan };
      recorder.planned(plan, trigger);
      const companions = (options.companions ?? []).map((make) => make(plan, recorder));
      const result = await withNotices(plan, recorder, options.notices, () =>
        withMlflowRun(plan, recorder, options.mlflowRun, carried, (mlflowRunId) =>
          accompanied(companions, () => {
            const stages = createStages(recorder, companions, plan.links.temporalUi);
            if (ownStage) recorder.report({ event: 'stageStarted', stage: ownStage, at: Date.now() });
            return body(plan, { report: recorder.report, stages, key: keyOf, mlflowRunId, carried });
          }),
        ),
      );
      const shown = recorder.progress.stages.find(({ name }) => name === ownStage);
      if (ownStage && shown?.state === 'running') {
        const outcome = outcomeOf(ownStage, result as ResultOf<typeof ownStage>);
        recorder.report({ event: 'stageEnded', stage: ownStage, at: Date.now(), outcome });
      }
      recorder.report({ event: 'completed', result });
      return result;
    } catch (error) {
      if (!(error instanceof ContinueAsNew)) {
        recorder.report({ event: 'failed', at: Date.now(), failure: failureOf(error) });
      }
      throw error;
    }
  };
}

async function resolve<Name extends WorkflowName>(name: Name, input: object): Promise<PlanOf<Name>> {
  const plan = await activities.resolvePlan({ workflow: name, input: { trigger: triggerOf(), ...input } });
  return WORKFLOWS[name].plan.parse(plan) as PlanOf<Name>;
}

function failureOf(error: unknown): WorkflowFailure {
  return {
    type: applicationFailure(error)?.type ?? null,
    message: rootMessage(error),
    cancelled: wasCancelled(error),
    child: error instanceof ChildWorkflowFailure ? (error.execution.workflowId ?? null) : null,
  };
}

async function accompanied<Result>(
  companions: ReadonlyArray<Companion<Result>>,
  body: () => Promise<Result>,
): Promise<Result> {
  let result: Result;
  try {
    result = await body();
  } catch (error) {
    if (!(error instanceof ContinueAsNew)) {
      for (const companion of companions) await companion.failed?.(failureOf(error));
    }
    throw error;
  }
  for (const companion of companions) result = (await companion.completed?.(result)) ?? result;
  return result;
}

/** Notifies people of the end before the result, or the failure, goes on. */
async function withNotices<Name extends WorkflowName>(
  plan: PlanOf<Name>,
  recorder: Recorder,
  notices: Options<Name, never>['notices'],
  body: () => Promise<ResultOf<Name>>,
): Promise<ResultOf<Name>> {
  let news: News[] = [];
  try {
    const result = await body();
    news = (await notices?.completed?.(result, recorder.progress, plan)) ?? [];
    return result;
  } catch (error) {
    if (!(error instanceof ContinueAsNew || wasCancelled(error)))
      news = (await notices?.failed?.(failureOf(error), plan)) ?? [];
    throw error;
  } finally {
    await Promise.all(news.map((one) => notify(plan, one)));
  }
}
