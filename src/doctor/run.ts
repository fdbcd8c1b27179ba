import { setTimeout as delay } from 'node:timers/promises';
import { type Check, NotChecked } from './check.ts';
import type { DoctorContext } from './context.ts';
import { type Finding, problem, skipped, worstOf } from './finding.ts';
import { inWords } from './lib/words.ts';

export interface CheckReport {
  check: string;
  /** The worst of its findings. */
  level: Finding['level'];
  findings: Finding[];
  /** How long it took (ms). */
  ms: number;
}

interface RunOptions {
  /** How long a check may take (ms). */
  limitMs: number;
  /** Told of each check that is over, and which ones are not. */
  onDone?: (report: CheckReport, open: readonly string[]) => void;
}

/** Runs all checks at once. Each gives findings, whatever happens and however long what it asks would take. */
export async function runChecks(
  checks: readonly Check[],
  context: DoctorContext,
  { limitMs, onDone = () => undefined }: RunOptions,
): Promise<CheckReport[]> {
  const open = new Set(checks.map(({ name }) => name));
  return await Promise.all(
    checks.map(async (check) => {
      const startedAt = performance.now();
      const findings = await findingsOf(check, context, limitMs);
      const ms = Math.round(performance.now() - startedAt);
      const report = { check: check.name, level: worstOf(findings), findings, ms };
      open.delete(check.name);
      onDone(report, [...open]);
      return report;
    }),
  );
}

async function findingsOf(check: Check, context: DoctorContext, limitMs: number): Promise<Finding[]> {
  const over = new AbortController();
  const late = delay(limitMs, undefined, { signal: over.signal }).then(() => [
    problem(`no result within ${limitMs / 1000} s`, 'see whether the machine, its disks or its network hang'),
  ]);
  // The loser of the race is nobody's business any more.
  late.catch(() => undefined);
  try {
    return await Promise.race([check.run(context), late]);
  } catch (error) {
    if (error instanceof NotChecked) return [skipped(`not checked: ${error.message}`)];
    return [
      problem(`the check itself failed: ${inWords(error)}`, 'run "mediwatch doctor" again, and report it if it stays'),
    ];
  } finally {
    over.abort();
  }
}
