import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { mediwatch } from './support.ts';

let temporal: TestTemporal;
let client: Client;
let dir: string;
/** A name that no other test has used: Temporal's list lags behind. */
let name: string;

beforeAll(async () => {
  temporal = await startTemporal();
  client = new Client({ connection: await Connection.connect({ address: temporal.address }) });
  dir = mkdtempSync(join(tmpdir(), 'mediwatch-schedules-'));
});
beforeEach(() => {
  name = `nightly-${randomUUID()}`;
});
afterAll(async () => {
  await client.connection.close();
  await temporal.stop();
  rmSync(dir, { recursive: true, force: true });
});

const NIGHTLY = {
  workflow: 'retrain',
  cron: '0 2 * * *',
  timeZone: 'Europe/London',
  jitter: 300,
  input: { trials: 3 },
};

/** Runs `mediwatch schedules …` with these declarations. */
async function schedules(declared: object, ...args: string[]) {
  const file = join(dir, 'mediwatch.yaml');
  writeFileSync(file, stringify({ schedules: declared }));
  const env = { MEDIWATCH_CONFIG: file, TEMPORAL_ADDRESS: temporal.address };
  const outcome = await mediwatch(['schedules', ...args], { env });
  return { ...outcome, json: () => JSON.parse(outcome.out) };
}
const workflowsOf = async (schedule: string) => {
  const found = [];
  for await (const info of client.workflow.list({ query: `TemporalScheduledById = '${schedule}'` })) found.push(info);
  return found;
};
/** Waits for the workflows that the schedule started. */
const started = (schedule: string, count: number) =>
  until(async () => ((await workflowsOf(schedule)).length >= count ? workflowsOf(schedule) : undefined), {
    timeoutMs: 20_000,
    what: `${count} workflows of ${schedule}`,
  });

describe('schedules apply', () => {
  it('tells what it did, field by field, and ends with 0 also when there is nothing to do', async () => {
    const created = await schedules({ [name]: NIGHTLY }, 'apply');
    expect([created.code, created.err]).toEqual([0, '']);
    expect(created.out).toContain(`${name}  created`);
    const edited = { ...NIGHTLY, cron: '30 3 * * MON-FRI', jitter: 0 };
    const dry = await schedules({ [name]: edited }, 'apply', '--dry-run');
    expect(dry.out).toMatch(/would be updated\n {2}when: 0 2 \* \* \* → 30 3 \* \* 1-5\n {2}jitter: 300 s → 0 s/);
    const updated = await schedules({ [name]: edited }, 'apply', '--json');
    expect(updated.json().changes[0]).toMatchObject({ name, outcome: 'updated', updates: [{ field: 'when' }, {}] });
    const kept = await schedules({ [name]: edited }, 'apply');
    expect([kept.code, kept.out.split('\n')[0]]).toEqual([0, `${name}  as declared`]);
  });

  it('names a wrong cron expression, changes nothing, and ends with 2', async () => {
    const { code, err } = await schedules({ [name]: NIGHTLY, wrong: { ...NIGHTLY, cron: '0 2 * *' } }, 'apply');
    expect(code).toBe(2);
    expect(err).toContain('schedules.wrong.cron: "0 2 * *" is not a cron expression. Expected minute, hour,');
    await expect(client.schedule.getHandle(name).describe()).rejects.toThrow('not found');
  });
});

describe('schedules', () => {
  it('lists what starts when, in plain English, and what is not as declared', async () => {
    await schedules({ [name]: NIGHTLY }, 'apply');
    const { code, out } = await schedules({ [name]: NIGHTLY });
    expect(code).toBe(0);
    expect(out).toContain(`${name}  as declared`);
    expect(out).toContain('Starts  retrain at 02:00, every day (Europe/London), up to 5 minutes late');
    expect(out).toMatch(/Next {4}(\d{4}-\d\d-\d\d \d\d:\d\d UTC(, )?){3}\n/);
    const { out: other } = await schedules({ [name]: { ...NIGHTLY, jitter: 0 }, [`${name}-b`]: NIGHTLY });
    expect(other).toContain(`${name}  outdated`);
    expect(other).toContain('jitter: 0 s declared, 300 s in Temporal');
    expect(other).toContain(`${name}-b  not applied yet: "mediwatch schedules apply" makes it`);
  });

  it('says why one is paused, and resumes it as it was', async () => {
    const declared = { [name]: { ...NIGHTLY, note: 'every night' } };
    await schedules(declared, 'apply');
    expect((await schedules(declared, 'pause', name, '--reason', 'the database is being moved')).code).toBe(0);
    await schedules(declared, 'apply');
    const [paused] = (await schedules(declared, '--json')).json().schedules;
    expect(paused).toMatchObject({
      state: 'changed by hand',
      paused: true,
      note: 'the database is being moved',
      next: [],
    });
    expect((await schedules(declared, 'resume', name)).code).toBe(0);
    const [resumed] = (await schedules(declared, '--json')).json().schedules;
    expect(resumed).toMatchObject({ state: 'as declared', paused: false, note: 'every night' });
    expect(resumed.next).toHaveLength(3);
  });

  it('names the known ones when it is given another, and ends with 2', async () => {
    for (const command of [
      ['pause'],
      ['resume'],
      ['trigger'],
      ['backfill', '--from', '2026-01-01', '--to', '2026-01-02'],
    ]) {
      const { code, err } = await schedules({ [name]: NIGHTLY }, ...command, 'nightly');
      expect([command, code]).toEqual([command, 2]);
      expect(err).toContain('There is no schedule "nightly". These are known:');
      expect(err).toContain(name);
    }
    const { code, err } = await schedules({ [name]: NIGHTLY }, 'trigger', name);
    expect([code, err]).toEqual([2, expect.stringContaining('"mediwatch schedules apply" makes it')]);
  });
});

it('schedules trigger starts the workflow with its input, and a memo that says why', async () => {
  await schedules({ [name]: NIGHTLY }, 'apply');
  const { code, json } = await schedules({ [name]: NIGHTLY }, 'trigger', name, '--json');
  expect(code).toBe(0);
  const { workflowId } = json();
  expect(workflowId).toMatch(new RegExp(`^${name}-\\d{4}-`));
  const handle = client.workflow.getHandle(workflowId);
  const { type, memo, searchAttributes, taskQueue, staticSummary } = await handle
    .describe()
    .then(async (description) => ({
      ...description,
      staticSummary: await description.staticSummary(),
    }));
  expect([type, taskQueue]).toEqual(['retrain', 'mediwatch']);
  expect(memo).toMatchObject({ trigger: 'schedule', schedule: name });
  // By which the workflow knows its trigger.
  expect(searchAttributes.TemporalScheduledById).toEqual([name]);
  expect(staticSummary).toBe(`Started by the schedule ${name}`);
  const { events } = await handle.fetchHistory();
  const [input] = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  expect(JSON.parse(Buffer.from(input?.data ?? []).toString())).toEqual({ trials: 3 });
  const [listed] = (await schedules({ [name]: NIGHTLY }, '--json')).json().schedules;
  expect(listed.last).toMatchObject([{ workflowId, state: 'running' }]);
});

describe('schedules backfill', () => {
  const WEEK = ['--from', '2026-01-01T02:00:00Z', '--to', '2026-01-07T02:00:00Z'];
  const declared = () => ({ [name]: { ...NIGHTLY, jitter: 0 } });

  it('starts what was missed, both ends included, and says how many', async () => {
    await schedules(declared(), 'apply');
    const { code, json } = await schedules(declared(), 'backfill', name, ...WEEK, '--overlap', 'allowAll', '--json');
    expect(code).toBe(0);
    expect(json()).toMatchObject({ starts: 7, overlap: 'allowAll' });
    const workflows = await started(name, 7);
    const times = workflows.map(({ searchAttributes }) => String(searchAttributes.TemporalScheduledStartTime));
    expect(times.map((time) => new Date(time).toISOString()).sort()).toEqual(json().times);
  });

  it.each([
    [
      'nothing starts then',
      ['--from', '2026-01-01T03:00:00Z', '--to', '2026-01-01T04:00:00Z'],
      'starts nothing between',
    ],
    ['the future', ['--from', '2026-01-01', '--to', '2999-01-01'], 'is in the future'],
    ['the wrong order', ['--from', '2026-01-02', '--to', '2026-01-01'], 'is after --to'],
    ['no time', ['--from', 'yesterday', '--to', '2026-01-01'], "'yesterday' is invalid. Expected a date"],
    ['a day that does not exist', ['--from', '2026-02-31', '--to', '2026-03-05'], "'2026-02-31' is invalid. Expected"],
    [
      'an hour of such a day',
      ['--from', '2026-02-27', '--to', '2026-02-29T02:00Z'],
      "'2026-02-29T02:00Z' is invalid. Expected",
    ],
    ['too much', ['--from', '2016-01-01', '--to', '2026-01-01'], 'would start 1000 workflows or more'],
  ])('refuses %s, and starts nothing', async (_what, range, message) => {
    await schedules(declared(), 'apply');
    const { code, err } = await schedules(declared(), 'backfill', name, ...range);
    expect([code, err]).toEqual([2, expect.stringContaining(message)]);
    expect((await client.schedule.getHandle(name).describe()).info.numActionsTaken).toBe(0);
  });
});
