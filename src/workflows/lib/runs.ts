import { CancellationScope, ContinueAsNew, isCancellation } from '@temporalio/workflow';
import { TAGS } from '../../contracts/names.ts';
import type { Plan } from '../../contracts/plan.ts';
import type { Dataset } from '../../contracts/training.ts';
import { firstContact, registry } from './activities.ts';
import type { Board } from './board.ts';
import { applicationFailure, rootMessage } from './failures.ts';
import { idempotencyKey } from './stages.ts';

interface RunRequest {
  /** Run that a parent workflow opened; it also closes it. */
  runId?: string | undefined;
  /** Run that this workflow opened before it continued as new. */
  ownRunId?: string | undefined;
  /** What the run is for, in a word: part of its name. */
  purpose: string;
  dataset?: Dataset | undefined;
  trigger?: string | undefined;
}

/**
 * Runs the body with an MLflow run: the given one, or one of its own that is closed afterwards as finished, failed or
 * killed, whatever happened. What came of it stays on the run, for the time when Temporal has forgotten the workflow.
 *
 * @param outcome tags that tell what has come of it so far; asked when it has ended, however it ended
 */
export async function withRun<Result>(
  board: Board,
  plan: Plan,
  { runId: given, ownRunId, purpose, dataset, trigger }: RunRequest,
  body: (runId: string) => Promise<Result>,
  outcome: () => Record<string, string> = () => ({}),
): Promise<Result> {
  if (given) return body(given);
  const open = async () => {
    const { runId, url } = await firstContact.openRun({
      key: idempotencyKey(purpose),
      purpose,
      plan: { model: plan.model, trials: plan.trials, seed: plan.seed, registeredModel: plan.registeredModel },
      ...(dataset && { dataset: dataset.ref }),
      ...(trigger && { trigger }),
    });
    board.link('MLflow run', url);
    return runId;
  };
  const runId = ownRunId ?? (await open());
  const close = (status: 'FINISHED' | 'FAILED' | 'KILLED', tags: Record<string, string> = {}) =>
    CancellationScope.nonCancellable(() => registry.closeRun({ runId, status, tags: { ...outcome(), ...tags } }));
  const result = await body(runId).catch(async (error: unknown) => {
    // The failure itself matters more than a run that could not be closed.
    if (!(error instanceof ContinueAsNew)) {
      const ending = isCancellation(error) ? close('KILLED') : close('FAILED', { [TAGS.failure]: whyFailed(error) });
      await ending.catch(() => undefined);
    }
    throw error;
  });
  // All that it was for is done, and may answer requests by now.
  await close('FINISHED').catch((error) => board.problem(`Its MLflow run could not be closed: ${rootMessage(error)}`));
  return result;
}

/** `TooManyTrialsFailed: All 3 trials failed. …` */
function whyFailed(error: unknown): string {
  const type = applicationFailure(error)?.type;
  return `${type ? `${type}: ` : ''}${rootMessage(error)}`;
}
