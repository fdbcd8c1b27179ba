import { setTimeout as delay } from 'node:timers/promises';
import { MlflowError } from './errors.ts';

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 2_000;

interface Policy {
  /** How often to try again after the first attempt. */
  retries: number;
  /** Whether the call may be repeated when nobody knows if the first one was carried out. */
  idempotent: boolean;
  signal: AbortSignal | undefined;
}

/**
 * Bridges the hiccups of a server that restarts or is busy; what takes longer is for the activity's retries.
 * A call that is not idempotent is repeated only when its connection was refused, for then it was not carried out.
 */
export async function retrying<Value>(attempt: () => Promise<Value>, policy: Policy): Promise<Value> {
  for (let count = 0; ; count++) {
    try {
      return await attempt();
    } catch (error) {
      if (count >= policy.retries || !isWorthwhile(error, policy.idempotent)) throw error;
      await delay(backoffMs(count), undefined, { signal: policy.signal }).catch(() => {
        throw error;
      });
    }
  }
}

/** Doubles with each attempt; a random half of it keeps many clients from returning at the same moment. */
export function backoffMs(count: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** count, LONGEST_DELAY_MS) * (0.5 + Math.random() / 2);
}

function isWorthwhile(error: unknown, idempotent: boolean): boolean {
  if (!(error instanceof MlflowError) || !error.retryable) return false;
  // Whoever waited for the whole time limit once should not wait for it again.
  if (error.code === 'TIMEOUT') return false;
  return idempotent || error.code === 'ECONNREFUSED';
}
