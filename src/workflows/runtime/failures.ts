import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  ChildWorkflowFailure,
  isCancellation,
  rootCause,
} from '@temporalio/workflow';
import { knownFailure } from '../../contracts/errors.ts';
import { isOfStage } from '../../contracts/names.ts';
import type { WorkflowFailure } from '../../contracts/progress.ts';

/** The failure that an activity or child workflow threw, without the layers that Temporal puts around it. */
export function applicationFailure(error: unknown): ApplicationFailure | undefined {
  let cause = error;
  while (cause instanceof ActivityFailure || cause instanceof ChildWorkflowFailure) cause = cause.cause;
  return cause instanceof ApplicationFailure ? cause : undefined;
}

/** Whether a workflow failed because a version could not be deployed. */
export function isOfDeployment({ type, child }: Pick<WorkflowFailure, 'type' | 'child'>): boolean {
  return isOfStage('redeploy', child) || knownFailure(type)?.ofDeployment === true;
}

/** The message of the part that noticed the failure. */
export function rootMessage(error: unknown): string {
  return applicationFailure(error)?.message ?? rootCause(error) ?? String(error);
}

/** Whether a failure is a cancellation, or came of one. */
export function wasCancelled(error: unknown): boolean {
  return isCancellation(error) || CancellationScope.current().consideredCancelled;
}
