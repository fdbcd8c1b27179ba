import { relative } from 'node:path';
import type { z } from 'zod';
import { type Path, pathText } from '../contracts/schemas.ts';
import { wrongFields } from '../words/wrongFields.ts';
import { mayBeSecret } from './secrets.ts';

/** Where a setting comes from: a line of the file, or a variable. */
export interface Place {
  /** The file; null for a variable. */
  file: string | null;
  /** From 1; null for a variable. */
  line: number | null;
  /** From 1; null for a variable. */
  column: number | null;
  /** The line as it stands in the file; null when it may hold a secret. */
  source: string | null;
  variable: string | null;
}

/** Finds the key of a setting, or its value. */
export type PlaceOf = (path: Path, part?: 'key' | 'value') => Place;

/** A place that is known by its file at most. */
export const placeless = (file: string | null): Place => ({
  file,
  line: null,
  column: null,
  source: null,
  variable: null,
});

/** One wrong setting. */
export interface Problem extends Place {
  /** The setting, such as `steps.trial.command`; empty for the file as a whole. */
  path: string;
  /** What is wrong with it, and what was meant. */
  message: string;
}

export function problemAt(placeOf: PlaceOf, path: Path, message: string, part?: 'key' | 'value'): Problem {
  return { ...placeOf(path, part), path: pathText(path), message };
}

interface Checked {
  schema: z.ZodType;
  /** The values as they were written. */
  settings: unknown;
  placeOf: PlaceOf;
  /** Where in the file the values stand. */
  prefix?: Path;
  /** Where else a setting of this name stands: `trials` is `search.trials`. */
  elsewhere?: (key: string) => string[];
}

/** What zod found, each with its place. */
export function explain(issues: readonly z.core.$ZodIssue[], checked: Checked): Problem[] {
  const { schema, settings: value, placeOf, prefix = [], elsewhere } = checked;
  const options = { schema, value, written: 'yaml', isSecret: mayBeSecret, ...(elsewhere && { elsewhere }) } as const;
  return wrongFields(issues, options).map(({ path, part, message }) =>
    problemAt(placeOf, [...prefix, ...path], message, part),
  );
}

/** Thrown when `mediwatch.yaml` or a `MEDIWATCH_…` variable is wrong; the message names each wrong setting. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  /** Every wrong setting, in the order of the file; empty when the fault lies elsewhere. */
  readonly problems: readonly Problem[];

  constructor(message: string, { problems = [], ...options }: ErrorOptions & { problems?: readonly Problem[] } = {}) {
    super(message, options);
    this.problems = problems;
  }
}

/**
 * The error that names all of them.
 *
 * @param cwd folder that the reader is in: files below it are named as seen from there
 */
export function wrongSettings(problems: readonly Problem[], cwd: string): ConfigError {
  const sorted = problems.toSorted((a, b) => order(a) - order(b));
  const file = sorted.find((problem) => problem.file !== null)?.file;
  const variables = sorted.some((problem) => problem.variable !== null);
  const sources = [...(file ? [seenFrom(cwd, file)] : []), ...(variables || !file ? ['the environment'] : [])];
  const has = `${sources.join(' and ')} ${sources.length > 1 ? 'have' : 'has'}`;
  const what = sorted.length === 1 ? 'a setting' : `${sorted.length} settings`;
  const head = `${file ? has : has.replace(/^t/, 'T')} ${what} that cannot be used:`;
  return new ConfigError([head, ...sorted.map((problem) => inLines(problem, cwd))].join('\n'), { problems: sorted });
}

const order = ({ line, column }: Problem) => (line ?? 0) * 10_000 + (column ?? 0);

/** `mediwatch.yaml:12:5: steps.trial.comand: unknown setting`, and the line with a mark under the column. */
export function inLines({ file, line, column, source, variable, path, message }: Problem, cwd: string): string {
  const where = file === null ? variable : [seenFrom(cwd, file), ...(line ? [line, column] : [])].join(':');
  const said = [where, path, message].filter(Boolean).join(': ');
  if (line === null || source === null) return said;
  const number = String(line).padStart(5);
  // Tabs are kept, so that the mark stands where a terminal shows the column.
  const indent = source.slice(0, (column ?? 1) - 1).replace(/[^\t]/g, ' ');
  return `${said}\n${number} | ${source}\n${' '.repeat(number.length)} | ${indent}^`;
}

function seenFrom(cwd: string, file: string): string {
  const path = relative(cwd, file);
  return path.startsWith('..') ? file : path;
}
