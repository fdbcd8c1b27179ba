import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure, rootCause } from '@temporalio/workflow';
import { FAILURES, type FailureType } from '../../contracts/errors.ts';

/** The failure that an activity or child workflow threw, without the layers that Temporal puts around it. */
export function applicationFailure(error: unknown): ApplicationFailure | undefined {
  let cause = error;
  while (cause instanceof ActivityFailure || cause instanceof ChildWorkflowFailure) cause = cause.cause;
  return cause instanceof ApplicationFailure ? cause : undefined;
}

/** Its type, if it is one of ours. */
export function failureType(error: unknown): FailureType | undefined {
  const type = applicationFailure(error)?.type;
  return type && type in FAILURES ? (type as FailureType) : undefined;
}

/** What happened, in the words of the part that noticed it. */
export function rootMessage(error: unknown): string {
  return applicationFailure(error)?.message ?? rootCause(error) ?? String(error);
}
