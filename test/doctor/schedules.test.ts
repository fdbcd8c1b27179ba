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

/** What the doctor says of the schedules when these are declared. */
async function says(schedules: object, address = bench.address): Promise<string> {
  const file = join(dir, 'mediwatch.yaml');
  writeFileSync(file, stringify({ schedules, stack: { dir } }));
  const env = { MEDIWATCH_CONFIG: file, TEMPORAL_ADDRESS: address, MLFLOW_TRACKING_URI: `http://${NOWHERE}` };
  return (await doctor(env)).says('Schedules');
}

const NIGHTLY = { workflow: 'retrain', cron: '0 2 * * *' };

it('the doctor tells how far the schedules are as declared, and what mends it', async () => {
  expect(await says({})).toBe('ok: none is declared in mediwatch.yaml []');
  const declared = { nightly: NIGHTLY };
  expect(await says(declared)).toMatch(
    /^warning: nightly is declared, but not in Temporal.*\[mediwatch schedules apply\]$/,
  );
  await bench.apply(declared);
  expect(await says(declared)).toBe('ok: 1 schedule as declared: nightly []');
  expect(await says({ nightly: { ...NIGHTLY, jitter: 60 } })).toContain('is not as declared now (jitter)');
  await bench.client.schedule.getHandle('nightly').pause('by hand');
  expect(await says(declared)).toContain(
    'nightly was paused by hand: it starts nothing [mediwatch schedules resume nightly]',
  );
});

it('the doctor names a wrong declaration as a problem', async () => {
  const text = await says({ nightly: { ...NIGHTLY, timeZone: 'Mars/Olympus' } });
  expect(text).toMatch(/^problem: .*schedules\.nightly\.timeZone: there is no time zone "Mars\/Olympus"/);
});

it('the doctor does not look at schedules when Temporal is away', async () => {
  expect(await says({ nightly: NIGHTLY }, NOWHERE)).toContain('skipped: not checked: Temporal does not answer');
});
