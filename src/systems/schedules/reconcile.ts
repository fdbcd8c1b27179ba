import { type Client, ScheduleAlreadyRunning, type ScheduleDescription } from '@temporalio/client';
import type { Schedules } from '../../contracts/schedules.ts';
import { compareSchedule, type Difference } from '../../domain/schedules.ts';
import { type DeclaredSchedule, declaredSchedules } from './declared.ts';
import { fieldsOf, merged } from './fields.ts';
import { deleteIfThere, describeIfThere, listOurs } from './lookup.ts';
import { appliedOf, isOurs, ownerMemo, startMemo } from './ownership.ts';
import { inWords } from './refusal.ts';
import { updateUnchanged } from './update.ts';

export interface ScheduleChange {
  name: string;
  /**
   * `changedByHand`: somebody changed it in Temporal, and it was left so. `foreign`: there is one of that name that we
   * did not make. `undeclared`: we made it, but it is not declared any more.
   */
  outcome: 'created' | 'updated' | 'kept' | 'changedByHand' | 'foreign' | 'undeclared' | 'deleted';
  /** What was brought to Temporal: every field of one that was created. */
  updates: Difference[];
  /** What differs because somebody changed it in Temporal, and was left so. */
  byHand: Difference[];
}

export interface ReconcileOptions {
  /** Tell what would be done, and do nothing. */
  dryRun?: boolean;
  /** Delete those of ours that are not declared any more. */
  prune?: boolean;
  /** Undo what was changed by hand. */
  overwrite?: boolean;
}

/** Schedules that are brought in line side by side: each is a few requests that wait for Temporal's disk. */
const AT_ONCE = 10;
/** How often a schedule is looked at while others change it too. */
const LOOKS = 20;

/**
 * Brings the schedules of Temporal in line with the declared ones. It may run anywhere at the same time: each ends up
 * as declared, once.
 *
 * @returns what was done with each, the declared ones first
 * @throws {ConfigError} when a declaration is wrong; nothing was changed then
 */
export async function reconcile(
  client: Client,
  schedules: Schedules,
  options: ReconcileOptions = {},
): Promise<ScheduleChange[]> {
  const declared = declaredSchedules(schedules);
  const changes: ScheduleChange[] = [];
  for (let done = 0; done < declared.length; done += AT_ONCE) {
    const some = declared.slice(done, done + AT_ONCE);
    changes.push(...(await Promise.all(some.map((schedule) => bringInLine(client, schedule, options)))));
  }
  for (const name of await listOurs(client)) {
    if (!(name in schedules)) changes.push(await undeclared(client, name, options));
  }
  return changes;
}

async function bringInLine(client: Client, declared: DeclaredSchedule, options: ReconcileOptions) {
  const { name, wanted, fields } = declared;
  let written: ScheduleChange | undefined;
  for (let look = 0; look < LOOKS; look += 1) {
    const actual = await describeIfThere(client, name);
    const change = judge(declared, actual, options.overwrite);
    if (options.dryRun) return change;
    if (!actual) {
      if (await create(client, declared)) written = change;
      continue;
    }
    if (change.outcome === 'foreign') return change;
    const { kept, record, stale } = compared(declared, actual, options.overwrite);
    // What was written a moment ago is what was done; others may have changed something by hand since.
    if (!stale) return written ? { ...written, byHand: change.byHand } : change;
    const { action, ...rest } = merged(wanted, actual, kept);
    const update = { ...rest, action: { ...action, memo: startMemo(name, record) } };
    await inWords(name, updateUnchanged(client, actual, update));
    if (change.outcome === 'updated') written = change;
  }
  const difference = judge({ name, wanted, fields }, await describeIfThere(client, name)).updates;
  throw new Error(
    `The schedule "${name}" did not become as declared, although it was written ${LOOKS} times: ` +
      `${difference.map(({ field }) => field).join(', ') || 'others change it all the time'}. Apply it again.`,
  );
}

const compared = ({ fields }: DeclaredSchedule, actual: ScheduleDescription, overwrite = false) =>
  compareSchedule({ declared: fields, actual: fieldsOf(actual), applied: appliedOf(actual), overwrite });

/** What is to be done with a declared schedule. */
export function judge(
  declared: DeclaredSchedule,
  actual: ScheduleDescription | undefined,
  overwrite = false,
): ScheduleChange {
  const { name } = declared;
  if (!actual) {
    const updates = Object.entries(declared.fields).map(([field, text]) => ({ field, declared: text, actual: '' }));
    return { name, outcome: 'created', updates, byHand: [] };
  }
  if (!isOurs(actual)) return { name, outcome: 'foreign', updates: [], byHand: [] };
  const { updates, byHand } = compared(declared, actual, overwrite);
  const outcome = updates.length > 0 ? 'updated' : byHand.length > 0 ? 'changedByHand' : 'kept';
  return { name, outcome, updates, byHand };
}

/** @returns false when somebody else has made it in the meantime */
async function create(client: Client, { name, wanted, fields }: DeclaredSchedule): Promise<boolean> {
  const action = { ...wanted.action, memo: startMemo(name, fields) };
  try {
    await inWords(name, client.schedule.create({ ...wanted, scheduleId: name, action, memo: ownerMemo() }));
    return true;
  } catch (error) {
    if (error instanceof ScheduleAlreadyRunning) return false;
    throw error;
  }
}

async function undeclared(client: Client, name: string, { dryRun, prune }: ReconcileOptions): Promise<ScheduleChange> {
  if (prune && !dryRun) await deleteIfThere(client, name);
  return { name, outcome: prune ? 'deleted' : 'undeclared', updates: [], byHand: [] };
}
