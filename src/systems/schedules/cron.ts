import type { CalendarSpecDescription } from '@temporalio/client';
import { CronExpressionParser, CronFieldCollection } from 'cron-parser';

type Month = CalendarSpecDescription['month'][number]['start'];
type DayOfWeek = CalendarSpecDescription['dayOfWeek'][number]['start'];

/** Temporal's names of months, the first is month 1. */
const MONTHS: readonly Month[] = [
  ...(['JANUARY', 'FEBRUARY', 'MARCH', 'APRIL', 'MAY', 'JUNE'] as const),
  ...(['JULY', 'AUGUST', 'SEPTEMBER', 'OCTOBER', 'NOVEMBER', 'DECEMBER'] as const),
];
/** Temporal's names of days, the first is day 0. */
const DAYS_OF_WEEK: readonly DayOfWeek[] = [
  'SUNDAY',
  'MONDAY',
  'TUESDAY',
  'WEDNESDAY',
  'THURSDAY',
  'FRIDAY',
  'SATURDAY',
];

/** What is wrong with a cron expression, and what is expected. */
export class CronError extends Error {
  override name = 'CronError';
}

const EXPECTED =
  'Expected minute, hour, day of the month, month and day of the week, such as "0 2 * * *" or "30 4 * * MON-FRI", ' +
  'or @hourly, @daily, @weekly, @monthly or @yearly';
const SHORTHANDS = /^@(hourly|daily|weekly|monthly|yearly|annually)$/i;
const NAMES = /\b(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tue|wed|thu|fri|sat|sun)\b/gi;
/** What is left of a field without names: no seconds, "last", "nth" or random values, which cron does not have. */
const FIELD = /^[\d*,/?-]+$/;

/**
 * A cron expression as Temporal keeps it, so that both can be compared: the server gives no cron expression back.
 *
 * @throws {CronError} when it is not one, or means another thing to other cron programs
 */
export function calendarOfCron(cron: string): CalendarSpecDescription {
  const text = cron.trim();
  const fields = text.split(/\s+/);
  const plain = fields.length === 5 && fields.every((field) => FIELD.test(field.replace(NAMES, '0')));
  if (!plain && !SHORTHANDS.test(text)) throw new CronError(`"${cron}" is not a cron expression. ${EXPECTED}`);
  const { minute, hour, dayOfMonth, month, dayOfWeek } = parse(text);
  // Sunday is 0 and 7.
  const days = [...new Set(dayOfWeek.values.map((day) => Number(day) % 7))].sort((a, b) => a - b);
  // Of a month that has fewer, the parser gives fewer.
  const monthDays = dayOfMonth.isWildcard ? EVERY_MINUTE.dayOfMonth.values : dayOfMonth.values;
  if (monthDays.length < 31 && days.length < 7) {
    throw new CronError(
      `"${cron}" names days of the month and of the week: to cron that means either, to Temporal both. ` +
        'Name one of them; for either, declare two schedules',
    );
  }
  return {
    second: [{ start: 0, end: 0, step: 1 }],
    minute: ranges(minute.values),
    hour: ranges(hour.values),
    dayOfMonth: ranges(monthDays.map(Number)),
    month: ranges(month.values).map(({ start, end }) => ({ start: monthOf(start), end: monthOf(end), step: 1 })),
    year: [],
    dayOfWeek: ranges(days).map(({ start, end }) => ({ start: dayOf(start), end: dayOf(end), step: 1 })),
    // The Temporal UI shows it in place of the rest.
    comment: text,
  };
}

function parse(text: string): CronFieldCollection {
  try {
    return CronExpressionParser.parse(text, { tz: 'UTC' }).fields;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new CronError(`"${text}" is not a cron expression (${why}). ${EXPECTED}`, { cause: error });
  }
}

const EVERY_MINUTE = CronExpressionParser.parse('* * * * *', { tz: 'UTC' }).fields;

/** The one text of all calendars that mean the same, as five cron fields where those can say it. */
export function cronOfCalendar(calendar: CalendarSpecDescription): string {
  const values = {
    second: valuesOf(calendar.second),
    minute: valuesOf(calendar.minute),
    hour: valuesOf(calendar.hour),
    dayOfMonth: valuesOf(calendar.dayOfMonth),
    month: valuesOf(calendar.month, (name) => MONTHS.indexOf(name) + 1),
    dayOfWeek: valuesOf(calendar.dayOfWeek, (name) => DAYS_OF_WEEK.indexOf(name)),
    year: valuesOf(calendar.year),
  };
  const { second, year, dayOfMonth, dayOfWeek, ...rest } = values;
  // "*" stands for all days, whatever the month has, and whether Sunday has one number or two.
  const cron = {
    ...rest,
    ...(dayOfMonth.length < 31 && { dayOfMonth }),
    ...(dayOfWeek.length < 7 && { dayOfWeek }),
  };
  if (second.join() !== '0' || year.length > 0) return JSON.stringify(values);
  try {
    return CronFieldCollection.from(EVERY_MINUTE, cron as never).stringify();
  } catch {
    // A day that no month has, say: the server takes it.
    return JSON.stringify(values);
  }
}

interface Range<Value> {
  start: Value;
  end: Value;
  step: number;
}

function valuesOf<Value>(
  given: readonly Range<Value>[],
  numberOf: (value: Value) => number = (value) => value as number,
): number[] {
  const values = given.flatMap(({ start, end, step }) => {
    const first = numberOf(start);
    return Array.from({ length: Math.floor((numberOf(end) - first) / step) + 1 }, (_, index) => first + index * step);
  });
  return [...new Set(values)].sort((a, b) => a - b);
}

/** Sorted numbers as ranges, each as long as can be. */
function ranges(values: readonly number[]): Range<number>[] {
  const found: Range<number>[] = [];
  for (const value of values) {
    const last = found.at(-1);
    if (last && value === last.end + 1) last.end = value;
    else found.push({ start: value, end: value, step: 1 });
  }
  return found;
}

const monthOf = (month: number) => MONTHS[month - 1] as Month;
const dayOf = (day: number) => DAYS_OF_WEEK[day] as DayOfWeek;
