import { readFile } from 'node:fs/promises';
import { readPythonJson } from '../../contracts/text.ts';
import type { Metrics } from '../../contracts/training.ts';
import type { Run } from '../mlflow/index.ts';
import { invalidSetting, noResult } from './errors.ts';
import type { Ran } from './step.ts';

/** A place where metrics were looked for, and what was there. */
export interface Source {
  /** For messages: `MLflow run 3f2a`. */
  name: string;
  metrics: Metrics;
}

/** What the command itself left: its result file, the file of `outputs.file`, and what it printed, in this order. */
export async function ownSources(ran: Ran): Promise<Source[]> {
  const { outputs, name } = ran.settings;
  const file = outputs.file && (await readMetricsFile(await ran.written('file', outputs.file)));
  return [
    { name: 'its result file (MEDIWATCH_RESULT)', metrics: numbersOf(ran.result) },
    ...(file ? [{ name: `${name}.outputs.file`, metrics: { ...nested(file), ...numbersOf(file) } }] : []),
    ...(outputs.pattern ? [{ name: outputName(ran), metrics: ran.printed ?? {} }] : []),
  ];
}

const outputName = ({ printed, settings: { name } }: Ran) =>
  printed ? `its output (${name}.outputs.pattern)` : `its output, no line of which matches ${name}.outputs.pattern`;

/**
 * @param metrics all that is known of the command's result
 * @throws {StepProblem} when no line of the output matched `outputs.pattern`, and nothing else tells what it looks for
 */
export function assertMatched({ settings: { name, outputs }, printed }: Ran, metrics: Metrics): void {
  const { pattern } = outputs;
  if (pattern === undefined || printed !== undefined) return;
  const wanted = groupsOf(pattern);
  if (!wanted.some((group) => Object.hasOwn(metrics, group))) throw noResult.noMatch(name, pattern, wanted);
}

export const runSource = (run: Run): Source => ({ name: `MLflow run ${run.runId}`, metrics: run.metrics });

/** @throws {StepProblem} when the file holds no JSON */
export async function readMetricsFile(file: string): Promise<unknown> {
  try {
    return readPythonJson(await readFile(file, 'utf8'));
  } catch (error) {
    throw noResult.noMetricsFile(file, (error as Error).message);
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

/**
 * A score by its name; without a name, `score` or the only metric that there is. Null: it is there and not a number, as
 * NaN is; undefined: it is not there.
 */
export function scoreOf(metrics: Metrics, metric: string | undefined): number | null | undefined {
  const name = scoreName(metrics, metric);
  return name === undefined ? undefined : metrics[name];
}

/** Which of the metrics is the score, as `scoreOf` has it; undefined: none is. */
export function scoreName(metrics: Metrics, metric: string | undefined): string | undefined {
  const name = metric || 'score';
  if (metrics[name] !== undefined) return name;
  if (metric) return undefined;
  const own = Object.keys(metrics).filter((other) => !other.includes('.'));
  const known = own.filter((other) => metrics[other] !== null);
  return known.length > 1 ? undefined : (known[0] ?? own[0]);
}

/** Numbers of a JSON object by their names, those below "metrics" and "scores" too; null for what is no finite one. */
function numbersOf(value: unknown): Metrics {
  if (typeof value !== 'object' || value === null) return {};
  const { metrics, scores, ...own } = value as Record<string, unknown>;
  const numbers = Object.entries(own).flatMap(([key, number]) =>
    typeof number === 'number' ? [[key, Number.isFinite(number) ? number : null] as const] : [],
  );
  return { ...Object.fromEntries(numbers), ...numbersOf(scores), ...numbersOf(metrics) };
}

/** The numbers of objects in an object, by their path: `test.rmse`. */
function nested(value: unknown): Metrics {
  if (typeof value !== 'object' || value === null) return {};
  const paths = Object.entries(value).flatMap(([key, inner]) =>
    Object.entries(numbersOf(inner)).map(([name, number]) => [`${key}.${name}`, number]),
  );
  return Object.fromEntries(paths);
}

/**
 * Looks for numbers in a command's output while it runs: those of the last line that matches count.
 *
 * @param pattern regular expression with a named group for each metric, in JavaScript's or Python's notation
 * @param tell gets the numbers of each line that matches
 * @throws {StepProblem} InvalidConfig, when it is none or has no named group
 */
export function watchFor(pattern: string, setting: string, tell: (metrics: Metrics) => void = () => {}) {
  const expression = compile(pattern, setting);
  let found: Metrics | undefined;
  return {
    see(lines: readonly string[]): void {
      for (const line of lines) {
        const groups = expression.exec(line)?.groups;
        if (!groups) continue;
        found = numbersIn(groups);
        tell(found);
      }
    },
    /** Undefined: no line matched. */
    metrics: () => found,
  };
}

/** The names of a pattern's groups. */
function groupsOf(pattern: string): string[] {
  return [...pattern.matchAll(/\(\?P?<([A-Za-z_$][\w$]*)>/g)].map(([, name = '']) => name);
}

function compile(pattern: string, setting: string): RegExp {
  const named = pattern.replaceAll('(?P<', '(?<');
  if (!/\(\?<[A-Za-z_$]/.test(named)) throw invalidSetting.noNamedGroup(setting);
  try {
    return new RegExp(named);
  } catch (error) {
    throw invalidSetting.noPattern(setting, (error as Error).message);
  }
}

function numbersIn(groups: Readonly<Record<string, string | undefined>>): Metrics {
  const found: Metrics = {};
  for (const [name, text = ''] of Object.entries(groups)) {
    if (/^\s*[+-]?(nan|inf(inity)?)\s*$/i.test(text)) found[name] = null;
    else if (text.trim() && Number.isFinite(Number(text))) found[name] = Number(text);
  }
  return found;
}
