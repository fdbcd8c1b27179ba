import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { calendarOfCron, cronOfCalendar } from '../../../src/systems/schedules/cron.ts';
import { type ScheduleBench, startScheduleBench } from './support.ts';

let bench: ScheduleBench;
beforeAll(async () => {
  bench = await startScheduleBench();
});
afterAll(() => bench.close());

const CRONS = [
  '0 2 * * *',
  '*/15 8-18 * * 1-5',
  '@hourly',
  '@daily',
  '@weekly',
  '@monthly',
  '@yearly',
  '0 2 1,15 * *',
  '30 4 * * MON-FRI',
  '0 0 * JAN,jul sun',
  '0 2 * * 7',
  '0 2 * * 5-7',
  '5/20 */6 ? * *',
  '0 0 29 2 *',
  ' 0  2 *\t* * ',
  '* * * * *',
];
const ZONES = ['UTC', 'Europe/London', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'Etc/GMT+5'];

it('what was just applied is never taken for a change by hand, whatever the form', async () => {
  const forms = CRONS.map((cron, index) => ({ workflow: 'retrain', cron, timeZone: ZONES[index % ZONES.length] }));
  const intervals = [60, 90, 3600, 86_400].map((every) => ({ workflow: 'driftCheck', every, jitter: every / 2 }));
  const declared = Object.fromEntries([...forms, ...intervals].map((form, index) => [`form-${index}`, form]));
  expect(new Set(Object.values(await bench.apply(declared)))).toEqual(new Set(['created']));
  expect(new Set(Object.values(await bench.apply(declared)))).toEqual(new Set(['kept']));
  expect(new Set(Object.values(await bench.apply(declared, { overwrite: true })))).toEqual(new Set(['kept']));
});

it('Temporal reads a cron expression as we do', async () => {
  for (const cron of CRONS) {
    const scheduleId = `theirs-${CRONS.indexOf(cron)}`;
    const handle = await bench.client.schedule.create({
      scheduleId,
      // Temporal itself takes no 7 in a range, no question mark, and no blanks around.
      spec: { cronExpressions: [cron.trim().replace(/\s+/g, ' ').replace('5-7', '0,5,6').replace('?', '*')] },
      action: { type: 'startWorkflow', workflowType: 'retrain', taskQueue: 'none' },
    });
    const [calendar] = (await handle.describe()).spec.calendars ?? [];
    expect([cron, calendar && cronOfCalendar(calendar)]).toEqual([cron, cronOfCalendar(calendarOfCron(cron))]);
  }
});

const part = (min: number, max: number) => {
  const value = fc.integer({ min, max });
  const range = fc.tuple(value, value).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
  const step = fc.integer({ min: 1, max }).map((every) => `*/${every}`);
  const list = fc.uniqueArray(value, { minLength: 1, maxLength: 4 }).map((values) => values.join(','));
  return fc.oneof(fc.constant('*'), step, range, list);
};
/** Days of the month or of the week: not both. */
const days = fc.oneof(
  part(1, 28).map((day) => [day, '*']),
  part(0, 6).map((day) => ['*', day]),
);
const cron = fc
  .tuple(part(0, 59), part(0, 23), days, part(1, 12))
  .map(([minute, hour, [day, weekday], month]) => [minute, hour, day, month, weekday].join(' '));

it('a cron expression and its calendar say the same, whatever the expression', () => {
  fc.assert(
    fc.property(cron, (expression) => {
      const calendar = calendarOfCron(expression);
      const text = cronOfCalendar(calendar);
      expect(cronOfCalendar(calendarOfCron(text))).toBe(text);
      expect({ ...calendarOfCron(text), comment: '' }).toEqual({ ...calendar, comment: '' });
    }),
  );
});
