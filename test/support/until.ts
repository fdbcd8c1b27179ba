import { setTimeout as delay } from 'node:timers/promises';

interface Limit {
  /** How long to wait at the most (ms). */
  timeoutMs: number;
  /** What is waited for, as text, for the message when it does not come. */
  what: string;
}

/** Waits until the condition gives a truthy value, and returns that value; throws when the limit is over. */
export async function until<Value>(
  condition: () => Value | Promise<Value>,
  { timeoutMs, what }: Limit,
): Promise<NonNullable<Value>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms in vain for ${what}.`);
    await delay(50);
  }
}
