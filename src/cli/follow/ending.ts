import { setTimeout as delay } from 'node:timers/promises';
import { isGrpcServiceError, ServiceError, WorkflowContinuedAsNewError, WorkflowFailedError } from '@temporalio/client';
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  TerminatedFailure,
  TimeoutFailure,
} from '@temporalio/common';
import { knownFailure } from '../../contracts/errors.ts';
import { STAGE_TITLES, type Stage } from '../../contracts/names.ts';
import type { Progress } from '../../contracts/progress.ts';
import { resetTo } from '../../systems/resetTo.ts';
import type { Session } from '../session.ts';
import type { Target } from './target.ts';

/** How following ended; `left`: the reader went, the workflow goes on. */
export type Ending =
  | { state: 'completed'; result: unknown }
  | { state: 'failed' | 'cancelled'; failure: Failure }
  | { state: 'left' };

/** Shown when the workflow is reset while somebody follows it. */
export const WAS_RESET = 'It was reset; following its new run.';

/** How long Temporal may be away before following gives up (ms). */
const AWAY_LIMIT_MS = 120_000;
/** gRPC notices a dead connection after 45 s; a call that took longer had contact in between (ms). */
const CONTACT_MS = 45_000;
const PAUSE_MS = 1_000;

/**
 * Waits for the end of a workflow, over continue-as-new, over resets, and over a Temporal server that is away for a
 * while.
 *
 * @param signal ends the waiting, not the workflow
 * @param onReset gets the run as which a workflow goes on that was reset
 * @throws ServiceError when the server stays away
 */
export async function waitForEnd(
  session: Session,
  target: Target,
  signal: AbortSignal,
  onReset: (runId: string) => void = () => undefined,
): Promise<Ending> {
  let run = target;
  let awaySince: number | undefined;
  for (;;) {
    const askedAt = Date.now();
    try {
      const end = await session.client.withAbortSignal(signal, () => endOfRun(session, run));
      if ('state' in end) return end;
      run = { ...run, runId: end.goesOnAs };
      awaySince = undefined;
      if (end.wasReset) onReset(run.runId);
    } catch (error) {
      if (signal.aborted) return { state: 'left' };
      if (!(error instanceof ServiceError || isGrpcServiceError(error))) throw error;
      if (Date.now() - askedAt > CONTACT_MS) awaySince = Date.now();
      awaySince ??= askedAt;
      if (Date.now() - awaySince > AWAY_LIMIT_MS) throw error;
      await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** A run that ended because another one takes its place. */
interface Replaced {
  goesOnAs: string;
  wasReset: boolean;
}

async function endOfRun(session: Session, run: Target): Promise<Ending | Replaced> {
  try {
    const handle = session.client.workflow.getHandle(run.workflowId, run.runId, { followRuns: false });
    return { state: 'completed', result: await handle.result() };
  } catch (error) {
    if (error instanceof WorkflowContinuedAsNewError) return { goesOnAs: error.newExecutionRunId, wasReset: false };
    if (!(error instanceof WorkflowFailedError)) throw error;
    const goesOnAs =
      error.cause instanceof TerminatedFailure ? await resetTo(session.client, run.workflowId, run.runId) : null;
    if (goesOnAs !== null) return { goesOnAs, wasReset: true };
    const state = error.cause instanceof CancelledFailure ? 'cancelled' : 'failed';
    return { state, failure: failureOf(error, run.workflow) };
  }
}

/** Why a workflow did not complete. */
export interface Failure {
  /** A type of ours, or what Temporal calls it. */
  type: string;
  message: string;
  /** The stage in which it happened, as it is called on a screen. */
  stage: string | null;
}

/** What happened, and where, under the layers that Temporal puts around a failure. */
export function failureOf(error: WorkflowFailedError, workflow: string): Failure {
  const chain = causes(error.cause);
  const child = chain.findLast((cause) => cause instanceof ChildWorkflowFailure);
  const stage = STAGE_TITLES[(child?.workflowType ?? workflow) as Stage] ?? null;
  const applications = chain.filter((cause) => cause instanceof ApplicationFailure);
  // The innermost that is ours says what to do; a cause under it is a detail that its message already holds.
  const ours = applications.findLast(({ type }) => knownFailure(type)) ?? applications[0];
  if (ours) return { type: ours.type ?? 'ApplicationFailure', message: ours.message, stage };
  return { ...temporalFailure(chain, error), stage };
}

/** Where to read more of a failure of a step; nothing where no log says more than the failure itself. */
export function logsOfFailure({ type }: Failure, workflowId: string): string[] {
  return knownFailure(type)?.see === 'log' ? [`"mediwatch logs ${workflowId}" shows what its steps wrote.`] : [];
}

/** The stage of a failure; where the failure itself does not say, the one in the workflow's progress. */
export function stageOfFailure({ stage }: Failure, progress: Progress | null): string | null {
  const failed = progress?.stages.find(({ state }) => state === 'failed');
  return stage ?? (failed ? STAGE_TITLES[failed.name] : null);
}

function temporalFailure(chain: Error[], error: Error): Omit<Failure, 'stage'> {
  const last = chain.at(-1) ?? error;
  const activity = chain.findLast((cause) => cause instanceof ActivityFailure)?.activityType;
  const where = activity ? `${activity}: ` : '';
  if (last instanceof TerminatedFailure) {
    const why = last.message && last.message !== 'Workflow execution terminated' ? `: ${last.message}` : '';
    return { type: 'Terminated', message: `It was terminated, without a clean-up${why}.` };
  }
  if (last instanceof TimeoutFailure) return { type: 'TimedOut', message: `${where}${last.message}` };
  if (last instanceof CancelledFailure) return { type: 'Cancelled', message: 'It was cancelled.' };
  return { type: last.name, message: `${where}${last.message}` };
}

function causes(error: unknown): Error[] {
  return error instanceof Error ? [error, ...causes(error.cause)] : [];
}
