import { type ScheduleDescription, WorkflowNotFoundError } from '@temporalio/client';
import cronstrue from 'cronstrue';
import { oneLine } from '../../contracts/text.ts';
import { cronOfCalendar } from '../../systems/schedules/cron.ts';
import { type DeclaredSchedule, declaredSchedules } from '../../systems/schedules/declared.ts';
import { describeIfThere, listOurs } from '../../systems/schedules/lookup.ts';
import { judge, reconcile, type ScheduleChange } from '../../systems/schedules/reconcile.ts';
import { skippedTimes } from '../../systems/schedules/skipped.ts';
import { counted, uncapitalised, utcMinute } from '../../words/numbers.ts';
import type { Cli, Style } from '../cli.ts';
import { statusText } from '../follow/target.ts';
import { type Session, withSession } from '../session.ts';

/** Shows the schedules: what each starts when, and whether Temporal has it as declared. */
export async function showSchedules(cli: Cli): Promise<void> {
  const schedules = await withSession(cli, scheduleStates);
  cli.show({ schedules }, () => listLines(schedules, cli.style));
}

/** Brings the declared schedules to Temporal, and shows what became of each. */
export async function applySchedules(cli: Cli, how: Record<'dryRun' | 'prune' | 'overwrite', boolean>): Promise<void> {
  const changes = await withSession(cli, ({ client, config }) => reconcile(client, config.schedules, how));
  cli.show({ dryRun: how.dryRun, changes }, () => changeLines(changes, how, cli.style));
}

interface ScheduleState {
  name: string;
  /**
   * `outdated`: the declaration changed and is not applied yet. `foreign`: there is one of that name that MediWatch did
   * not make.
   */
  state: 'as declared' | 'not applied' | 'outdated' | 'changed by hand' | 'not declared' | 'foreign';
  workflow: string;
  /** When, as a person would say it, with the time zone. */
  when: string;
  paused: boolean;
  /** Why it is paused, or the remark of the declaration. */
  note: string;
  /** The next three starts, ISO 8601; none while it is paused. */
  next: string[];
  /** Local times of the coming year at which it starts nothing, because the clocks leave them out. */
  skipped: string[];
  /** The last three starts, the latest first. */
  last: Array<{ workflowId: string; startedAt: string; state: string }>;
  /** Declared, but not so in Temporal. */
  differences: ScheduleChange['updates'];
}

const SHOWN = 3;

const STATES: Record<ScheduleChange['outcome'], ScheduleState['state']> = {
  created: 'not applied',
  updated: 'outdated',
  kept: 'as declared',
  changedByHand: 'changed by hand',
  foreign: 'foreign',
  undeclared: 'not declared',
  deleted: 'not declared',
};

/** The declared schedules, then those of ours that are not declared any more. */
export async function scheduleStates(session: Session): Promise<ScheduleState[]> {
  const { client, config } = session;
  const declared = declaredSchedules(config.schedules);
  const others = (await listOurs(client)).filter((name) => !(name in config.schedules));
  return await Promise.all([
    ...declared.map(async (schedule) => {
      const actual = await describeIfThere(client, schedule.name);
      const change = judge(schedule, actual);
      return await stateOf(session, actual ?? schedule.wanted, change);
    }),
    ...others.map(async (name) => {
      const actual = await client.schedule.getHandle(name).describe();
      return await stateOf(session, actual, { name, outcome: 'undeclared', updates: [], byHand: [] });
    }),
  ]);
}

async function stateOf(
  session: Session,
  schedule: ScheduleDescription | DeclaredSchedule['wanted'],
  { name, outcome, updates, byHand }: ScheduleChange,
): Promise<ScheduleState> {
  const { paused, note = '' } = schedule.state;
  const info = 'info' in schedule ? schedule.info : undefined;
  const next = paused ? [] : (info?.nextActionTimes ?? []);
  const last = (info?.recentActions ?? []).slice(-SHOWN).reverse();
  return {
    name,
    state: STATES[outcome],
    workflow: schedule.action.workflowType,
    when: whenText(schedule),
    paused,
    note,
    next: next.slice(0, SHOWN).map((time) => time.toISOString()),
    skipped: skippedBy(schedule),
    last: await Promise.all(
      last.map(async ({ takenAt, action: { workflow } }) => ({
        workflowId: workflow.workflowId,
        startedAt: takenAt.toISOString(),
        state: await endOf(session, workflow.workflowId),
      })),
    ),
    // A new one differs in everything, which says nothing.
    differences: outcome === 'created' ? [] : [...updates, ...byHand],
  };
}

function skippedBy({ spec: { calendars = [], timezone } }: Pick<ScheduleDescription, 'spec'>): string[] {
  const crons = calendars.map(cronOfCalendar).filter(isCron);
  return crons.flatMap((cron) => skippedTimes(cron, timezone || 'UTC'));
}

/** Temporal's status of a workflow in lower case; `forgotten` after its retention. */
async function endOf({ client }: Session, workflowId: string): Promise<string> {
  try {
    return statusText(await client.workflow.getHandle(workflowId).describe());
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return 'forgotten';
    throw error;
  }
}

/** When a schedule starts something, as a person would say it: `at 02:00, every day (Europe/London)`. */
export function whenText({ spec }: Pick<ScheduleDescription, 'spec'>): string {
  const { calendars = [], intervals = [], skip = [], jitter = 0, timezone } = spec;
  const times = [...calendars.map((calendar) => cronText(cronOfCalendar(calendar))), ...intervals.map(interval)];
  const parts = [
    times.join(' and ') || 'never',
    ...(calendars.length > 0 ? [` (${timezone || 'UTC'})`] : []),
    ...(skip.length > 0
      ? [`, but not ${skip.map((calendar) => cronText(cronOfCalendar(calendar))).join(' nor ')}`]
      : []),
    ...(jitter > 0 ? [`, up to ${span(jitter)} late`] : []),
  ];
  return parts.join('');
}

/** Whether five cron fields can say it. */
const isCron = (text: string) => !text.startsWith('{');

function cronText(text: string): string {
  if (!isCron(text)) return text;
  const words = cronstrue.toString(text, { use24HourTimeFormat: true, verbose: true });
  return uncapitalised(words);
}

function interval({ every, offset }: { every: number; offset: number }): string {
  return `every ${span(every)}${offset ? `, ${span(offset)} after its beginning` : ''}`;
}

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

/** `5 minutes`, `1 hour 30 minutes` */
function span(ms: number): string {
  let rest = ms;
  const parts = UNITS.map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count === 0 ? '' : counted(count, unit);
  });
  return parts.filter(Boolean).join(' ') || `${ms} ms`;
}

/** The schedules for a reader. */
function listLines(schedules: readonly ScheduleState[], style: Style): string[] {
  if (schedules.length === 0) {
    return ['No schedule is declared in mediwatch.yaml (section schedules), and MediWatch made none in Temporal.'];
  }
  return schedules.flatMap((schedule) => [...stateLines(schedule, style), '']).slice(0, -1);
}

const ADVICE: Record<ScheduleState['state'], string> = {
  'as declared': '',
  'not applied': ' yet: "mediwatch schedules apply" makes it',
  outdated: ': "mediwatch schedules apply" brings the file to Temporal',
  'changed by hand': ': "mediwatch schedules apply --overwrite" brings it back',
  'not declared': ' any more: "mediwatch schedules apply --prune" deletes it',
  foreign: ': MediWatch did not make it and leaves it alone; rename the one in mediwatch.yaml',
};

function stateLines(
  { name, state, workflow, when, paused, note, next, skipped, last, differences }: ScheduleState,
  style: Style,
) {
  const remark = oneLine(note);
  const onlyPaused = paused && differences.length === 1 && differences[0]?.field === 'paused';
  const advice = onlyPaused ? `: "mediwatch schedules resume ${name}" lets it go on` : ADVICE[state];
  return [
    `${style('bold', name)}  ${style(state === 'as declared' ? 'green' : 'yellow', state)}${advice}`,
    `  Starts  ${workflow} ${when}`,
    ...(paused ? [style('yellow', `  Paused${remark ? `  ${remark}` : ''}`)] : remark ? [`  Note    ${remark}`] : []),
    ...(next.length > 0 ? [`  Next    ${next.map(utcMinute).join(', ')}`] : []),
    ...(skipped.length > 0 ? [style('yellow', `  Skips   ${skipped.join(', ')}, which the clocks leave out`)] : []),
    ...last.map(({ workflowId, startedAt, state: end }, index) => {
      return `  ${index === 0 ? 'Last  ' : '      '}  ${utcMinute(startedAt)}  ${end}  ${workflowId}`;
    }),
    ...differenceLines(differences),
  ];
}

const OUTCOMES: Record<ScheduleChange['outcome'], [done: string, dry: string]> = {
  created: ['created', 'would be created'],
  updated: ['updated', 'would be updated'],
  kept: ['as declared', 'as declared'],
  changedByHand: ['changed by hand, left as it is', 'changed by hand, would be left as it is'],
  foreign: ['not ours, left alone', 'not ours, would be left alone'],
  undeclared: ['not declared any more, goes on', 'not declared any more, would go on'],
  deleted: ['deleted', 'would be deleted'],
};

/** What applying did, or would do, with each schedule. */
function changeLines(changes: readonly ScheduleChange[], { dryRun }: { dryRun: boolean }, style: Style): string[] {
  if (changes.length === 0) return ['No schedule is declared in mediwatch.yaml (section schedules).'];
  return [
    ...changes.flatMap(({ name, outcome, updates, byHand }) => [
      `${style('bold', name)}  ${OUTCOMES[outcome][dryRun ? 1 : 0]}`,
      ...(outcome === 'created' ? createdLines(updates) : updateLines(updates)),
      ...(byHand.length > 0 && outcome === 'updated' ? ['  changed by hand, left as it is:'] : []),
      ...differenceLines(byHand),
    ]),
    ...adviceLines(changes),
  ];
}

function createdLines(fields: ScheduleChange['updates']): string[] {
  const shown = fields.filter(({ field }) => ['workflow', 'input', 'when', 'timeZone'].includes(field));
  return shown.map(({ field, declared }) => `  ${field}: ${declared}`);
}

const updateLines = (updates: ScheduleChange['updates']) =>
  updates.map(({ field, declared, actual }) => `  ${field}: ${value(actual)} → ${value(declared)}`);

const differenceLines = (differences: ScheduleChange['byHand']) =>
  differences.map(
    ({ field, declared, actual }) => `  ${field}: ${value(declared)} declared, ${value(actual)} in Temporal`,
  );

function adviceLines(changes: readonly ScheduleChange[]): string[] {
  const advice = [
    changes.some(({ byHand }) => byHand.length > 0) &&
      '"mediwatch schedules apply --overwrite" brings back what was changed by hand.',
    changes.some(({ outcome }) => outcome === 'undeclared') &&
      '"mediwatch schedules apply --prune" deletes what is not declared any more.',
    changes.some(({ outcome }) => outcome === 'foreign') && 'Rename what is not ours in mediwatch.yaml.',
  ].filter((line) => line !== false);
  return advice.length > 0 ? ['', ...advice] : [];
}

const value = (text: string) => oneLine(text) || 'none';
