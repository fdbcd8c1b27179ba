import { setTimeout as delay } from 'node:timers/promises';

interface ThrottleOptions {
  /** Wrong credentials that an address may send in the window without a consequence. */
  free: number;
  windowMs: number;
  /** How long its requests wait from then on, before their credential is looked at (ms). */
  waitMs: number;
  /** How many may wait at once: with `waitMs`, the guesses in a second. */
  waiting: number;
}

const DEFAULTS: ThrottleOptions = { free: 10, windowMs: 60_000, waitMs: 1_000, waiting: 10 };
/** More addresses than this are somebody who has many: the oldest are forgotten. */
const ADDRESSES = 10_000;

export type Throttle = ReturnType<typeof createThrottle>;

/**
 * Slows down whoever guesses credentials. A right one is not refused for the wrong ones of others at its address, which
 * may be a proxy's: it waits its turn, as theirs do.
 */
export function createThrottle({ free, windowMs, waitMs, waiting }: ThrottleOptions = DEFAULTS) {
  const guessers = new Map<string, { wrong: number; until: number; waiting: number }>();
  return {
    /** Resolves when the credential of a request may be looked at; with false when too many of its address wait. */
    async admit(address: string): Promise<boolean> {
      const guesser = guessers.get(address);
      if (!guesser || guesser.wrong < free) return true;
      if (guesser.until < performance.now()) {
        guessers.delete(address);
        return true;
      }
      if (guesser.waiting >= waiting) return false;
      guesser.waiting += 1;
      await delay(waitMs);
      guesser.waiting -= 1;
      return true;
    },

    /** A credential of the address was wrong. */
    wrong(address: string): void {
      const now = performance.now();
      const known = guessers.get(address);
      const guesser = known && known.until >= now ? known : { wrong: 0, until: now + windowMs, waiting: 0 };
      guesser.wrong += 1;
      guessers.set(address, guesser);
      for (const oldest of guessers.keys()) {
        if (guessers.size <= ADDRESSES) break;
        guessers.delete(oldest);
      }
    },
  };
}
