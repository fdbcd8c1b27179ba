import { setTimeout as delay } from 'node:timers/promises';
import type { Place } from '../config/problems.ts';
import { causeText } from '../contracts/errors.ts';
import { type Finding, finding, type Severity, severityOf, worstOf } from '../words/findings.ts';
import type { DoctorContext } from './context.ts';

/** A finding, and where in the settings it belongs if that is known. */
export type PlacedFinding = Finding & { place?: Place & { path: string } };

/** One thing that `doctor` or `check` looks at. */
export interface Check {
  /** As a reader sees it. */
  name: string;
  /** Its problems count as warnings: what it looks at may come later. */
  isAdvice?: boolean;
  /**
   * Looks, and changes nothing. Without findings, there is nothing to look at in this configuration.
   *
   * @throws {NotChecked} when something is missing that another check reports
   */
  run(context: DoctorContext): Promise<readonly PlacedFinding[]>;
}

type Without = Extract<Finding, { code: 'notChecked' }>['facts']['without'];

/** Something that a check needs is missing; the check of that thing says why. */
export class NotChecked extends Error {
  override name = 'NotChecked';
  readonly without: Without;

  constructor(without: Without, options?: ErrorOptions) {
    super(`not checked without ${without}`, options);
    this.without = without;
  }
}

/** The value; why it does not come is another check's finding. */
export async function need<Value>(asked: Promise<Value>, without: Without): Promise<Value> {
  try {
    return await asked;
  } catch (error) {
    throw new NotChecked(without, { cause: error });
  }
}

/** A finding of a check, with how much it counts. */
export type ReportedFinding = PlacedFinding & { check: string; severity: Severity };

export interface CheckReport {
  check: string;
  /** The worst of its findings. */
  severity: Severity;
  findings: ReportedFinding[];
  /** How long it took (ms). */
  ms: number;
}

interface RunOptions {
  /** How long a check may take (ms). */
  limitMs: number;
  /** Hears which checks are still running, after each that ends. */
  onDone?: (running: readonly string[]) => void;
}

/** Runs all checks at once. Each gives findings, also when it fails or hangs. */
export async function runChecks(
  checks: readonly Check[],
  context: DoctorContext,
  { limitMs, onDone = () => undefined }: RunOptions,
): Promise<CheckReport[]> {
  const running = new Set(checks.map(({ name }) => name));
  return await Promise.all(
    checks.map(async (check) => {
      const startedAt = performance.now();
      const findings = (await findingsOf(check, context, limitMs)).map((one) => reported(check, one));
      const ms = Math.round(performance.now() - startedAt);
      running.delete(check.name);
      onDone([...running]);
      return { check: check.name, severity: worstOf(findings.map(({ severity }) => severity)), findings, ms };
    }),
  );
}

/** The finding as one of a check. */
export function reported(
  { name, isAdvice = false }: Pick<Check, 'name' | 'isAdvice'>,
  one: PlacedFinding,
): ReportedFinding {
  const severity = severityOf(one);
  return { ...one, check: name, severity: isAdvice && severity === 'problem' ? 'warning' : severity };
}

async function findingsOf(check: Check, context: DoctorContext, limitMs: number): Promise<readonly PlacedFinding[]> {
  const over = new AbortController();
  const late = delay(limitMs, undefined, { signal: over.signal }).then(() => [
    finding('checkTimedOut', { seconds: limitMs / 1000 }),
  ]);
  // When the check wins the race, nobody awaits this any more.
  late.catch(() => undefined);
  try {
    return await Promise.race([check.run(context), late]);
  } catch (error) {
    if (error instanceof NotChecked) return [finding('notChecked', { without: error.without })];
    return [finding('checkFailed', { reason: causeText(error) })];
  } finally {
    over.abort();
  }
}
