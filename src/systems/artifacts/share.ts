/**
 * Lets callers that want the same thing at once wait for one piece of work.
 *
 * The work is given up when the last caller has given up; a caller that gives up leaves the others undisturbed.
 */
export function createSharing<Value>() {
  const running = new Map<string, { work: Promise<Value>; waiting: number; controller: AbortController }>();

  return async function shared(
    key: string,
    signal: AbortSignal | undefined,
    start: (signal: AbortSignal) => Promise<Value>,
  ): Promise<Value> {
    signal?.throwIfAborted();
    let entry = running.get(key);
    if (!entry || entry.controller.signal.aborted) {
      const controller = new AbortController();
      const begun = { work: start(controller.signal), waiting: 0, controller };
      const forget = () => running.get(key) === begun && running.delete(key);
      begun.work.then(forget, forget);
      running.set(key, begun);
      entry = begun;
    }
    const { work, controller } = entry;
    entry.waiting += 1;
    const { promise: givenUp, reject } = Promise.withResolvers<never>();
    const giveUp = () => reject(signal?.reason);
    signal?.addEventListener('abort', giveUp, { once: true });
    try {
      return await Promise.race([work, givenUp]);
    } finally {
      signal?.removeEventListener('abort', giveUp);
      entry.waiting -= 1;
      if (entry.waiting === 0) controller.abort(signal?.reason);
    }
  };
}
