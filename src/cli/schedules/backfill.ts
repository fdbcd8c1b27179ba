import type { ScheduleDeclaration } from '../../contracts/schedules.ts';
import { OVERLAPS } from '../../systems/schedules/declared.ts';
import { matchingTimes } from '../../systems/schedules/matchingTimes.ts';
import type { Cli } from '../cli.ts';
import { confirm } from '../confirm.ts';
import { existingTime } from '../existingTime.ts';
import { CommandError, EXIT } from '../exit.ts';
import type { Session } from '../session.ts';
import { findSchedule } from './find.ts';
import { confirmScheduled } from './scheduled.ts';

export interface Backfill {
  name: string;
  from: Date;
  to: Date;
  overlap: ScheduleDeclaration['overlap'];
  yes: boolean;
  /** Only tells what would be started. */
  dryRun: boolean;
}

/** Temporal tells of this many times at the most, and drops what is beyond as many starts that wait for one another. */
const LIMIT = 1000;

/** Starts what a schedule would have started between two times. */
export async function backfillSchedule(cli: Cli, session: Session, wanted: Backfill): Promise<void> {
  const { name, from, to, overlap, yes, dryRun } = wanted;
  if (from > to) throw refused(`--from (${from.toISOString()}) is after --to (${to.toISOString()})`);
  if (to.getTime() > Date.now()) throw refused(`--to (${to.toISOString()}) is in the future`);
  const found = await findSchedule(session, name);
  const { handle, actual } = found;
  // Temporal's own range leaves its beginning out.
  const start = new Date(from.getTime() - 1000);
  const times = await matchingTimes(session.client, name, { start, end: to });
  const range = `between ${from.toISOString()} and ${to.toISOString()}`;
  if (times.length === 0) throw refused(`${name} starts nothing ${range}`);
  if (times.length >= LIMIT) {
    throw refused(`${name} would start ${LIMIT} workflows or more ${range}, and Temporal takes less at once`);
  }
  const what = `${times.length} ${actual.action.workflowType} workflow${times.length === 1 ? '' : 's'}`;
  const told = { name, starts: times.length, times: times.map((time) => time.toISOString()), overlap };
  if (dryRun) {
    cli.emit({ dryRun, ...told });
    cli.say(`Dry run, nothing was started. ${name} would start ${what}, for these times (overlap: ${overlap}):`);
    for (const time of told.times) cli.say(`  ${time}`);
    return;
  }
  if (times.length === 1) await confirmScheduled(cli, found, yes);
  else await confirm(cli, { text: `Start ${what} now (overlap: ${overlap})?`, declined: 'Nothing was started.', yes });
  await handle.backfill({ start, end: to, overlap: OVERLAPS[overlap] });
  cli.say(`Asked ${name} to start ${what}, for its times ${range} (overlap: ${overlap}).`);
  cli.emit(told);
}

const refused = (why: string) => new CommandError(EXIT.usage, `Nothing was started: ${why}.`);

const TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/;

/**
 * A time that means the same everywhere.
 *
 * @throws {CommandError} when it is none
 */
export function timeOf(text: string, flag: string): Date {
  const time = TIME.test(text) ? existingTime(text) : undefined;
  if (time !== undefined) return new Date(time);
  throw refused(
    `${flag} is "${text}". Expected a date (00:00 UTC) or a time with its zone, such as 2026-01-31T02:00:00Z`,
  );
}
