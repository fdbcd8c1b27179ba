import { readFile } from 'node:fs/promises';
import type { Metrics } from '../../contracts/training.ts';
import type { Run } from '../mlflow/index.ts';
import { stepFailed, wrongSettings } from './errors.ts';
import type { Ran } from './result.ts';

/** A place where metrics were looked for, and what was there. */
export interface Source {
  /** In words, such as `MLflow run 3f2a`. */
  name: string;
  metrics: Metrics;
}

/** What the command itself left: its result file, the file of `outputs.file`, and what it printed, in this order. */
export async function ownSources(ran: Ran): Promise<Source[]> {
  const { outputs, name } = ran.settings;
  const file = outputs.file && (await readMetricsFile(await ran.written('file', outputs.file)));
  return [
    { name: 'its result file (MEDIWATCH_RESULT)', metrics: numbersOf(ran.result) },
    ...(file ? [{ name: `${name}.outputs.file`, metrics: numbersOf(file) }] : []),
    ...(outputs.pattern ? [{ name: `its output (${name}.outputs.pattern)`, metrics: ran.printed }] : []),
  ];
}

export const runSource = (run: Run): Source => ({ name: `MLflow run ${run.runId}`, metrics: run.metrics });

/** @throws {StepError} when the file holds no JSON */
export async function readMetricsFile(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw stepFailed(`${file} is not a JSON file with metrics: ${(error as Error).message}`);
  }
}

/** All metrics of the sources, the first that knows one counting; then those that go by another name with us. */
export function merged(sources: readonly Source[], mapping: Readonly<Record<string, string>>): Metrics {
  const all: Metrics = Object.assign({}, ...sources.toReversed().map(({ metrics }) => metrics));
  const renamed = Object.entries(mapping).flatMap(([ours, theirs]) =>
    all[theirs] === undefined ? [] : [[ours, all[theirs]]],
  );
  return { ...all, ...Object.fromEntries(renamed) };
}

/** A score by its name; without a name, `score` or the only metric that there is. */
export function scoreOf(metrics: Metrics, metric: string | undefined): number | undefined {
  const known = Object.entries(metrics).filter(([, value]) => value !== null);
  const only = known.length === 1 ? known[0]?.[1] : undefined;
  return (metric ? metrics[metric] : (metrics.score ?? only)) ?? undefined;
}

/** Says where a score was looked for, what was found there, and what to set. */
export function noScore(step: string, metric: string | undefined, sources: readonly Source[]): Error {
  const looked = sources.map(({ name, metrics }) => `${name}: ${Object.keys(metrics).sort().join(', ') || 'nothing'}`);
  return stepFailed(
    `The command ended well, but its score, the metric "${metric || 'score'}", was not found. Looked in ${looked.join('; ')}. ` +
      `Set search.metric to the name that it has there, or ${step}.outputs (metrics, pattern or file) to where it is.`,
  );
}

/** Numbers of a JSON object by their names, those below "metrics" and "scores" too. */
function numbersOf(value: unknown): Metrics {
  if (typeof value !== 'object' || value === null) return {};
  const { metrics, scores, ...own } = value as Record<string, unknown>;
  const numbers = Object.entries(own).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
  return { ...Object.fromEntries(numbers), ...numbersOf(scores), ...numbersOf(metrics) };
}

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
