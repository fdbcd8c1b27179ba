interface Holder {
  pid: number;
  /** When it took the lock (ISO 8601). */
  since: string;
}

interface Held {
  /** The one who had it before died without releasing it. */
  afterCrash: boolean;
  release(): void;
}

export function tryLock(folder: string): Held | { holder: Holder };
export function lock(folder: string, onWait: (holder: Holder) => void): Promise<Held>;
