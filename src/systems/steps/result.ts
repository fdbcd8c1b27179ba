import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { z } from 'zod';
import { issueTexts } from '../../contracts/schemas.ts';
import { StepFailure } from '../../contracts/steps.ts';
import { readPythonJson } from '../../contracts/text.ts';
import { StepError } from '../processes/errors.ts';
import { noResult } from './errors.ts';
import type { Ran } from './step.ts';

const ResultFile = z.union([z.object({ result: z.unknown() }), z.object({ error: StepFailure })]);

/**
 * What a step wrote to MEDIWATCH_RESULT, `{"result": …}`; undefined when it wrote nothing.
 *
 * @throws {StepError} what it wrote as `{"error": …}`, or that the file is not what a step writes
 */
export async function readResultFile(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const { data: written, error } = ResultFile.safeParse(jsonIn(text));
  if (!written) throw noResult.unreadable(z.prettifyError(error));
  if ('result' in written) return written.result;
  throw new StepError(written.error);
}

/**
 * Why a step failed, if it said so in MEDIWATCH_RESULT; undefined when it did not, or was interrupted while it wrote.
 */
export async function readFailure(file: string): Promise<StepError | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  const { data } = ResultFile.safeParse(text === undefined ? undefined : jsonIn(text));
  return data && 'error' in data ? new StepError(data.error) : undefined;
}

/** A value of JSON with null for each number that is infinite. */
export function finite(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

/** Undefined for what is no JSON. */
function jsonIn(text: string): unknown {
  try {
    return readPythonJson(text);
  } catch {
    return undefined;
  }
}

/**
 * What a step answered, read by its schema.
 *
 * @param step name of the step, as in `steps` of mediwatch.yaml
 * @throws {StepProblem} saying which of its fields are wrong; another attempt would answer the same
 */
export function readStepAnswer<Schema extends z.ZodType>(
  step: string,
  schema: Schema,
  answer: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(finite(answer));
  if (parsed.success) return parsed.data;
  throw noResult.wrongAnswer(step, issueTexts(parsed.error, 'the whole'));
}

/**
 * Remembers the files that lie where a command is to write, so that what an earlier one left is not taken for its own.
 *
 * @param step where its settings are, such as `steps.trial`
 * @param pathOf where a path of `outputs` lies
 */
export async function rememberOutputs(
  step: string,
  files: readonly string[],
  pathOf: (text: string) => string,
): Promise<Ran['written']> {
  const before = new Map(await Promise.all(files.map(async (file) => [file, await markOf(file)] as const)));
  return async (setting, path) => {
    const file = pathOf(path);
    const place = `${step}.outputs.${setting}`;
    if (!(await stat(file).catch(() => undefined))) throw noResult.notWritten(place, file);
    const mark = before.get(file);
    if (mark !== undefined && mark === (await markOf(file))) throw noResult.ofEarlierRun(place, file);
    return file;
  };
}

/**
 * Changes when a file is written. Its time alone would not do: a copy of the project is as new as the command, and
 * another call may have ended a moment ago.
 */
async function markOf(path: string): Promise<string | undefined> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  // A folder is not written itself when a file in it is.
  return stats?.isFile() ? [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join() : undefined;
}

/**
 * The one file of a kind that a command wrote to `{output}`.
 *
 * @param what for messages: `report`, `page`
 * @throws {StepProblem} when there is none, or more than one
 */
export async function onlyFile(
  folder: string,
  extension: '.json' | '.html',
  { what, setting }: { what: string; setting: string },
): Promise<string> {
  const found = (await readdir(folder).catch(() => [])).filter((name) => extname(name) === extension);
  const [name] = found;
  if (name === undefined || found.length > 1) throw noResult.notOneFile(`${what} (*${extension})`, found, setting);
  return join(folder, name);
}
