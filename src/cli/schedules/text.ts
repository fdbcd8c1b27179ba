import type { ScheduleChange } from '../../systems/schedules/reconcile.ts';
import { utcMinute } from '../../words/numbers.ts';
import type { Style } from '../io.ts';
import { oneLine } from '../views/format.ts';
import type { ScheduleState } from './list.ts';

/** The schedules for a reader. */
export function listLines(schedules: readonly ScheduleState[], style: Style): string[] {
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
  { name, state, workflow, when, paused, note, next, last, differences }: ScheduleState,
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
export function changeLines(
  changes: readonly ScheduleChange[],
  { dryRun }: { dryRun: boolean },
  style: Style,
): string[] {
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
