import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { environmentOf } from './environment.mjs';

const GUARD = fileURLToPath(new URL('./guard.mjs', import.meta.url));
const running = new Set();

/** How much of a command's output is kept for its error message (characters). */
const OUTPUT_LIMIT = 20_000;

/**
 * Runs a command that ends with this process, kill -9 included: a set-up that is started again must not meet an
 * `npm ci` of the killed one.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{cwd?: string, env?: object, onLine?: (line: string) => void}} options
 * @returns {Promise<{code: number | null, signal: string | null, output: string}>} both streams, their end at least
 */
export function run(command, args, { cwd, env = environmentOf(), onLine } = {}) {
  return new Promise((resolve, reject) => {
    // The guard leads a process group of its own, and its stdin is closed by the kernel when this process dies.
    const child = spawn(process.execPath, [GUARD, command, ...args], { cwd, env, detached: true });
    running.add(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        output = `${output}${line}\n`.slice(-OUTPUT_LIMIT);
        onLine?.(line);
      });
    }
    child.stdin.on('error', () => {}); // the guard is gone: its exit tells
    child.once('error', reject);
    child.once('close', (code, signal) => {
      running.delete(child);
      resolve({ code, signal, output });
    });
  });
}

/** Ends what still runs, with everything that it started. */
export function stopAll() {
  for (const { pid } of running) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has just ended.
    }
  }
}
