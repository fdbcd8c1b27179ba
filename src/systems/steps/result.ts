import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';
import { issueTexts } from '../../contracts/schemas.ts';
import { StepFailure } from '../../contracts/steps.ts';
import { parseJson } from '../../contracts/text.ts';
import type { Metrics } from '../../contracts/training.ts';
import { StepError } from '../processes/errors.ts';
import { stepFailed } from './errors.ts';
import type { CommandSettings } from './step.ts';

const ResultFile = z.union([z.object({ result: z.unknown() }), z.object({ error: StepFailure })]);

/**
 * What a step wrote to MEDIWATCH_RESULT, `{"result": …}`; undefined when it wrote nothing.
 *
 * @throws {StepError} what it wrote as `{"error": …}`, or that the file is not what a step writes
 */
export async function readResultFile(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const written = parse(text);
  if ('result' in written) return written.result;
  throw new StepError(written.error);
}

/**
 * Why a step failed, if it said so in MEDIWATCH_RESULT; undefined when it did not, or was interrupted while it wrote.
 */
export async function readFailure(file: string): Promise<StepError | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  const { data } = ResultFile.safeParse(parseJson(text));
  return data && 'error' in data ? new StepError(data.error) : undefined;
}

function parse(text: string): z.infer<typeof ResultFile> {
  try {
    return ResultFile.parse(JSON.parse(text));
  } catch (error) {
    throw stepFailed(`The result file is not what a step writes: ${(error as Error).message}`);
  }
}

/**
 * What a step answered, read by its schema.
 *
 * @param step name of the step, as in `steps` of mediwatch.yaml
 * @throws {StepError} saying which of its fields are wrong; another attempt would answer the same
 */
export function readStepAnswer<Schema extends z.ZodType>(
  step: string,
  schema: Schema,
  answer: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const wrong = issueTexts(parsed.error, 'the whole');
  throw stepFailed(
    `The step ${step} answered in another form than it must: ${wrong.join('; ')}. ` +
      `Correct what steps.${step}.command answers; if none is set, worker and Python package are of different releases.`,
  );
}

/** A command that ended well, before its folders are removed. */
export interface Ran {
  settings: CommandSettings;
  /** What it wrote to MEDIWATCH_RESULT; undefined: nothing. */
  result: unknown;
  /** The numbers that `outputs.pattern` found in its output. */
  printed: Metrics;
  /** The folder that was `{output}`. */
  output: string;
  /** MLflow run that was opened for it. */
  runId: string | undefined;
  /** Unix time (ms). */
  startedAt: number;
  /** Unix time (ms). */
  endedAt: number;
  /**
   * Where a path of `outputs` lies.
   *
   * @throws {StepError} when there is nothing, or only what an earlier run has left
   */
  written(setting: 'file' | 'directory' | 'modelFile', path: string): Promise<string>;
  /** Runs another command where this one ran. */
  runMore(command: readonly string[], env?: Record<string, string>): Promise<void>;
}

interface Facts extends Omit<Ran, 'written'> {
  pathOf(text: string): string;
  /** What {@link lookAt} found before it began. */
  before: ReadonlyMap<string, string>;
}

/**
 * The files that lie where a command is to write, each with a mark that changes when it is written. Their times alone
 * do not tell: a copy of the project is as new as the command, and another call may have ended a moment ago.
 */
export async function lookAt(paths: readonly string[]): Promise<Map<string, string>> {
  const marks = await Promise.all(paths.map(async (path) => [path, await markOf(path)] as const));
  return new Map(marks.flatMap(([path, mark]) => (mark === undefined ? [] : [[path, mark]])));
}

async function markOf(path: string): Promise<string | undefined> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  // A folder is not written itself when a file in it is.
  return stats?.isFile() ? [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join() : undefined;
}

export function ranResult({ pathOf, before, ...facts }: Facts): Ran {
  return {
    ...facts,
    async written(setting, path) {
      const place = `${facts.settings.name}.outputs.${setting}`;
      const found = pathOf(path);
      const isThere = await stat(found).catch(() => undefined);
      if (!isThere) throw stepFailed(`The command ended well but did not write ${found} (${place}).`);
      if (before.has(found) && before.get(found) === (await markOf(found))) {
        throw stepFailed(`${found} (${place}) is of an earlier run: the command ended well but did not write it.`);
      }
      return found;
    },
  };
}
