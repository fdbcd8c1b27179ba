import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Schedules } from '../../../src/contracts/schedules.ts';
import { reconcile } from '../../../src/systems/schedules/reconcile.ts';
import { until } from '../../support/until.ts';
import { type ScheduleBench, startScheduleBench } from './support.ts';

let bench: ScheduleBench;
beforeAll(async () => {
  bench = await startScheduleBench();
});
afterAll(() => bench.close());

const NIGHTLY = { workflow: 'retrain', cron: '0 2 * * *', jitter: 300, note: 'every night', input: { trials: 3 } };
const newName = () => `s-${randomUUID()}`;
const described = (name: string) => bench.client.schedule.getHandle(name).describe();
/** Outcome and fields of one schedule. */
async function changeOf(name: string, declaration: object, options = {}) {
  const changes = await reconcile(bench.client, Schedules.parse({ [name]: declaration }), options);
  return changes.find((change) => change.name === name);
}
/** The schedules of ours that Temporal lists, which takes it a moment. */
const listed = (name: string, is: boolean) =>
  until(
    async () => {
      const names = [];
      for await (const { scheduleId } of bench.client.schedule.list()) names.push(scheduleId);
      return names.includes(name) === is;
    },
    { timeoutMs: 20_000, what: `the list ${is ? 'with' : 'without'} ${name}` },
  );

describe('a declared schedule', () => {
  it('is created as declared, and then kept', async () => {
    const name = newName();
    expect(await changeOf(name, { ...NIGHTLY, timeZone: 'Europe/London', overlap: 'bufferOne' })).toMatchObject({
      outcome: 'created',
    });
    const { spec, action, policies, state } = await described(name);
    expect(spec).toMatchObject({ timezone: 'Europe/London', jitter: 300_000 });
    expect(action).toMatchObject({ workflowType: 'retrain', workflowId: name, taskQueue: 'mediwatch' });
    expect(action.args).toEqual([{ trials: 3 }]);
    expect(policies).toEqual({ overlap: 'BUFFER_ONE', catchupWindow: 3_600_000, pauseOnFailure: false });
    expect(state).toMatchObject({ paused: false, note: 'every night' });
    const again = await changeOf(name, { ...NIGHTLY, timeZone: 'Europe/London', overlap: 'bufferOne' });
    expect(again).toEqual({ name, outcome: 'kept', updates: [], byHand: [] });
  });

  it('is updated after an edit of the file, and each changed field is reported', async () => {
    const name = newName();
    await changeOf(name, NIGHTLY);
    const edited = { ...NIGHTLY, cron: '0 3 * * *', input: { trials: 5 }, paused: true };
    expect(await changeOf(name, edited)).toMatchObject({
      outcome: 'updated',
      updates: [
        { field: 'input', declared: '{"trials":5}', actual: '{"trials":3}' },
        { field: 'when', declared: '0 3 * * *', actual: '0 2 * * *' },
        { field: 'paused', declared: 'yes', actual: 'no' },
      ],
      byHand: [],
    });
    expect(await changeOf(name, edited)).toMatchObject({ outcome: 'kept' });
    expect((await described(name)).state).toMatchObject({ paused: true, note: 'every night' });
    expect(await changeOf(name, { workflow: 'retrain', every: 3600 })).toMatchObject({ outcome: 'updated' });
    expect((await described(name)).spec).toMatchObject({ calendars: [], intervals: [{ every: 3_600_000 }] });
  });

  it('is the same however many apply it at once', async () => {
    const [name, other] = [newName(), newName()];
    const declared = { [name]: NIGHTLY, [other]: { workflow: 'driftCheck', every: 600 } };
    const edited = { ...declared, [name]: { ...NIGHTLY, cron: '30 5 * * *' } };
    const all = (what: object) => Promise.all(Array.from({ length: 8 }, () => bench.apply(what)));
    expect((await all(declared)).filter((outcome) => outcome[name] === 'created')).toHaveLength(1);
    for (const outcome of await all(edited)) expect(['updated', 'kept']).toContain(outcome[name]);
    expect(await bench.apply(edited)).toMatchObject({ [name]: 'kept', [other]: 'kept' });
    expect((await described(name)).spec.calendars).toMatchObject([{ comment: '30 5 * * *' }]);
  });

  it('is left alone by a dry run, which tells the same', async () => {
    const name = newName();
    expect(await changeOf(name, NIGHTLY, { dryRun: true })).toMatchObject({ outcome: 'created' });
    await expect(described(name)).rejects.toThrow('not found');
    await changeOf(name, NIGHTLY);
    const edited = { ...NIGHTLY, jitter: 0 };
    expect(await changeOf(name, edited, { dryRun: true })).toMatchObject({
      outcome: 'updated',
      updates: [{ field: 'jitter', declared: '0 s', actual: '300 s' }],
    });
    expect((await described(name)).spec.jitter).toBe(300_000);
  });
});

describe('a schedule that is not declared any more', () => {
  it('is reported, and deleted when asked', async () => {
    const name = newName();
    await changeOf(name, NIGHTLY);
    await listed(name, true);
    expect(await bench.apply({})).toMatchObject({ [name]: 'undeclared' });
    expect(await bench.apply({}, { prune: true, dryRun: true })).toMatchObject({ [name]: 'deleted' });
    await described(name);
    expect(await bench.apply({}, { prune: true })).toMatchObject({ [name]: 'deleted' });
    await expect(described(name)).rejects.toThrow('not found');
    expect(await bench.apply({})).not.toHaveProperty(name);
  });
});

describe('a schedule that was changed by hand', () => {
  it('stays as it is, with each differing field told, until it is asked for', async () => {
    const name = newName();
    await changeOf(name, NIGHTLY);
    await bench.client.schedule.getHandle(name).update((schedule) => ({
      ...schedule,
      spec: { cronExpressions: ['15 4 * * *'], jitter: '5 minutes' },
      policies: { ...schedule.policies, overlap: 'ALLOW_ALL' },
    }));
    const byHand = [
      { field: 'when', declared: '0 2 * * *', actual: '15 4 * * *' },
      { field: 'overlap', declared: 'skip', actual: 'allowAll' },
    ];
    expect(await changeOf(name, NIGHTLY)).toEqual({ name, outcome: 'changedByHand', updates: [], byHand });
    // What the file changes goes in; what was changed by hand stays.
    const edited = { ...NIGHTLY, input: { trials: 9 } };
    expect(await changeOf(name, edited)).toMatchObject({ outcome: 'updated', updates: [{ field: 'input' }], byHand });
    expect((await described(name)).action.args).toEqual([{ trials: 9 }]);
    expect(await changeOf(name, edited)).toMatchObject({ outcome: 'changedByHand', byHand });
    expect(await changeOf(name, edited, { overwrite: true })).toMatchObject({ outcome: 'updated', byHand: [] });
    expect(await changeOf(name, edited)).toMatchObject({ outcome: 'kept' });
  });

  it('is known as such even when the change lost what was applied', async () => {
    const name = newName();
    await changeOf(name, NIGHTLY);
    await bench.client.schedule.getHandle(name).update(({ action, ...schedule }) => {
      const { memo, ...rest } = action;
      return { ...schedule, action: { ...rest, args: [{ trials: 1 }] } };
    });
    const byHand = [{ field: 'input', declared: '{"trials":3}', actual: '{"trials":1}' }];
    expect(await changeOf(name, NIGHTLY)).toMatchObject({ outcome: 'changedByHand', byHand });
    expect(await changeOf(name, NIGHTLY)).toMatchObject({ outcome: 'changedByHand', byHand });
  });

  it('stays paused by hand while the file changes the rest, and is as declared once it is resumed', async () => {
    const name = newName();
    const handle = bench.client.schedule.getHandle(name);
    await changeOf(name, NIGHTLY);
    await handle.pause('the database is being moved');
    const byHand = [{ field: 'paused', declared: 'no', actual: 'yes' }];
    expect(await changeOf(name, NIGHTLY)).toMatchObject({ outcome: 'changedByHand', byHand });
    expect(await changeOf(name, { ...NIGHTLY, cron: '0 4 * * *' })).toMatchObject({ outcome: 'updated', byHand });
    expect((await described(name)).state).toMatchObject({ paused: true, note: 'the database is being moved' });
    await handle.unpause('moved');
    expect(await changeOf(name, { ...NIGHTLY, cron: '0 4 * * *' })).toMatchObject({ outcome: 'kept', byHand: [] });
  });

  it('a pause that comes while others apply is not lost', async () => {
    const name = newName();
    await changeOf(name, NIGHTLY);
    const edits = Array.from({ length: 6 }, (_, minute) => changeOf(name, { ...NIGHTLY, cron: `${minute} 6 * * *` }));
    await bench.client.schedule.getHandle(name).pause('stop');
    await Promise.all(edits);
    expect((await described(name)).state).toMatchObject({ paused: true });
  });
});

it('a schedule of the name that is not ours is reported, and never touched', async () => {
  const name = newName();
  await bench.client.schedule.create({
    scheduleId: name,
    spec: { intervals: [{ every: '1 day' }] },
    action: { type: 'startWorkflow', workflowType: 'backup', taskQueue: 'other', workflowId: 'backup' },
  });
  for (const options of [{}, { overwrite: true, prune: true }]) {
    expect(await changeOf(name, NIGHTLY, options)).toMatchObject({ outcome: 'foreign' });
  }
  expect((await described(name)).action.workflowType).toBe('backup');
});

describe('a wrong declaration', () => {
  it.each([
    [
      'cron',
      { cron: '0 25 * * *' },
      /schedules\.bad\.cron: "0 25 \* \* \*" is not a cron expression.*Expected minute/s,
    ],
    ['cron of six fields', { cron: '0 0 2 * * *' }, /schedules\.bad\.cron/],
    ['cron of both kinds of days', { cron: '0 2 1 * MON' }, /days of the month and of the week/],
    ['time zone', { cron: '@daily', timeZone: 'Mars/Olympus' }, /schedules\.bad\.timeZone: there is no time zone/],
    ['case of a time zone', { cron: '@daily', timeZone: 'europe/london' }, /is spelled "Europe\/London"/],
    ['input', { cron: '@daily', input: { trails: 3 } }, /schedules\.bad\.input: .*"trails"/],
  ])('of the %s is named before anything is changed', async (_what, part, message) => {
    const good = newName();
    await expect(bench.apply({ [good]: NIGHTLY, bad: { workflow: 'retrain', ...part } })).rejects.toThrow(message);
    await expect(described(good)).rejects.toThrow('not found');
  });
});
