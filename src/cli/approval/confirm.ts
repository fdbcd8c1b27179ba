import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import { type Io, isTerminal } from '../io.ts';

/**
 * Asks the reader for a yes; Ctrl-C and the end of the input are a no. Where nobody can be asked, because input or
 * output is no terminal, the command itself is the yes.
 */
export async function confirm({ stdout, env, interrupted }: Io, question: string): Promise<boolean> {
  if (process.stdin.isTTY !== true || !isTerminal(stdout, env)) return true;
  const prompt = createInterface({ input: process.stdin, output: stdout });
  const abandoned = new AbortController();
  // In a terminal that is read line by line, Ctrl-C comes here and not as a signal.
  for (const event of ['SIGINT', 'close'] as const) prompt.on(event, () => abandoned.abort());
  try {
    const signal = AbortSignal.any([interrupted, abandoned.signal]);
    return /^y(es)?$/i.test((await prompt.question(`${question} [y/N] `, { signal })).trim());
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') return false;
    throw error;
  } finally {
    prompt.close();
  }
}
