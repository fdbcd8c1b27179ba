export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** What came of one test runner. */
export interface Suite extends Counts {
  name: string;
  exitCode: number;
}

/**
 * Sums the runners up, and says what is wrong: a failed test, no test at all, or a runner that failed although no test
 * did, which counts as one failure so that the closing line cannot look well.
 */
export function judge(suites: readonly Suite[]): { problems: string[]; total: Counts } {
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const problems: string[] = [];
  for (const { name, exitCode, passed, failed, skipped } of suites) {
    total.passed += passed;
    total.failed += failed;
    total.skipped += skipped;
    if (failed > 0) problems.push(`${name}: ${failed} failed.`);
    else if (passed === 0) problems.push(`${name} ran no test (exit code ${exitCode}).`);
    else if (exitCode !== 0) problems.push(`${name} ended with exit code ${exitCode}, although no test failed.`);
    if (failed === 0 && (passed === 0 || exitCode !== 0)) total.failed += 1;
  }
  return { problems, total };
}

/** The closing line, such as `12 passed, 0 failed`. */
export function sentence({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
