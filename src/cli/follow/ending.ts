import { setTimeout as delay } from 'node:timers/promises';
import type { WorkflowFailedError } from '@temporalio/client';
import { explainFailure, type Failure } from '../failure.ts';
import type { Session } from '../session.ts';
import type { Target } from './target.ts';

/** How following ended; `left`: the reader went, the workflow goes on. */
export type Ending =
  | { state: 'completed'; result: unknown }
  | { state: 'failed' | 'cancelled'; failure: Failure }
  | { state: 'left' };

/** How long Temporal may be away before following gives up (ms). */
const AWAY_LIMIT_MS = 120_000;
/** gRPC notices a dead connection after 45 s; a call that took longer had contact in between (ms). */
const CONTACT_MS = 45_000;
const PAUSE_MS = 1_000;

/**
 * Waits for the end of a workflow, over continue-as-new and over a Temporal server that is away for a while.
 *
 * @param signal ends the waiting, not the workflow
 * @throws ServiceError when the server stays away
 */
export async function waitForEnd({ client }: Session, target: Target, signal: AbortSignal): Promise<Ending> {
  const { isGrpcServiceError, ServiceError, WorkflowFailedError } = await import('@temporalio/client');
  const handle = client.workflow.getHandle(target.workflowId);
  let awaySince: number | undefined;
  for (;;) {
    const askedAt = Date.now();
    try {
      return { state: 'completed', result: await client.withAbortSignal(signal, () => handle.result()) };
    } catch (error) {
      if (signal.aborted) return { state: 'left' };
      if (error instanceof WorkflowFailedError) return notCompleted(error, target.workflow);
      if (!(error instanceof ServiceError || isGrpcServiceError(error))) throw error;
      if (Date.now() - askedAt > CONTACT_MS) awaySince = Date.now();
      awaySince ??= askedAt;
      if (Date.now() - awaySince > AWAY_LIMIT_MS) throw error;
      await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function notCompleted(error: WorkflowFailedError, workflow: string): Promise<Ending> {
  const { CancelledFailure } = await import('@temporalio/client');
  const failure = explainFailure(error, workflow);
  return { state: error.cause instanceof CancelledFailure ? 'cancelled' : 'failed', failure };
}
