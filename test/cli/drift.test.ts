import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evidently04, evidently07, type MediwatchReport } from '../support/driftReports.ts';
import { spawnMediwatch } from './support.ts';

const COMMAND = new URL('../../bin/mediwatch', import.meta.url).pathname;

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mediwatch-drift-'));
});
afterAll(() => rm(dir, { recursive: true }));

/** Runs the command as a process, as a CI job does. */
async function drift(...args: string[]) {
  return await driftWith({}, ...args);
}

async function driftWith(env: Record<string, string>, ...args: string[]) {
  const { exitCode, stdout, stderr } = await spawnMediwatch(['drift', ...args, '--json'], env);
  return { exitCode, json: JSON.parse(stdout.split('\n').at(-1) ?? '') as Record<string, unknown>, stderr };
}

async function gate(report: MediwatchReport | string, ...flags: string[]) {
  const file = join(dir, 'report.json');
  await writeFile(file, typeof report === 'string' ? report : JSON.stringify(report));
  return await drift('gate', '--report', file, ...flags);
}

it('drift gate ends as it judges when its reader has gone', async () => {
  const file = join(dir, 'piped.json');
  await writeFile(file, JSON.stringify(evidently04({ age: true, diag_1: true })));
  const script = '"$0" drift gate --report "$1" --json | true; exit $PIPESTATUS';
  expect((await execa('bash', ['-c', script, COMMAND, file], { reject: false })).exitCode).toBe(1);
});

describe.each([
  ['0.4', evidently04],
  ['0.7', evidently07],
])('drift gate, on a report of Evidently %s', (_version, reportOf) => {
  it('ends with 0 when nothing drifted', async () => {
    expect(await gate(reportOf({ age: false, diag_1: false }))).toMatchObject({
      exitCode: 0,
      json: { event: 'verdict', verdict: 'no drift', columns: [] },
    });
  });

  it('ends with 1 when the data set drifted, and names the columns', async () => {
    expect(await gate(reportOf({ age: true, diag_1: true, weight: false }))).toMatchObject({
      exitCode: 1,
      json: { verdict: 'drift', columns: ['age', 'diag_1'], reason: expect.stringContaining('the data set drifted') },
    });
  });

  it.each([
    [['--min-columns', '1'], 1],
    [['--min-columns', '2'], 0],
    [['--share', '0.3'], 1],
    [['--share', '0.4'], 0],
    [['--column', 'weight', 'age'], 1],
    [['--column', 'weight'], 0],
  ])('counts by the rule that is asked for: %j', async (flags, code) => {
    const report = reportOf({ age: true, diag_1: false, weight: false });
    expect(await gate(report, '--no-dataset', ...flags)).toMatchObject({ exitCode: code });
  });

  it('ends with 2 when the report does not say what a rule asks', async () => {
    const { exitCode, json } = await gate(reportOf({ age: false }), '--column', 'weight');
    expect([exitCode, json.verdict]).toEqual([2, 'cannot tell']);
    expect(json.reason).toContain('weight');
  });
});

describe('drift gate cannot tell, and ends with 2', () => {
  it('of too few rows', async () => {
    const { exitCode, json } = await gate(evidently04({ age: true, diag_1: true }, 37));
    expect([exitCode, json.verdict, json.reason]).toEqual([2, 'skipped', 'skipped: not enough rows (37 of 50)']);
  });

  it('of rows that are too few for a number that is asked for', async () => {
    const report = evidently04({ age: true, diag_1: true }, 37);
    expect(await gate(report, '--min-rows', '30')).toMatchObject({ exitCode: 1 });
  });

  it.each([
    [
      'a shape that nobody knows, as the gate of the runbook looked for',
      '{"metrics": [{"metric": "DataDriftPreset"}]}',
    ],
    ['a report that is empty', '{"metrics": []}'],
    ['what is no JSON', 'drift'],
  ])('of %s', async (_what, text) => {
    expect(await gate(text)).toMatchObject({ exitCode: 2, json: { event: 'error', exitCode: 2 } });
  });

  it('of a file that is not there, no rule at all, and a rule that is none', async () => {
    expect(await drift('gate', '--report', join(dir, 'nowhere.json'))).toMatchObject({ exitCode: 2 });
    expect(await gate(evidently07({ age: true }), '--no-dataset')).toMatchObject({ exitCode: 2 });
    const { exitCode, stderr } = await gate(evidently07({ age: true }), '--share', '50');
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('--share')]);
  });
});

describe('drift report', () => {
  /** A prediction log whose second half has other ages. */
  async function log(name: string, rows: number, shift: number): Promise<string> {
    const lines = Array.from({ length: rows }, (_, row) => {
      const age = 50 + ((row * 7919) % 21) + (row >= rows / 2 ? shift : 0);
      return `e${row},${1_700_000_000 + row},1,0.5,${age},${(row * 104_729) % 13},0.${10 + (row % 40)},0`;
    });
    const file = join(dir, name);
    const columns = 'event_id,ts,model_version,threshold,age,time_in_hospital,prob,pred';
    await writeFile(file, `${[columns, ...lines].join('\n')}\n`);
    return file;
  }
  const report = async (file: string, ...flags: string[]) =>
    await drift('report', '--log', file, '--out', join(dir, 'out'), ...flags);

  it.each(['/proc/nowhere', 'log.csv/below'])('says that nothing can be written to %s', async (out) => {
    const file = await log('log.csv', 20, 0);
    const { exitCode, stderr } = await drift('report', '--log', file, '--out', out.replace(/^log\.csv/, file));
    expect([exitCode, stderr]).toEqual([
      2,
      expect.stringMatching(/^Nothing can be written to the folder \S+ \([\w ]+\)\. .*$/),
    ]);
  });

  it('leaves nothing in the project but its own state', async () => {
    const file = await log('plain.csv', 400, 0);
    const project = await mkdtemp(join(dir, 'project-'));
    await writeFile(join(project, 'mediwatch.yaml'), 'registry: { registeredModel: MediWatchReadmit }\n');
    const { stdout } = await spawnMediwatch(['drift', 'report', '--log', file, '--json'], {}, project);
    const { html } = JSON.parse(stdout.split('\n').at(-1) ?? '');
    expect(html).toBe(join(project, '.mediwatch', 'drift', 'MediWatchReadmit', 'evidently_report.html'));
    expect((await readdir(project)).toSorted()).toEqual(['.mediwatch', 'mediwatch.yaml']);
    expect(await readFile(join(project, '.mediwatch', '.gitignore'), 'utf8')).toBe('*\n');
  });

  it('makes the files of a report, and judges it', async () => {
    const { exitCode, json } = await report(await log('drifted.csv', 400, 40), '--column', 'age');
    expect([exitCode, json.verdict, json.columns]).toEqual([1, 'drift', ['age']]);
    expect(await readFile(json.html as string, 'utf8')).toContain('<html');
    expect(JSON.parse(await readFile(join(dir, 'out', 'drift.json'), 'utf8'))).toEqual(json.document);
    expect(await drift('gate', '--report', json.json as string, '--column', 'age')).toMatchObject({
      exitCode: 1,
      json: { columns: ['age'] },
    });
  });

  it('ends with 0 where nothing drifted', async () => {
    expect(await report(await log('same.csv', 400, 0))).toMatchObject({ exitCode: 0, json: { verdict: 'no drift' } });
  });

  it('ends with 2 where there are too few rows, and where there is no log, and says which', async () => {
    const few = await report(await log('few.csv', 60, 40));
    expect([few.exitCode, few.json.reason]).toEqual([2, 'skipped: not enough rows (30 of 50)']);
    const none = await report(join(dir, 'nowhere.csv'));
    expect([none.exitCode, none.stderr]).toEqual([2, expect.stringContaining('nowhere.csv')]);
  });

  it('refuses another reference than the log, and compares with the log where that is asked for', async () => {
    const env = { MEDIWATCH_MONITORING_REFERENCE: 'training' };
    const args = ['report', '--log', await log('training.csv', 400, 40), '--out', join(dir, 'out'), '--column', 'age'];
    const refused = await driftWith(env, ...args);
    expect([refused.exitCode, refused.json.event]).toEqual([2, 'error']);
    expect(refused.stderr).toContain('monitoring.reference is "training"');
    expect(await driftWith(env, ...args, '--reference', 'log')).toMatchObject({
      exitCode: 1,
      json: { verdict: 'drift' },
    });
  });

  it('says that a command of the project for the step is not run', async () => {
    const file = join(dir, 'own.yaml');
    await writeFile(file, 'steps: {monitor: {command: [own-monitor, "{log}"]}}\n');
    const same = await log('own.csv', 400, 0);
    const { exitCode, stderr } = await driftWith({ MEDIWATCH_CONFIG: file }, 'report', '--log', same);
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining('steps.monitor.command is not run here')]);
  });
});
