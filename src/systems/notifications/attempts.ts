import { setTimeout as delay } from 'node:timers/promises';
import { DeliveryFailed } from './channel.ts';

export interface Patience {
  /** Time for all attempts of one target (ms). */
  limitMs: number;
  /** Pauses before the second and each further attempt (ms): as many as there are retries. */
  pausesMs: readonly number[];
}

interface Attempted {
  attempts: number;
  /** What the last attempt failed with; null: it went well. */
  problem: string | null;
}

/** Tries until it goes well, fails for good, or the time is over. */
export async function attempting(
  attempt: (signal: AbortSignal) => Promise<void>,
  { limitMs, pausesMs }: Patience,
): Promise<Attempted> {
  const limit = AbortSignal.timeout(limitMs);
  const startedAt = performance.now();
  let told = `There was no answer within ${limitMs / 1_000} s.`;
  for (let attempts = 1; ; attempts += 1) {
    try {
      await attempt(limit);
      return { attempts, problem: null };
    } catch (error) {
      // What an earlier attempt was told says more than that the time is over.
      if (error instanceof DeliveryFailed && !(limit.aborted && error.retryable)) told = error.message;
      else if (!limit.aborted) told = (error as Error).message;
      const pauseMs = pausesMs[attempts - 1];
      if (limit.aborted || pauseMs === undefined || !isWorthwhile(error)) return { attempts, problem: told };
      const waitMs = Math.max(pauseMs, error.retryAfterMs);
      if (performance.now() - startedAt + waitMs >= limitMs) return { attempts, problem: told };
      await delay(waitMs);
    }
  }
}

const isWorthwhile = (error: unknown): error is DeliveryFailed => error instanceof DeliveryFailed && error.retryable;
