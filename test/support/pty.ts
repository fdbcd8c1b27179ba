import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { execa } from 'execa';
import { PROJECT_ROOT } from '../../src/config.ts';
import { until } from './until.ts';

/** Runs its arguments on a pseudo-terminal, and ends with their exit code. */
const PTY = 'import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))';

/** Runs a program on a terminal of its own. */
export function onTerminal(command: readonly string[], env: Record<string, string>) {
  const python = process.env.MEDIWATCH_TEST_PYTHON ?? join(PROJECT_ROOT, 'python/.venv/bin/python');
  const program = execa(python, ['-c', PTY, ...command], {
    cwd: PROJECT_ROOT,
    env: { TERM: 'xterm', ...env },
    reject: false,
    timeout: 60_000,
  });
  let raw = '';
  program.stdout.on('data', (text) => {
    raw += text;
  });
  const shown = () => stripVTControlCharacters(raw);
  return {
    /** All that was on the screen so far, without colours and movements of the cursor. */
    shown,
    /** Presses keys. */
    type: (keys: string) => program.stdin.write(keys),
    /** Waits until the screen shows something. */
    sees: (text: string | RegExp) =>
      until(() => (typeof text === 'string' ? shown().includes(text) : text.test(shown())), {
        timeoutMs: 30_000,
        what: `${text} on the terminal, which shows ${JSON.stringify(shown().slice(-500))}`,
      }),
    /** The exit code of the program once it ends. */
    ended: async () => (await program).exitCode,
    stop: async () => {
      program.kill();
      await program;
    },
  };
}
