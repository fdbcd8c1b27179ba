import { setTimeout as delay } from 'node:timers/promises';

interface Limit {
  /** How long to wait at the most (ms). */
  timeoutMs: number;
  /** What is waited for, as text, for the message when it does not come. */
  what: string;
}

/** Between two looks (ms): a tenth of the time waited so far. Most looks are work for a server, a worker or a browser. */
const [SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS] = [50, 500];

/** Waits until the condition gives a truthy value, and returns that value; throws when the limit is over. */
export async function until<Value>(
  condition: () => Value | Promise<Value>,
  { timeoutMs, what }: Limit,
): Promise<NonNullable<Value>> {
  const startedAt = performance.now();
  for (;;) {
    const value = await condition();
    if (value) return value;
    const waited = performance.now() - startedAt;
    if (waited > timeoutMs) throw new Error(`Waited ${timeoutMs} ms in vain for ${what}.`);
    await delay(Math.min(Math.max(waited / 10, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS));
  }
}
