import { setTimeout as delay } from 'node:timers/promises';
import type { ScheduleDescription, ScheduleHandle } from '@temporalio/client';
import { z } from 'zod';
import type { ScheduleDeclaration } from '../../contracts/schedules.ts';
import { OVERLAPS } from '../../systems/schedules/declared.ts';
import { describeIfThere, listOurs } from '../../systems/schedules/lookup.ts';
import { matchingTimes } from '../../systems/schedules/matchingTimes.ts';
import { appliedOf, isOurs } from '../../systems/schedules/ownership.ts';
import { temporalLink } from '../../words/links.ts';
import { counted } from '../../words/numbers.ts';
import type { Cli } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';
import { configOf } from '../flags.ts';
import { follow } from '../follow/follow.ts';
import { describe, targetOf } from '../follow/target.ts';
import { changeOf, confirm, confirmChange } from '../production.ts';
import { type Session, withSession } from '../session.ts';

interface Found {
  handle: ScheduleHandle;
  actual: ScheduleDescription;
}

/**
 * A schedule that we made.
 *
 * @throws {CommandError} when there is none of the name, with the names that there are
 */
async function findSchedule({ client, config }: Session, name: string): Promise<Found> {
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

/** The fields of an input by which Production is changed; whoever changed the schedule may have typed anything. */
const Input = z
  .object({
    registeredModel: z.string().optional(),
    version: z.string().optional(),
    registryStage: z.string().optional(),
    approval: z.boolean().optional(),
    policy: z.string().optional(),
    force: z.boolean().optional(),
  })
  .catch({});

/** What a schedule starts. */
function scheduled({ actual: { action } }: Found) {
  const [input = {}] = action.args ?? [];
  return { workflow: action.workflowType, input };
}

/**
 * On a terminal, asks before a schedule's workflow changes Production.
 *
 * @throws {CommandError} when the answer is no
 */
async function confirmScheduled(cli: Cli, found: Found, yes: boolean): Promise<void> {
  const { workflow, input } = scheduled(found);
  const fields = Input.parse(input);
  const own = configOf(cli, fields.registeredModel);
  await confirmChange(cli, own, changeOf(workflow, fields, own), yes);
}

/** Lets a schedule start nothing until it is resumed. Applying mediwatch.yaml leaves it paused. */
export async function pauseSchedule(cli: Cli, name: string, reason: string): Promise<void> {
  await withSession(cli, async (session) => {
    const { handle } = await findSchedule(session, name);
    await handle.pause(reason);
    cli.say(`Paused ${name}: it starts nothing until "mediwatch schedules resume ${name}". What runs goes on.`);
    cli.emit({ name, paused: true, note: reason });
  });
}

/** Lets it go on; its note is again the one that was declared. */
export async function resumeSchedule(cli: Cli, name: string): Promise<void> {
  await withSession(cli, async (session) => {
    const { handle, actual } = await findSchedule(session, name);
    const note = appliedOf(actual)?.note || 'Resumed.';
    await handle.unpause(note);
    const [next] = (await handle.describe()).info.nextActionTimes;
    cli.say(`Resumed ${name}.${next ? ` It starts next at ${next.toISOString()}.` : ''}`);
    cli.emit({ name, paused: false, note, next: next?.toISOString() ?? null });
  });
}

/** How long Temporal may take to show which workflow it started (ms), and how often it is asked. */
const LIMIT_MS = 10_000;
const PAUSE_MS = 100;

interface Trigger {
  /** Without asking. */
  yes: boolean;
  /** Only says what would be started. */
  dryRun: boolean;
  /** Stays until its end. */
  follows: boolean;
}

/** Starts a schedule's workflow now, whatever else runs and even when it is paused. */
export async function triggerSchedule(cli: Cli, name: string, { yes, dryRun, follows }: Trigger): Promise<void> {
  await withSession(cli, async (session) => {
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
    if (follows) await follow(cli, session, targetOf(await describe(session, workflowId)));
    else cli.say(`Follow it with "mediwatch follow ${workflowId}".`);
  });
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

interface Backfill {
  name: string;
  from: Date;
  to: Date;
  overlap: ScheduleDeclaration['overlap'];
  yes: boolean;
  /** Only says what would be started. */
  dryRun: boolean;
}

/** Temporal gives this many times at the most, and drops what is beyond as many starts that wait for one another. */
const LIMIT = 1000;

/** Starts what a schedule would have started between two times. */
export async function backfillSchedule(cli: Cli, wanted: Backfill): Promise<void> {
  const { name, from, to, overlap, yes, dryRun } = wanted;
  if (from > to) throw refused(`--from (${from.toISOString()}) is after --to (${to.toISOString()})`);
  if (to.getTime() > Date.now()) throw refused(`--to (${to.toISOString()}) is in the future`);
  await withSession(cli, async (session) => {
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
    const what = counted(times.length, `${actual.action.workflowType} workflow`);
    const document = { name, starts: times.length, times: times.map((time) => time.toISOString()), overlap };
    if (dryRun) {
      cli.emit({ dryRun, ...document });
      cli.say(`Dry run, nothing was started. ${name} would start ${what}, for these times (overlap: ${overlap}):`);
      for (const time of document.times) cli.say(`  ${time}`);
      return;
    }
    const text = `Start ${what} now (overlap: ${overlap})?`;
    if (times.length === 1) await confirmScheduled(cli, found, yes);
    else await confirm(cli, { text, declined: 'Nothing was started.', yes });
    await handle.backfill({ start, end: to, overlap: OVERLAPS[overlap] });
    cli.say(`Asked ${name} to start ${what}, for its times ${range} (overlap: ${overlap}).`);
    cli.emit(document);
  });
}

const refused = (why: string) => new CommandError(EXIT.usage, `Nothing was started: ${why}.`);
