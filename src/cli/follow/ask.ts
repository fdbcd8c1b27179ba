import { Progress } from '../../contracts/progress.ts';
import type { Session } from '../session.ts';

/** What came back when a workflow was asked where it stands; `silent`: who did not answer. */
export type Answer = { progress: Progress } | { silent: 'worker' | 'temporal' } | { unknown: true };

/** How long one question may take: a worker answers in milliseconds (ms). */
const QUESTION_LIMIT_MS = 3_000;

/**
 * Asks a workflow, running or ended, for its progress. `unknown`: it is of a kind that does not tell.
 * Never throws: whoever follows a workflow outlives workers and servers that are away.
 */
export async function askProgress(
  { client }: Session,
  workflowId: string,
  limitMs = QUESTION_LIMIT_MS,
): Promise<Answer> {
  try {
    const handle = client.workflow.getHandle(workflowId);
    const answer = await client.withDeadline(Date.now() + limitMs, () => handle.query<unknown>('progress'));
    const progress = Progress.safeParse(answer);
    return progress.success ? { progress: progress.data } : { unknown: true };
  } catch (error) {
    return silenceOf(error);
  }
}

async function silenceOf(error: unknown): Promise<Answer> {
  const { isGrpcServiceError, QueryNotRegisteredError, ServiceError } = await import('@temporalio/client');
  if (error instanceof QueryNotRegisteredError) return { unknown: true };
  const cause = error instanceof ServiceError ? error.cause : error;
  return { silent: isGrpcServiceError(cause) && cause.code === UNAVAILABLE ? 'temporal' : 'worker' };
}

/** gRPC's status of a server that cannot be reached. */
const UNAVAILABLE = 14;
