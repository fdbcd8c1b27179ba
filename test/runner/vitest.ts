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

interface Selection {
  /** One of vitest.config.ts; absent: all of them. */
  project?: string;
  /** Files whose names hold one of these; absent: all. */
  filters?: readonly string[];
}

/** Runs tests of the TypeScript code. */
export async function runVitest({ project, filters = [] }: Selection): Promise<Suite> {
  const name = project ? `vitest ${project}` : 'vitest';
  const file = reportPath(`${name.replace(' ', '-')}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const only = project ? [`--project=${project}`] : [];
  const { exitCode = 1 } = await execa('vitest', ['run', ...reporters, ...only, ...filters], {
    cwd: ROOT,
    preferLocal: true,
    stdio: 'inherit',
    reject: false,
  });
  const report = JSON.parse(readReport(file) || '{}') as Partial<Report>;
  return {
    name,
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
