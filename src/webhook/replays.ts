/** Signed requests, each known by its signature. */
export interface Replays {
  /**
   * Does what a request asks for, unless it was accepted before. One that comes again while the first is under way
   * waits for it, and fails as it fails. What failed was not accepted: it may be sent again.
   *
   * @param until when the time stamp of the request is refused anyway (ms)
   * @returns null when it was accepted before
   */
  once<Result extends object>(signature: string, until: number, accept: () => Promise<Result>): Promise<Result | null>;
}

/** Only who knows the secret can fill it, so it needs no bound but that of time. */
export function createReplays(clock: () => number): Replays {
  const pending = new Map<string, Promise<object>>();
  const accepted = new Map<string, number>();
  return {
    async once(signature, until, accept) {
      for (const [other, end] of accepted) if (end < clock()) accepted.delete(other);
      if (accepted.has(signature)) return null;
      const first = pending.get(signature);
      if (first) {
        await first;
        return null;
      }
      const accepting = accept();
      pending.set(signature, accepting);
      try {
        const result = await accepting;
        accepted.set(signature, until);
        return result;
      } finally {
        pending.delete(signature);
      }
    },
  };
}
