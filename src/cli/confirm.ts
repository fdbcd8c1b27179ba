import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import type { Cli } from './cli.ts';
import { CommandError, EXIT } from './exit.ts';
import { type Io, isTerminal } from './io.ts';

/** What is asked before something is done. */
export interface Question {
  /** The question itself, without the way to answer. */
  text: string;
  /** What is said when the answer is no. */
  declined: string;
  /** The answer is yes already: `--yes` was typed. */
  yes: boolean;
}

/** Whether a question would be asked: where nobody can answer, the command itself is the yes. */
export function asks({ io, json }: Cli, { yes }: Pick<Question, 'yes'>): boolean {
  return !yes && !json && process.stdin.isTTY === true && isTerminal(io.stdout, io.env);
}

/**
 * Asks the reader for a yes, where there is one to ask; Ctrl-C and the end of the input are a no.
 *
 * @throws {CommandError} when the answer is no
 */
export async function confirm(cli: Cli, question: Question): Promise<void> {
  if (!asks(cli, question) || (await answersYes(cli.io, question.text))) return;
  throw new CommandError(EXIT.failed, question.declined);
}

async function answersYes({ stdout, interrupted }: Io, question: string): Promise<boolean> {
  const prompt = createInterface({ input: process.stdin, output: stdout });
  const abandoned = new AbortController();
  // In a terminal that is read line by line, Ctrl-C comes here and not as a signal.
  for (const event of ['SIGINT', 'close'] as const) prompt.on(event, () => abandoned.abort());
  try {
    const signal = AbortSignal.any([interrupted, abandoned.signal]);
    return /^y(es)?$/i.test((await prompt.question(`${question} [y/N] `, { signal })).trim());
  } catch (error) {
    if (!(error instanceof Error && error.name === 'AbortError')) throw error;
    // The cursor stands behind the question still.
    stdout.write('\n');
    return false;
  } finally {
    prompt.close();
  }
}
