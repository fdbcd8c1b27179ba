import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { CommandError, EXIT } from '../exit.ts';
import type { Io } from '../io.ts';

/** A program that cannot open it says so within this time (ms). */
const REFUSAL_MS = 3_000;

/**
 * Opens a file in the program of the desktop, which is the browser for a page.
 *
 * @throws {CommandError} when there is no desktop that could
 */
export async function openFile(file: string, { env }: Pick<Io, 'env'>): Promise<void> {
  const program = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const refusal = Promise.withResolvers<string | null>();
  const opening = spawn(program, [file], { env: { ...env }, detached: true, stdio: 'ignore' });
  opening.once('error', (error: NodeJS.ErrnoException) =>
    refusal.resolve(error.code === 'ENOENT' ? `there is no ${program} here` : error.message),
  );
  opening.once('exit', (code) => refusal.resolve(code === 0 ? null : `${program} ended with ${code}`));
  // A browser that was not open yet may stay as its child.
  opening.unref();
  const why = await Promise.race([refusal.promise, delay(REFUSAL_MS, null)]);
  if (why !== null) throw new CommandError(EXIT.failed, `It could not be opened: ${why}. Open ${file} yourself.`);
}
