import type { ScheduleDescription } from '@temporalio/client';
import cronstrue from 'cronstrue';
import { counted } from '../../doctor/lib/words.ts';
import { cronOfCalendar } from '../../systems/schedules/cron.ts';
import { uncapitalised } from '../../words/numbers.ts';

/** When a schedule starts something, as a person would say it: `at 02:00, every day (Europe/London)`. */
export function whenInWords({ spec }: Pick<ScheduleDescription, 'spec'>): string {
  const { calendars = [], intervals = [], skip = [], jitter = 0, timezone } = spec;
  const times = [...calendars.map((calendar) => cronInWords(cronOfCalendar(calendar))), ...intervals.map(interval)];
  const parts = [
    times.join(' and ') || 'never',
    ...(calendars.length > 0 ? [` (${timezone || 'UTC'})`] : []),
    ...(skip.length > 0
      ? [`, but not ${skip.map((calendar) => cronInWords(cronOfCalendar(calendar))).join(' nor ')}`]
      : []),
    ...(jitter > 0 ? [`, up to ${span(jitter)} late`] : []),
  ];
  return parts.join('');
}

/** What five cron fields cannot say stays as it is. */
function cronInWords(text: string): string {
  if (text.startsWith('{')) return text;
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
