import type { CalendarSpecDescription, ScheduleDescription, ScheduleOptions } from '@temporalio/client';
import type { ScheduleFields } from '../../domain/schedules.ts';
import { cronOfCalendar } from './cron.ts';

/** A schedule as we write it; one that Temporal describes has the same shape. */
export type Wanted = Pick<ScheduleOptions, 'memo'> &
  Pick<ScheduleDescription, 'spec' | 'policies' | 'state'> & {
    action: Omit<ScheduleDescription['action'], 'searchAttributes' | 'typedSearchAttributes' | 'priority'>;
  };

interface Field {
  section: 'spec' | 'action' | 'policies' | 'state';
  keys: readonly string[];
  /** The value as text; equal texts mean equal schedules. */
  text(schedule: Wanted): string;
}

/** Everything that is compared of a schedule, in the order in which a reader sees it; `paused` comes before `note`. */
const FIELDS: Record<string, Field> = {
  workflow: { section: 'action', keys: ['workflowType'], text: ({ action }) => action.workflowType },
  input: { section: 'action', keys: ['args'], text: ({ action }) => (action.args ?? []).map(canonical).join(', ') },
  when: {
    section: 'spec',
    keys: ['calendars', 'intervals', 'skip', 'startAt', 'endAt'],
    text: ({ spec }) => when(spec),
  },
  timeZone: { section: 'spec', keys: ['timezone'], text: ({ spec }) => spec.timezone || 'UTC' },
  jitter: { section: 'spec', keys: ['jitter'], text: ({ spec }) => seconds(spec.jitter) },
  overlap: { section: 'policies', keys: ['overlap'], text: ({ policies }) => camelCase(policies.overlap ?? 'SKIP') },
  catchupWindow: {
    section: 'policies',
    keys: ['catchupWindow'],
    text: ({ policies }) => seconds(policies.catchupWindow),
  },
  pauseOnFailure: {
    section: 'policies',
    keys: ['pauseOnFailure'],
    text: ({ policies }) => yes(policies.pauseOnFailure),
  },
  paused: { section: 'state', keys: ['paused'], text: ({ state }) => yes(state.paused) },
  note: { section: 'state', keys: ['note'], text: ({ state }) => state.note ?? '' },
  limited: {
    section: 'state',
    keys: ['remainingActions'],
    // The number itself falls with every start.
    text: ({ state }) => yes(state.remainingActions !== undefined),
  },
  workflowId: { section: 'action', keys: ['workflowId'], text: ({ action }) => action.workflowId },
  taskQueue: { section: 'action', keys: ['taskQueue'], text: ({ action }) => action.taskQueue },
  timeouts: {
    section: 'action',
    keys: ['workflowExecutionTimeout', 'workflowRunTimeout', 'workflowTaskTimeout'],
    text: ({ action }) =>
      [action.workflowExecutionTimeout, action.workflowRunTimeout, action.workflowTaskTimeout].some(Boolean)
        ? canonical([action.workflowExecutionTimeout, action.workflowRunTimeout, action.workflowTaskTimeout])
        : 'none',
  },
  retry: {
    section: 'action',
    keys: ['retry'],
    text: ({ action }) => (action.retry ? canonical(action.retry) : 'none'),
  },
};

/** A schedule as text, field by field. */
export function fieldsOf(schedule: Wanted): ScheduleFields {
  return Object.fromEntries(Object.entries(FIELDS).map(([name, { text }]) => [name, text(schedule)]));
}

/** The wanted schedule with some fields as Temporal has them. What is not compared stays as Temporal has it. */
export function merged(wanted: Wanted, actual: ScheduleDescription, kept: readonly string[]): Wanted {
  const result = {
    spec: { ...wanted.spec },
    action: { ...actual.action, ...wanted.action },
    policies: { ...wanted.policies },
    state: { ...wanted.state },
  };
  for (const field of kept) {
    const { section, keys } = FIELDS[field] as Field;
    const from = actual[section] as Record<string, unknown>;
    for (const key of keys) (result[section] as Record<string, unknown>)[key] = from[key];
  }
  return result;
}

function when({ calendars = [], intervals = [], skip = [], startAt, endAt }: ScheduleDescription['spec']): string {
  const cron = (list: readonly CalendarSpecDescription[]) => list.map(cronOfCalendar).sort();
  const every = intervals.map(
    ({ every, offset }) => `every ${seconds(every)}${offset ? ` offset by ${seconds(offset)}` : ''}`,
  );
  const parts = [
    ...cron(calendars),
    ...every.sort(),
    ...cron(skip).map((text) => `not ${text}`),
    ...(startAt ? [`from ${startAt.toISOString()}`] : []),
    ...(endAt ? [`until ${endAt.toISOString()}`] : []),
  ];
  return parts.join('; ') || 'never';
}

const seconds = (ms = 0) => `${ms / 1000} s`;
const yes = (is: boolean | undefined) => (is ? 'yes' : 'no');

/** `BUFFER_ONE` → `bufferOne`: as mediwatch.yaml names it. */
const camelCase = (name: string) => name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/** JSON whose keys are sorted: equal values have equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
