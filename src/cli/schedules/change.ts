import { setTimeout as delay } from 'node:timers/promises';
import type { ScheduleDescription, ScheduleHandle } from '@temporalio/client';
import { z } from 'zod';
import type { ScheduleDeclaration } from '../../contracts/schedules.ts';
import { OVERLAPS } from '../../systems/schedules/declared.ts';
import { describeIfThere, listOurs } from '../../systems/schedules/lookup.ts';
import { matchingTimes } from '../../systems/schedules/matchingTimes.ts';
import { appliedOf, isOurs } from '../../systems/schedules/ownership.ts';
import type { Cli } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';
import { configOf, existingTime } from '../flags.ts';
import { temporalLink } from '../links.ts';
import { confirm, confirmWish, wishOf } from '../production.ts';
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

/** Input of a workflow, as far as it tells whether Production is moved; whoever changed the schedule may have typed anything. */
const Input = z
  .object({
    registeredModel: z.string().optional(),
    version: z.string().optional(),
    stage: z.string().optional(),
    approval: z.boolean().optional(),
    policy: z.string().optional(),
    force: z.boolean().optional(),
  })
  .catch({});

/** What a schedule starts. */
export function scheduled({ actual: { action } }: Found) {
  const [input = {}] = action.args ?? [];
  return { workflow: action.workflowType, input };
}

/**
 * On a terminal, asks before a schedule's workflow moves Production.
 *
 * @throws {CommandError} when the answer is no
 */
export async function confirmScheduled(cli: Cli, found: Found, yes: boolean): Promise<void> {
  const { workflow, input } = scheduled(found);
  const fields = Input.parse(input);
  const own = configOf(cli, fields.registeredModel);
  await confirmWish(cli, own, wishOf(workflow, fields, own), yes);
}

/** Lets a schedule start nothing until it is resumed. Applying mediwatch.yaml leaves it paused. */
export async function pauseSchedule(cli: Cli, session: Session, name: string, reason: string): Promise<void> {
  const { handle } = await findSchedule(session, name);
  await handle.pause(reason);
  cli.say(`Paused ${name}: it starts nothing until "mediwatch schedules resume ${name}". What runs goes on.`);
  cli.emit({ name, paused: true, note: reason });
}

/** Lets it go on; its note is again the one that was declared. */
export async function resumeSchedule(cli: Cli, session: Session, name: string): Promise<void> {
  const { handle, actual } = await findSchedule(session, name);
  const note = appliedOf(actual)?.note || 'Resumed.';
  await handle.unpause(note);
  const [next] = (await handle.describe()).info.nextActionTimes;
  cli.say(`Resumed ${name}.${next ? ` It starts next at ${next.toISOString()}.` : ''}`);
  cli.emit({ name, paused: false, note, next: next?.toISOString() ?? null });
}

/** How long Temporal is given to tell which workflow it started (ms), and how often it is asked. */
const LIMIT_MS = 10_000;
const PAUSE_MS = 100;

export interface Trigger {
  /** Without asking. */
  yes: boolean;
  /** Only tells what would be started. */
  dryRun: boolean;
  /** Stays until its end. */
  follow: boolean;
}

/** Starts a schedule's workflow now, whatever else runs and even when it is paused. */
export async function triggerSchedule(
  cli: Cli,
  session: Session,
  name: string,
  { yes, dryRun, follow }: Trigger,
): Promise<void> {
  const found = await findSchedule(session, name);
  if (dryRun) {
    const { workflow, input } = scheduled(found);
    cli.emit({ dryRun, name, workflow, input });
    cli.say(`Dry run, nothing was started. ${name} would start ${workflow} with the input ${JSON.stringify(input)}.`);
    return;
  }
  await confirmScheduled(cli, found, yes);
  await found.handle.trigger('ALLOW_ALL');
  const workflowId = await startedSince(found);
  const url = workflowId && temporalLink(session.config, workflowId).url;
  cli.emit({ name, workflowId, url });
  if (workflowId === null) {
    cli.say(`Asked ${name} to start; Temporal does not say yet what it started. "mediwatch schedules" shows it.`);
    return;
  }
  cli.say(`Started ${workflowId}`);
  cli.say(`  ${url}`);
  if (!follow) {
    cli.say(`Follow it with "mediwatch follow ${workflowId}".`);
    return;
  }
  const [{ follow: followIt }, { describe, targetOf }] = await Promise.all([
    import('../follow/follow.ts'),
    import('../follow/target.ts'),
  ]);
  await followIt(cli, session, targetOf(await describe(session, workflowId)));
}

async function startedSince({ handle, actual }: Found): Promise<string | null> {
  const runId = (action: Found['actual']['info']['recentActions'][number]) =>
    action.action.workflow.firstExecutionRunId;
  const before = new Set(actual.info.recentActions.map(runId));
  for (const deadline = Date.now() + LIMIT_MS; Date.now() < deadline; await delay(PAUSE_MS)) {
    const { info } = await handle.describe();
    const started = info.recentActions.find((action) => !before.has(runId(action)));
    if (started) return started.action.workflow.workflowId;
  }
  return null;
}

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
