/** Signatures that were accepted, for as long as their time stamps would be. */
export interface Replays {
  /**
   * Takes a signature.
   *
   * @param until when its time stamp is refused anyway (ms)
   * @returns false when it was taken before
   */
  take(signature: string, until: number): boolean;
  /** Forgets one that came to nothing: the sender may send the same request again. */
  release(signature: string): void;
}

/** Only who knows the secret can fill it, so it needs no bound but that of time. */
export function createReplays(clock: () => number): Replays {
  const taken = new Map<string, number>();
  return {
    take(signature, until) {
      for (const [other, end] of taken) if (end < clock()) taken.delete(other);
      if (taken.has(signature)) return false;
      taken.set(signature, until);
      return true;
    },
    release: (signature) => void taken.delete(signature),
  };
}
