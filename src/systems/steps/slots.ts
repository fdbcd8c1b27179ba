/** Places that may be taken by so many at once, each under a name. */
export interface Slots {
  /**
   * Waits for a place of each name in turn, first come, first served. All who ask for several must ask in one order.
   *
   * @returns gives them back
   * @throws the signal's reason, when it is aborted while waiting; nothing is held then
   */
  take(wanted: readonly Slot[], signal: AbortSignal): Promise<() => void>;
}

export interface Slot {
  name: string;
  /** How many may hold it at once. */
  limit: number;
}

export function createSlots(): Slots {
  const held = new Map<string, number>();
  const queues = new Map<string, Array<() => void>>();

  function release(name: string): void {
    const next = queues.get(name)?.shift();
    const others = (held.get(name) ?? 1) - 1;
    // The place goes over to the next in line without being free in between.
    if (next) next();
    else if (others > 0) held.set(name, others);
    else {
      // Every call may bring names of its own: those of its files.
      held.delete(name);
      queues.delete(name);
    }
  }

  async function takeOne({ name, limit }: Slot, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if ((held.get(name) ?? 0) < limit) {
      held.set(name, (held.get(name) ?? 0) + 1);
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const queue = queues.get(name) ?? [];
    queues.set(name, queue);
    queue.push(resolve);
    const leave = () => {
      const at = queue.indexOf(resolve);
      if (at < 0) return;
      queue.splice(at, 1);
      reject(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
    await promise.finally(() => signal.removeEventListener('abort', leave));
  }

  return {
    async take(wanted, signal) {
      const taken: string[] = [];
      const giveBack = () => {
        for (const name of taken.splice(0)) release(name);
      };
      try {
        for (const slot of wanted) {
          await takeOne(slot, signal);
          taken.push(slot.name);
        }
        return giveBack;
      } catch (error) {
        giveBack();
        throw error;
      }
    },
  };
}
