import type { WorkflowFailedError } from '@temporalio/client';
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  TerminatedFailure,
  TimeoutFailure,
} from '@temporalio/common';
import { FAILURES } from '../contracts/errors.ts';
import { STAGE_TITLES, type Stage } from '../contracts/names.ts';
import type { Progress } from '../contracts/progress.ts';
import { IN_LOGS } from '../words/explain.ts';

/** Why a workflow did not complete. */
export interface Failure {
  /** One of `FAILURES`, or what Temporal calls it. */
  type: string;
  message: string;
  /** The stage in which it happened, as it is called on a screen. */
  stage: string | null;
}

/** Finds what happened, where, and in whose words under the layers that Temporal puts around a failure. */
export function explainFailure(error: WorkflowFailedError, workflow: string): Failure {
  const chain = causes(error.cause);
  const child = chain.findLast((cause) => cause instanceof ChildWorkflowFailure);
  const stage = STAGE_TITLES[(child?.workflowType ?? workflow) as Stage] ?? null;
  const applications = chain.filter((cause) => cause instanceof ApplicationFailure);
  // The innermost that is ours says what to do; a cause under it is a detail that its message already holds.
  const ours = applications.findLast(({ type }) => type && type in FAILURES) ?? applications[0];
  if (ours) return { type: ours.type ?? 'ApplicationFailure', message: ours.message, stage };
  return { ...temporalFailure(chain, error), stage };
}

/** Where to read more of a failure of a step; null where no log tells more than the failure itself. */
export function logsOfFailure({ type, message }: Failure, workflowId: string): string | null {
  if (!IN_LOGS.has(type) || message.includes('mediwatch logs')) return null;
  return `"mediwatch logs ${workflowId}" shows what its steps wrote.`;
}

/** The stage of a failure; where the failure itself does not tell, the workflow's progress does. */
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
