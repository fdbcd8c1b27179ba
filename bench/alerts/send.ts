import type { Victim } from './victim.ts';

interface Storm {
  count: number;
  senders: number;
  /** Sends one and returns when it is acknowledged. */
  send(number: number, sender: number): Promise<unknown>;
  /** Killed and restarted when a half is sent. */
  victim: Victim;
}

/** Sends as fast as the senders can, each one after the other, while the worker dies; returns the seconds of it. */
export async function storm({ count, senders, send, victim }: Storm): Promise<number> {
  let next = 0;
  let restarted: Promise<void> | undefined;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: senders }, async (_, sender) => {
      for (let number = next++; number < count; number = next++) {
        if (number * 2 >= count) restarted ??= victim.killAndRestart();
        await send(number, sender);
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  await restarted;
  return seconds;
}
