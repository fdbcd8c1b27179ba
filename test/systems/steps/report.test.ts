import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { collectReport, type Ran } from '../../../src/systems/steps/index.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mediwatch-report-'));
  mkdirSync(join(folder, 'output'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A monitor that ended well, after writing these files into {output}. */
function ran(files: string[]): Ran {
  for (const name of files) writeFileSync(join(folder, 'output', name), '{}');
  return { result: undefined, settings: { outputs: {} }, output: join(folder, 'output') } as unknown as Ran;
}

function logOf(rows: number): string {
  const log = join(folder, 'predictions.csv');
  writeFileSync(log, `ts,prob\n${'1,0.5\n'.repeat(rows)}`);
  return log;
}

const collect = (files: string[], rows: number) =>
  collectReport(ran(files), { log: logOf(rows), minRows: 50, workDir: folder });

it('the report of a command is the one JSON file that it wrote, with the page beside it', async () => {
  expect(await collect(['report.json', 'report.html', 'style.css'], 200)).toEqual({
    report: join(folder, 'report.json'),
    html: join(folder, 'report.html'),
  });
});

it('a command that wrote none because the log is too short has compared nothing', async () => {
  expect(await collect([], 60)).toMatchObject({ document: { current: { rows: 30 }, minRows: 50, columns: [] } });
});

it.each([[[]], [['a.json', 'b.json']]])('with rows enough, %j is no report, and it says what to set', async (files) => {
  await expect(collect(files, 200)).rejects.toMatchObject({ code: 'notOneFile' });
});
