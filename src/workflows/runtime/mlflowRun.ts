import { CancellationScope, ContinueAsNew, workflowInfo } from '@temporalio/workflow';
import { TAGS } from '../../contracts/names.ts';
import type { Progress } from '../../contracts/progress.ts';
import { activities } from './activities.ts';
import { applicationFailure, rootMessage, wasCancelled } from './failures.ts';
import type { Recorder } from './progress.ts';

/** The MLflow run in which a workflow keeps what it does. */
export interface MlflowRunOptions<Plan, Carried> {
  /** What the run is for: part of its key. */
  purpose: string;
  /** Run that a parent workflow opened, and closes; null: one of its own is opened. */
  given?(plan: Plan): string | null;
  /** Run that this workflow opened before it continued as new. */
  carried?(carried: Carried): string | null;
}

interface Subject {
  registeredModel: string;
  model?: string;
  trials?: number;
  seed?: number;
  trigger?: string;
}

/**
 * Runs the body with an MLflow run: the given one, or one of its own that is closed afterwards as finished, failed or
 * killed. What came of the workflow stays on the run, for the time when Temporal has forgotten it.
 */
export async function withMlflowRun<Plan extends Subject, Carried, Result>(
  plan: Plan,
  recorder: Recorder,
  options: MlflowRunOptions<Plan, Carried> | undefined,
  carried: Carried | undefined,
  body: (runId: string) => Promise<Result>,
): Promise<Result> {
  if (!options) return body('');
  const given = options.given?.(plan) ?? null;
  if (given !== null) return body(given);
  const own = carried === undefined ? null : (options.carried?.(carried) ?? null);
  const runId = own ?? (await open(plan, recorder, options.purpose));
  const close = (status: 'FINISHED' | 'FAILED' | 'KILLED', tags: Record<string, string> = {}) =>
    CancellationScope.nonCancellable(() =>
      activities.closeRun({ runId, status, tags: { ...outcomeTags(recorder.progress), ...tags } }),
    );
  let result: Result;
  try {
    result = await body(runId);
  } catch (error) {
    // The failure itself matters more than a run that could not be closed.
    if (!(error instanceof ContinueAsNew)) {
      const closed = wasCancelled(error) ? close('KILLED') : close('FAILED', failureTags(error));
      await closed.catch(() => undefined);
    }
    throw error;
  }
  await close('FINISHED').catch((error) =>
    recorder.report({ event: 'remarked', remark: { code: 'runNotClosed', cause: rootMessage(error) } }),
  );
  return result;
}

async function open(plan: Subject, { report }: Recorder, purpose: string): Promise<string> {
  const { registeredModel, model, trials, seed, trigger } = plan;
  const { runId, url } = await activities.openRun({
    key: keyOf(purpose),
    purpose,
    subject: { registeredModel, model, trials, seed },
    trigger: trigger ?? null,
  });
  report({ event: 'linked', link: { kind: 'mlflowRun', url } });
  return runId;
}

/** The history of retrains reads these. */
function outcomeTags({ stages }: Progress): Record<string, string> {
  const promote = stages.find(({ name }) => name === 'promote')?.outcome;
  if (promote?.code === 'skipped') return { [TAGS.promoted]: 'None' };
  if (promote?.code !== 'promotion') return {};
  const { promoted, registryStage, verdict, forced } = promote;
  return {
    [TAGS.promoted]: promoted ? registryStage : 'None',
    [TAGS.verdict]: JSON.stringify({ ...verdict, forced }),
  };
}

function failureTags(error: unknown): Record<string, string> {
  return {
    [TAGS.failureType]: applicationFailure(error)?.type ?? '',
    [TAGS.failure]: rootMessage(error),
  };
}

/** Names what this workflow makes. It survives continue-as-new and reset; a later start of the same id has another. */
export function keyOf(what: string): string {
  const { workflowId, firstExecutionRunId } = workflowInfo();
  return `${workflowId}/${firstExecutionRunId}/${what}`;
}
