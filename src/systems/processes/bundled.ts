import { existsSync } from 'node:fs';
import { execa } from 'execa';
import { BUNDLED_PYTHON, PYTHON_ROOT } from '../../config.ts';
import { ownEnvironment } from './environment.ts';

interface Options {
  /** A Python in place of that of the bundled steps. */
  python?: string | undefined;
  /** Standard input; absent: none. */
  input?: string;
  timeoutMs: number;
  env?: Readonly<Record<string, string>>;
}

/** Whether the Python of the bundled steps is set up. */
export const hasBundled = (python = '') => existsSync(python || BUNDLED_PYTHON);

/** Runs that Python, with nothing of our environment but what computing needs. Failing is an outcome, and no error. */
export function runBundled(args: readonly string[], { python, input = '', timeoutMs, env }: Options) {
  return execa(python || BUNDLED_PYTHON, args, {
    ...ownEnvironment(['computing'], { PYTHONPATH: PYTHON_ROOT, ...env }),
    input,
    timeout: Math.round(timeoutMs),
    reject: false,
    maxBuffer: 64 * 1024 * 1024,
  });
}
