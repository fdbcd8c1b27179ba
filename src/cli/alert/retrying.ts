import { setTimeout as delay } from 'node:timers/promises';
import { CommandError, EXIT } from '../exit.ts';
import type { Io } from '../io.ts';

/** A server that is restarted is back by then (ms). */
const LIMIT_MS = 10_000;
const PAUSE_MS = 500;

/** Does it again while nothing answers, for a while. What is sent carries a key, so it counts once. */
export async function retrying<Result>({ interrupted }: Io, send: () => Promise<Result>): Promise<Result> {
  for (const deadline = Date.now() + LIMIT_MS; ; ) {
    try {
      return await send();
    } catch (error) {
      const away = error instanceof CommandError && error.exitCode === EXIT.unreachable;
      if (!away || interrupted.aborted || Date.now() > deadline) throw error;
      await delay(PAUSE_MS, undefined, { signal: interrupted }).catch(() => undefined);
    }
  }
}
