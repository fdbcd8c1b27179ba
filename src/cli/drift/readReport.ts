import { resolve } from 'node:path';
import type { Config } from '../../config.ts';
import type { DriftDocument } from '../../contracts/drift.ts';
import { FAILURES, type FailureType } from '../../contracts/errors.ts';
import type { Cli } from '../cli.ts';
import { CommandError, EXIT } from '../exit.ts';

/**
 * Reads a report that a tool wrote into a file.
 *
 * @throws {CommandError} when it cannot be read, or is no report that is known
 */
export async function readReport(cli: Cli, config: Config, file: string): Promise<DriftDocument> {
  const { readDriftReport } = await import('../../systems/driftDocument.ts');
  return await inWords(cli, () => readDriftReport(config, { file: resolve(cli.io.cwd, file) }, cli.io.interrupted));
}

/** Puts what a Python step refuses, and an interruption, into words. */
export async function inWords<Result>({ io }: Cli, work: () => Promise<Result>): Promise<Result> {
  const { StepError } = await import('../../systems/processes/errors.ts');
  try {
    return await work();
  } catch (error) {
    if (io.interrupted.aborted) throw new CommandError(EXIT.interrupted, 'Interrupted.', { cause: error });
    if (!(error instanceof StepError)) throw error;
    const happened = error.message.replace(/(?<![.!?])$/, '.');
    const next = FAILURES[error.type as FailureType]?.next ?? '';
    throw new CommandError(EXIT.usage, `${happened} ${next}`.trimEnd(), { cause: error });
  }
}
