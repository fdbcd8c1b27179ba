import type { UpdateDefinition } from '@temporalio/common';
import { CommandError, EXIT } from './exit.ts';
import type { Session } from './session.ts';

/** A worker takes an update at once (ms). */
const LIMIT_MS = 15_000;

/** What the reader is told when an update is not taken. */
interface Refusals {
  /** The workflow itself refuses it, with this message. */
  refused(why: string): string;
  /** No such workflow runs. */
  absent: string;
  /** No worker took it within this time (s); it may yet. */
  unanswered(seconds: number): string;
}

/**
 * Sends an update to a workflow.
 *
 * @returns what the workflow answers
 * @throws {CommandError} when it is refused, nothing of that id runs, or no worker takes it in time
 */
export async function sendUpdate<Answer, Input>(
  { client }: Session,
  workflowId: string,
  update: UpdateDefinition<Answer, [Input]>,
  input: Input,
  words: Refusals,
): Promise<Answer> {
  const {
    isGrpcDeadlineError,
    WorkflowNotFoundError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
  } = await import('@temporalio/client');
  const failed = (message: string, cause: unknown) => new CommandError(EXIT.failed, message, { cause: cause as Error });
  try {
    const handle = client.workflow.getHandle(workflowId);
    return await client.withDeadline(Date.now() + LIMIT_MS, () => handle.executeUpdate(update, { args: [input] }));
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) {
      throw failed(words.refused(error.cause?.message ?? error.message), error);
    }
    if (error instanceof WorkflowNotFoundError) throw failed(words.absent, error);
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError || isGrpcDeadlineError(error)) {
      throw failed(words.unanswered(LIMIT_MS / 1_000), error);
    }
    throw error;
  }
}
