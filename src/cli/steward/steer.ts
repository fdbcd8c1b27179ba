import { workflowIds } from '../../contracts/ids.ts';
import { pauseSteward, resumeSteward, retrainNow, type Steering } from '../../contracts/steward.ts';
import { stewardStart } from '../../systems/alerts.ts';
import type { Session } from '../session.ts';
import { sendUpdate } from '../update.ts';

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
export function askForRetrain(session: Session, registeredModel: string, steering: Steering): Promise<string> {
  const retrain = 'Retrain with "mediwatch retrain --follow"; the first alert starts the steward.';
  return sendUpdate(session, workflowIds.steward(registeredModel), retrainNow, steering, {
    refused: (why) => `The steward starts no retrain now: ${why}`,
    absent: `${registeredModel} has no steward yet. ${retrain}`,
    unanswered: (seconds) => `No worker took it within ${seconds} s. It may yet: see "mediwatch steward".`,
  });
}
