import { execa } from 'execa';
import { ROOT, readReport, reportPath } from './reports.ts';
import type { Suite } from './tally.ts';

/** Runs the tests of the Python package, and prints their output in one piece: vitest prints meanwhile. */
export async function runPytest(): Promise<Suite> {
  const report = reportPath('pytest.xml');
  const { exitCode = 1, all } = await execa('.venv/bin/python', ['-m', 'pytest', 'tests', `--junitxml=${report}`], {
    cwd: `${ROOT}/python`,
    stdin: 'ignore',
    all: true,
    reject: false,
  });
  console.log(all);
  const counts = readReport(report);
  // <testsuite errors="0" failures="1" skipped="2" tests="30" …>
  const count = (name: string) => Number(new RegExp(`<testsuite [^>]*\\b${name}="(\\d+)"`).exec(counts)?.[1] ?? 0);
  const failed = count('failures') + count('errors');
  const skipped = count('skipped');
  return { name: 'pytest', exitCode, failed, skipped, passed: Math.max(0, count('tests') - failed - skipped) };
}
