import { CronExpressionParser } from 'cron-parser';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

/**
 * The times of the coming year that a schedule names and the clocks of its zone leave out, such as `2027-03-28 02:30`
 * where summer time begins: Temporal starts nothing then. None for one that starts something every hour.
 *
 * @param cron five fields, or a shorthand such as @daily
 */
export function skippedTimes(cron: string, timeZone: string, now = new Date()): string[] {
  const expression = CronExpressionParser.parse(cron, { tz: 'UTC' });
  if (new Set(expression.fields.hour.values).size === 24) return [];
  const offsetAt = offsetsOf(timeZone);
  const days = Array.from({ length: 366 }, (_, index) => now.getTime() + index * DAY_MS);
  return days.flatMap((day) => {
    const [before, after] = [offsetAt(day), offsetAt(day + DAY_MS)];
    if (after <= before) return [];
    const change = changeBetween(day, day + DAY_MS, (time) => offsetAt(time) === before);
    // Local times, written as if they were of UTC.
    const gap = Array.from(
      { length: (after - before) / MINUTE_MS },
      (_, minute) => change + before + minute * MINUTE_MS,
    );
    return gap
      .map((time) => new Date(time))
      .filter((time) => expression.includesDate(time))
      .map((time) => time.toISOString().slice(0, 16).replace('T', ' '));
  });
}

/** The first minute at which something no longer holds that held at the start. */
function changeBetween(start: number, end: number, holds: (time: number) => boolean): number {
  let [last, first] = [Math.floor(start / MINUTE_MS), Math.floor(end / MINUTE_MS)];
  while (first - last > 1) {
    const middle = Math.floor((first + last) / 2);
    if (holds(middle * MINUTE_MS)) last = middle;
    else first = middle;
  }
  return first * MINUTE_MS;
}

/** How far the clocks of a zone are ahead of UTC at a time (ms). */
function offsetsOf(timeZone: string): (time: number) => number {
  const parts = ['year', 'month', 'day', 'hour', 'minute'] as const;
  const options = Object.fromEntries(parts.map((part) => [part, 'numeric']));
  const format = new Intl.DateTimeFormat('en', { ...options, timeZone, hourCycle: 'h23' });
  return (time) => {
    const found = new Map(format.formatToParts(time).map(({ type, value }) => [type, Number(value)] as const));
    const [year = 0, month = 1, day = 1, hour = 0, minute = 0] = parts.map((part) => found.get(part));
    return Date.UTC(year, month - 1, day, hour, minute) - Math.floor(time / MINUTE_MS) * MINUTE_MS;
  };
}
