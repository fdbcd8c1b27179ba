import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import { type Io, isTerminal } from '../io.ts';

/**
 * Asks the reader for a yes. Where nobody can be asked, because input or output is no terminal, the command itself is it.
 *
 * @throws the signal's reason when the reader interrupts
 */
export async function confirm({ stdout, env, interrupted }: Io, question: string): Promise<boolean> {
  if (process.stdin.isTTY !== true || !isTerminal(stdout, env)) return true;
  const prompt = createInterface({ input: process.stdin, output: stdout });
  // In a terminal that is read line by line, Ctrl-C comes here and not as a signal.
  const abandoned = new AbortController();
  prompt.on('SIGINT', () => abandoned.abort());
  try {
    const signal = AbortSignal.any([interrupted, abandoned.signal]);
    return /^y(es)?$/i.test((await prompt.question(`${question} [y/N] `, { signal })).trim());
  } finally {
    prompt.close();
  }
}
