import { workflowIds } from '../../contracts/ids.ts';
import { pauseSteward, resumeSteward, retrainNow, type Steering } from '../../contracts/steward.ts';
import { stewardStart } from '../../systems/alerts.ts';
import { CommandError, EXIT } from '../exit.ts';
import type { Session } from '../session.ts';

/** A worker takes it at once (ms). */
const LIMIT_MS = 15_000;

/** Pauses the steward of a model. One that no alert has started yet is started, so that it is paused when one comes. */
export async function pause({ client }: Session, registeredModel: string, steering: Steering): Promise<void> {
  const start = stewardStart(registeredModel);
  await client.workflow.signalWithStart('driftSteward', { ...start, signal: pauseSteward, signalArgs: [steering] });
}

/**
 * Lets the steward of a model go on.
 *
 * @returns false when there is none that could be paused
 */
export async function resume({ client }: Session, registeredModel: string, steering: Steering): Promise<boolean> {
  const { WorkflowNotFoundError } = await import('@temporalio/client');
  try {
    await client.workflow.getHandle(workflowIds.steward(registeredModel)).signal(resumeSteward, steering);
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/**
 * Has the steward of a model retrain now.
 *
 * @returns what it answers
 * @throws {CommandError} when it refuses, there is none, or no worker takes it
 */
export async function askForRetrain({ client }: Session, registeredModel: string, steering: Steering): Promise<string> {
  const {
    isGrpcDeadlineError,
    WorkflowNotFoundError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
  } = await import('@temporalio/client');
  const refused = (why: string, cause: unknown) => new CommandError(EXIT.failed, why, { cause: cause as Error });
  try {
    const handle = client.workflow.getHandle(workflowIds.steward(registeredModel));
    return await client.withDeadline(Date.now() + LIMIT_MS, () =>
      handle.executeUpdate(retrainNow, { args: [steering] }),
    );
  } catch (error) {
    if (error instanceof WorkflowUpdateFailedError) {
      throw refused(`The steward starts no retrain now: ${error.cause?.message ?? error.message}`, error);
    }
    if (error instanceof WorkflowNotFoundError) {
      const next = 'Retrain with "mediwatch retrain --follow"; the first alert starts the steward.';
      throw refused(`${registeredModel} has no steward yet. ${next}`, error);
    }
    if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError || isGrpcDeadlineError(error)) {
      const next = 'It may yet: see "mediwatch steward".';
      throw refused(`No worker took it within ${LIMIT_MS / 1_000} s. ${next}`, error);
    }
    throw error;
  }
}
