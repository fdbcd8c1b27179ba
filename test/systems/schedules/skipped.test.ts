import { expect, it } from 'vitest';
import { skippedTimes } from '../../../src/systems/schedules/skipped.ts';

const NOW = new Date('2026-06-01T00:00:00Z');

it.each([
  ['30 2 * * *', 'Europe/Berlin', ['2027-03-28 02:30']],
  ['30 1 * * *', 'Europe/London', ['2027-03-28 01:30']],
  ['0 0 * * *', 'America/Santiago', ['2026-09-06 00:00']],
  ['15 2 * * MON-FRI', 'America/New_York', []],
  ['15 2 * * SUN', 'America/New_York', ['2027-03-14 02:15']],
  ['@daily', 'Europe/Berlin', []],
  ['*/20 * * * *', 'Europe/Berlin', []],
  ['30 2 * * *', 'UTC', []],
])('of "%s" in %s the clocks leave out %j', (cron, timeZone, times) => {
  expect(skippedTimes(cron, timeZone, NOW)).toEqual(times);
});
