import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { parseJson } from '../../contracts/json.ts';
import { StepFailure } from '../../contracts/steps.ts';
import { StepError } from '../processes/errors.ts';
import { stepFailed } from './errors.ts';

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
