import type { Metrics } from '../../contracts/training.ts';
import { wrongSettings } from './errors.ts';

/** Looks for numbers in a command's output while it runs. */
export interface Printed {
  see(lines: readonly string[]): void;
  /** The numbers of the last line that matched; none when no line did. */
  metrics(): Metrics;
}

/**
 * @param pattern regular expression with a named group for each metric, in JavaScript's or Python's notation
 * @throws {StepError} InvalidConfig, when it is none or has no named group
 */
export function watchFor(pattern: string | undefined, setting: string): Printed {
  const expression = pattern === undefined ? undefined : compile(pattern, setting);
  let found: Metrics = {};
  return {
    see(lines) {
      for (const line of expression ? lines : []) {
        const groups = expression?.exec(line)?.groups;
        if (groups) found = numbersIn(groups);
      }
    },
    metrics: () => found,
  };
}

function compile(pattern: string, setting: string): RegExp {
  const named = pattern.replaceAll('(?P<', '(?<');
  if (!/\(\?<[A-Za-z_$]/.test(named)) {
    throw wrongSettings(`${setting} has no named group: write (?<auc>[\\d.]+) where the metric "auc" stands.`);
  }
  try {
    return new RegExp(named);
  } catch (error) {
    throw wrongSettings(`${setting} is not a regular expression: ${(error as Error).message}.`);
  }
}

function numbersIn(groups: Readonly<Record<string, string | undefined>>): Metrics {
  return Object.fromEntries(
    Object.entries(groups).flatMap(([name, text]) => {
      const value = text?.trim() ? Number(text) : Number.NaN;
      return Number.isFinite(value) ? [[name, value]] : [];
    }),
  );
}
