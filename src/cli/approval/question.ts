import type { WorkflowExecutionDescription, WorkflowFailedError } from '@temporalio/client';
import { workflowIds } from '../../contracts/names.ts';
import type { PendingDecision } from '../../contracts/progress.ts';
import { waitingText } from '../../words/results.ts';
import { goesOn, statusText } from '../executionStatus.ts';
import { CommandError, EXIT } from '../exit.ts';
import { explainFailure } from '../failure.ts';
import { askProgress } from '../follow/ask.ts';
import { describe } from '../follow/target.ts';
import type { Session } from '../session.ts';

/** A promotion that waits for a person. */
export interface Question {
  /** The promotion itself, also when its retrain was named. */
  workflowId: string;
  decision: PendingDecision;
  /** Report of the retrain that made the version; null: there is none. */
  report: string | null;
}

/**
 * Finds what is to be decided in a promotion, or in the promotion of a retrain.
 *
 * @throws {CommandError} when nothing waits there: not yet, not any more, or never
 */
export async function questionOf(session: Session, id: string): Promise<Question> {
  const promotion = await promotionOf(session, id);
  const { workflowId } = promotion;
  if (!goesOn(promotion)) throw await ended(session, promotion);
  const answer = await askProgress(session, workflowId);
  if ('silent' in answer) {
    const message = `Nothing was decided: no worker answers for ${workflowId}. Start one, and try again.`;
    throw new CommandError(EXIT.failed, message);
  }
  const progress = 'progress' in answer ? answer.progress : null;
  if (progress?.waiting?.for === 'decision') {
    const report = progress.links.find(({ kind }) => kind === 'modelReport')?.url ?? null;
    return { workflowId, decision: progress.waiting, report };
  }
  const waits = progress?.waiting
    ? `It waits for ${waitingText(progress.waiting)}`
    : `"mediwatch follow ${workflowId}" shows where it stands.`;
  throw new CommandError(EXIT.failed, `Nothing in ${workflowId} waits for a decision now. ${waits}`);
}

async function promotionOf(session: Session, id: string): Promise<WorkflowExecutionDescription> {
  const named = await describe(session, id);
  if (named.type === 'promote') return named;
  if (named.type !== 'retrain') {
    const message = `${id} is a ${named.type} workflow: only promotions, and the retrains that start them, are decided.`;
    throw new CommandError(EXIT.usage, message);
  }
  try {
    return await describe(session, workflowIds.stage(id, 'promote'));
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const running = named.status.name === 'RUNNING';
    const message = `${id} ${running ? 'has not come to its promotion yet' : 'ended without a promotion'}: nothing waits for a decision.`;
    throw new CommandError(EXIT.failed, message, { cause: error });
  }
}

/** Tells how the promotion ended: decided by somebody, expired, or something else. */
async function ended({ client }: Session, promotion: WorkflowExecutionDescription): Promise<CommandError> {
  const { WorkflowFailedError } = await import('@temporalio/client');
  const { workflowId } = promotion;
  const how = await client.workflow
    .getHandle(workflowId)
    .result()
    .then(
      () => '',
      (error: unknown) => {
        if (!(error instanceof WorkflowFailedError)) throw error;
        return `: ${explainFailure(error as WorkflowFailedError, 'promote').message}`;
      },
    );
  return new CommandError(
    EXIT.failed,
    `Nothing waits for a decision: ${workflowId} has ended (${statusText(promotion)})${how}`,
  );
}
