import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure, rootCause } from '@temporalio/workflow';

/** The failure that an activity or child workflow threw, without the layers that Temporal puts around it. */
export function applicationFailure(error: unknown): ApplicationFailure | undefined {
  let cause = error;
  while (cause instanceof ActivityFailure || cause instanceof ChildWorkflowFailure) cause = cause.cause;
  return cause instanceof ApplicationFailure ? cause : undefined;
}

/** What happened, in the words of the part that noticed it. */
export function rootMessage(error: unknown): string {
  return applicationFailure(error)?.message ?? rootCause(error) ?? String(error);
}
