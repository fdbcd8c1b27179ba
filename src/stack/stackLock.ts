import { join } from 'node:path';
import { tryLock } from '../../setup/lock.mjs';
import { StackProblem } from './problem.ts';

export interface StackLock {
  /** The stack before this one was killed: what it started may still be ending. */
  afterCrash: boolean;
  release(): void;
}

/**
 * Makes this process the only stack on a folder of state.
 *
 * @throws {StackProblem} when another one runs there
 */
export function takeStackLock(dir: string): StackLock {
  const lock = tryLock(join(dir, 'stack.lock'));
  if (!('holder' in lock)) return lock;
  const { pid, since } = lock.holder;
  throw new StackProblem(
    `The stack on ${dir} runs already (process ${pid}, since ${since}). ` +
      `Use it, stop it with Ctrl-C in its terminal or "kill ${pid}", or give this one another folder with --dir and other ports.`,
  );
}
