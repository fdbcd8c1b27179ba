import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { translated } from '../../src/activities/lib/translate.ts';
import { createMonitoringActivities } from '../../src/activities/monitoring.ts';
import { loadConfig } from '../../src/config.ts';
import type { DriftReport, DriftVerdict } from '../../src/contracts/drift.ts';
import { judgeDrift } from '../../src/domain/driftGate.ts';
import type { ArtifactStore } from '../../src/systems/artifacts/index.ts';
import type { Mlflow } from '../../src/systems/mlflow/index.ts';
import type { Pool } from '../../src/systems/processes/pool.ts';
import { createReaper, type Reaper } from '../../src/systems/processes/reaper.ts';
import { createStepRunner, type OpenStepRunner } from '../../src/systems/steps/index.ts';
import { quiet } from '../support/workers.ts';
import { rejection } from '../systems/processes/support.ts';

const INPUTS = join(import.meta.dirname, 'inputs');
let reaper: Reaper;
let folder: string;
let runner: OpenStepRunner | undefined;

beforeAll(async () => {
  quiet();
  reaper = await createReaper({ graceMs: 500 });
});
afterAll(() => reaper?.close());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mediwatch-monitors-'));
});
afterEach(async () => {
  await runner?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What becomes of a nightly check whose monitor is a command: the verdict on the report that it leaves. */
async function check(name: string, command: string[], settings: object = {}): Promise<DriftVerdict> {
  cpSync(join(INPUTS, name), folder, { recursive: true });
  writeFileSync(join(folder, 'mediwatch.yaml'), JSON.stringify({ steps: { monitor: { command, ...settings } } }));
  const config = loadConfig({}, folder);
  const noPool = {} as Pool;
  runner = await createStepRunner({ config, reaper, pool: noPool, proposer: noPool });
  const nothing = async () => undefined;
  const mlflow = { logBatch: nothing, logArtifact: nothing, getRun: nothing } as Partial<Mlflow> as Mlflow;
  const { makeDriftReport } = translated(
    createMonitoringActivities({ config, mlflow, store: {} as ArtifactStore, runner }),
  );
  const request = { registeredModel: 'Bikes', log: 'log.csv', reference: 'log' as const, minRows: 50, runId: 'run' };
  const made: DriftReport = await new MockActivityEnvironment().run(makeDriftReport, request);
  return judgeDrift(made.document, config.driftGate, 50);
}

const monitor = (...more: string[]) => [
  ...['python3', 'monitor.py', '--log-csv', '{log}', '--out-dir', '{output}', '--min-rows', '{minRows}'],
  ...more,
];

describe('monitor-empty', () => {
  it('is skipped, with the note of the report', async () => {
    expect(await check('monitor-empty', monitor())).toEqual({
      verdict: 'skipped',
      grounds: { code: 'note', note: '6 rows in each half, 50 are needed: nothing was compared' },
      columns: [],
    });
  });

  it.each([
    ['reason.py', 'the counter was off all week.'],
    ['skipped.py', '12 rides since Monday'],
  ])('is skipped with what %s calls its reason', async (script, note) => {
    expect(await check('monitor-empty', ['python3', script, '{output}'])).toMatchObject({
      verdict: 'skipped',
      grounds: { code: 'note', note },
    });
  });
});

describe('monitor-exit-code', () => {
  it('a report that was written is judged, whatever the exit code', async () => {
    expect(await check('monitor-exit-code', monitor())).toMatchObject({ verdict: 'drift' });
  });

  it('a report without drift is judged like any other', async () => {
    const steady = monitor().map((word) => (word === '{log}' ? 'log-steady.csv' : word));
    expect(await check('monitor-exit-code', steady)).toMatchObject({ verdict: 'no drift' });
  });

  it('a file that it writes where it runs counts when it is of this run, and fails the check when it is not', async () => {
    const settings = { outputs: { file: 'drift.json' } };
    const run = (...more: string[]) => check('monitor-exit-code', ['python3', 'own_file.py', ...more], settings);
    expect(await run()).toMatchObject({ verdict: 'drift' });
    expect(await rejection(run('nothing'))).toMatchObject({
      type: 'StepFailed',
      message: expect.stringContaining('exit code 4'),
    });
  });

  it('half a report fails the check with what the monitor failed with', async () => {
    expect(await rejection(check('monitor-exit-code', ['python3', 'half.py', '{output}']))).toMatchObject({
      type: 'StepFailed',
      message: expect.stringContaining('MemoryError: the log does not fit'),
    });
  });
});
