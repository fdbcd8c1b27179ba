import { execa } from 'execa';
import { ROOT, readReport, reportPath } from './reports.ts';
import type { Suite } from './tally.ts';

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: Array<{ status: string; assertionResults: Array<{ status: string }> }>;
}

/** Runs the tests of the TypeScript code whose file names hold one of the filters; all without one. */
export async function runVitest(filters: readonly string[]): Promise<Suite> {
  const file = reportPath('vitest.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const { exitCode = 1 } = await execa('vitest', ['run', ...reporters, ...filters], {
    cwd: ROOT,
    preferLocal: true,
    stdio: 'inherit',
    reject: false,
  });
  const report = JSON.parse(readReport(file) || '{}') as Partial<Report>;
  return {
    name: 'vitest',
    exitCode,
    passed: report.numPassedTests ?? 0,
    failed: (report.numFailedTests ?? 0) + brokenFiles(report),
    skipped: (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0),
  };
}

/** Files that failed outside of any test, such as one that cannot be loaded. */
function brokenFiles({ testResults = [] }: Partial<Report>): number {
  return testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length;
}
