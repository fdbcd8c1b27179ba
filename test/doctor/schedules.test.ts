import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { NOWHERE } from '../cli/support.ts';
import { type ScheduleBench, startScheduleBench } from '../systems/schedules/support.ts';
import { doctor } from './system.ts';

let bench: ScheduleBench;
let dir: string;
beforeAll(async () => {
  bench = await startScheduleBench();
  dir = mkdtempSync(join(tmpdir(), 'mediwatch-doctor-schedules-'));
});
afterAll(async () => {
  await bench.close();
  rmSync(dir, { recursive: true, force: true });
});

/** What the doctor finds of the schedules when these are declared. */
async function found(schedules: object, address = bench.address) {
  const file = join(dir, 'mediwatch.yaml');
  writeFileSync(file, stringify({ schedules, stack: { dir } }));
  const env = { MEDIWATCH_CONFIG: file, TEMPORAL_ADDRESS: address, MLFLOW_TRACKING_URI: `http://${NOWHERE}` };
  return (await doctor(env)).findings('Schedules');
}

const NIGHTLY = { workflow: 'retrain', cron: '0 2 * * *' };

it('the doctor compares the schedules with what is declared, and says what helps', async () => {
  expect(await found({})).toMatchObject([{ code: 'noSchedules', severity: 'ok' }]);
  const declared = { nightly: NIGHTLY };
  expect(await found(declared)).toMatchObject([
    { code: 'scheduleMissing', severity: 'warning', facts: { name: 'nightly' }, remedy: 'mediwatch schedules apply' },
  ]);
  await bench.apply(declared);
  expect(await found(declared)).toMatchObject([{ code: 'schedulesAsDeclared', facts: { names: ['nightly'] } }]);
  expect(await found({ nightly: { ...NIGHTLY, jitter: 60 } })).toMatchObject([
    { code: 'scheduleOutdated', facts: { name: 'nightly', fields: ['jitter'] } },
  ]);
  await bench.client.schedule.getHandle('nightly').pause('by hand');
  expect(await found(declared)).toMatchObject([
    { code: 'schedulePaused', facts: { name: 'nightly' }, remedy: 'mediwatch schedules resume nightly' },
  ]);
});

it('the doctor reports a wrong declaration as a problem', async () => {
  const [wrong] = await found({ nightly: { ...NIGHTLY, timeZone: 'Mars/Olympus' } });
  expect(wrong).toMatchObject({ code: 'schedulesWrong', severity: 'problem' });
  expect(wrong?.text).toContain('schedules.nightly.timeZone: there is no time zone "Mars/Olympus"');
});

it('the doctor does not look at schedules when Temporal is away', async () => {
  expect(await found({ nightly: NIGHTLY }, NOWHERE)).toMatchObject([
    { code: 'notChecked', severity: 'skipped', facts: { without: 'temporal' } },
  ]);
});
