import type { ScheduleDescription, ScheduleHandle } from '@temporalio/client';
import { describeIfThere, listOurs } from '../../systems/schedules/lookup.ts';
import { isOurs } from '../../systems/schedules/ownership.ts';
import { CommandError, EXIT } from '../exit.ts';
import type { Session } from '../session.ts';

export interface Found {
  handle: ScheduleHandle;
  actual: ScheduleDescription;
}

/**
 * A schedule that we made.
 *
 * @throws {CommandError} when there is none of the name, with the names that there are
 */
export async function findSchedule({ client, config }: Session, name: string): Promise<Found> {
  const actual = await describeIfThere(client, name);
  if (actual && isOurs(actual)) return { handle: client.schedule.getHandle(name), actual };
  if (actual) throw new CommandError(EXIT.usage, `The schedule "${name}" is left alone: MediWatch did not make it.`);
  if (name in config.schedules) {
    const message = `"${name}" is declared in mediwatch.yaml, but not in Temporal yet: "mediwatch schedules apply" makes it.`;
    throw new CommandError(EXIT.usage, message);
  }
  const names = [...new Set([...Object.keys(config.schedules), ...(await listOurs(client))])];
  const known = names.length > 0 ? `These are known: ${names.join(', ')}.` : 'None is declared in mediwatch.yaml.';
  throw new CommandError(EXIT.usage, `There is no schedule "${name}". ${known}`);
}
