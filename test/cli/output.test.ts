import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PROJECT_ROOT } from '../../src/config.ts';

let folder: string;
/** A report without any drift. */
let report: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediwatch-output-'));
  report = join(folder, 'report.json');
  const metric = {
    metric: 'DatasetDriftMetric',
    result: { dataset_drift: false, number_of_columns: 4, number_of_drifted_columns: 0, share_of_drifted_columns: 0 },
  };
  await writeFile(report, JSON.stringify({ metrics: [metric] }));
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs a line of a shell, in which `mediwatch` is the command. */
const shell = (line: string) => {
  const script = `set -o pipefail; mediwatch() { "${process.execPath}" "${PROJECT_ROOT}/src/client.ts" "$@"; }; ${line}`;
  return execa('bash', ['-c', script], { cwd: PROJECT_ROOT, reject: false, timeout: 60_000 });
};

describe('a reader that closes the pipe early', () => {
  it.each(['--help', 'retrain --help', 'completion bash'])('is no error: %s', async (args) => {
    const { exitCode, stderr, stdout } = await shell(`mediwatch ${args} | head -1`);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout.split('\n')).toHaveLength(1);
  });

  it('changes nothing of what a gate says', async () => {
    expect((await shell(`mediwatch drift gate --report ${report} --min-rows 1 | true`)).exitCode).not.toBe(1);
  });
});

describe.runIf(existsSync('/dev/full'))('a disk that is full', () => {
  it('is not taken for drift', async () => {
    const { exitCode, stderr } = await shell(`mediwatch drift gate --report ${report} --min-rows 1 > /dev/full`);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('The output could not be written')]);
  });

  it('is a failure elsewhere', async () => {
    const { exitCode, stderr } = await shell('mediwatch completion zsh > /dev/full');
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('The output could not be written')]);
  });
});

it('colours come neither through a pipe nor into JSON, unless they are asked for', async () => {
  const check = (env: string, flags = '') => shell(`${env} mediwatch check --offline ${flags}`);
  const COLOUR = '\u001b[';
  expect((await check('')).stdout).not.toContain(COLOUR);
  expect((await check('FORCE_COLOR=1')).stdout).toContain(COLOUR);
  expect((await check('NO_COLOR=1')).stdout).not.toContain(COLOUR);
  expect((await check('FORCE_COLOR=1', '--json')).stdout).not.toContain(COLOUR);
});
