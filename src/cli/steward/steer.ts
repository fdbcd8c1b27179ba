import { forModel } from '../../config.ts';
import { workflowIds } from '../../contracts/names.ts';
import { pauseSteward, type RetrainStart, resumeSteward, retrainNow, type Steering } from '../../contracts/steward.ts';
import { stewardStart } from '../../systems/alerts.ts';
import { CommandError, EXIT } from '../exit.ts';
import type { Session } from '../session.ts';
import { sendUpdate } from '../update.ts';
import { askSteward } from './ask.ts';

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
export function askForRetrain(session: Session, registeredModel: string, steering: Steering): Promise<RetrainStart> {
  return sendUpdate(session, workflowIds.steward(registeredModel), retrainNow, steering, {
    refused,
    absent: absent(registeredModel),
    unanswered: (seconds) => `No worker took it within ${seconds} s. It may yet: see "mediwatch steward".`,
  });
}

/**
 * What the steward of a model would answer if it were asked to retrain now.
 *
 * @throws {CommandError} when it would refuse, there is none, or no worker tells
 */
export async function rehearseRetrain(session: Session, registeredModel: string): Promise<string> {
  const { exists, state } = await askSteward(session, registeredModel);
  const failed = (message: string) => new CommandError(EXIT.failed, message);
  if (exists !== 'running') throw failed(absent(registeredModel));
  if (!state) throw failed('No worker answers for the steward: start one with "npm run worker".');
  if (state.current) throw failed(refused(`${state.current.workflowId} is under way.`));
  const pending = state.pending ? `, which answers ${state.pending.count} pending alerts` : '';
  const { retrain } = forModel(session.config, registeredModel).steward;
  const given = Object.entries(retrain).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  const settings =
    given.length > 0 ? ` with ${given.join(', ')} (steward.retrain)` : ' with the settings of mediwatch.yaml';
  return `The steward would start a retrain of ${registeredModel}${settings}${pending}.`;
}

const refused = (why: string) => `The steward starts no retrain now: ${why}`;
const absent = (registeredModel: string) =>
  `${registeredModel} has no steward yet. Retrain with "mediwatch retrain --follow"; the first alert starts the steward.`;
