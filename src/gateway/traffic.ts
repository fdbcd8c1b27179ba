import { EventEmitter, once } from 'node:events';

/** Counts the requests: of all, and those that are open at each upstream, so that one can be drained. */
export interface Traffic {
  counts(): { total: number; failed: number; inFlight: number };
  /** A request came; call what it returns once, when it is over. */
  begin(): (outcome: { failed: boolean }) => void;
  /** A request goes to the upstream; call what it returns when it no longer does (calling twice is harmless). */
  enter(key: string): () => void;
  /** Resolves with true when no request is open at the upstream, with false after the limit (ms). */
  drained(key: string, limitMs: number): Promise<boolean>;
}

export function createTraffic(): Traffic {
  const open = new Map<string, number>();
  const left = new EventEmitter();
  left.setMaxListeners(0);
  let [total, failed, inFlight] = [0, 0, 0];

  return {
    counts: () => ({ total, failed, inFlight }),
    begin() {
      total += 1;
      inFlight += 1;
      return (outcome) => {
        inFlight -= 1;
        if (outcome.failed) failed += 1;
      };
    },
    enter(key) {
      open.set(key, (open.get(key) ?? 0) + 1);
      let entered = true;
      return () => {
        if (!entered) return;
        entered = false;
        const rest = (open.get(key) ?? 0) - 1;
        if (rest > 0) open.set(key, rest);
        else open.delete(key);
        if (rest === 0) left.emit(`left ${key}`);
      };
    },
    async drained(key, limitMs) {
      const signal = AbortSignal.timeout(limitMs);
      while (open.has(key) && !signal.aborted) await once(left, `left ${key}`, { signal }).catch(() => {});
      return !open.has(key);
    },
  };
}
