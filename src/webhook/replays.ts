import { appendFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Logger } from 'pino';

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

interface Options {
  /** Unix time (ms). */
  clock: () => number;
  /** Where accepted requests are kept across restarts; absent: nowhere. */
  file?: string | undefined;
  log: Logger;
}

/** Lines beyond twice the requests that still count, from which on the file is written again without the others. */
const STALE_LINES = 1_000;

/**
 * Only who knows the secret can fill it, so it needs no bound but that of time.
 *
 * A request is on file before it is answered: after `kill -9` a replay is refused too. When the file cannot be read or
 * written, requests are taken all the same, since an alert that is lost costs more than one that comes twice: its key
 * still counts once for the steward. Replays are then refused until this process ends.
 */
export function createReplays({ clock, file, log }: Options): Replays {
  const pending = new Map<string, Promise<object>>();
  const accepted = new Map<string, number>();
  let lines = 0;
  let failing = false;

  const forgetOld = () => {
    for (const [signature, end] of accepted) if (end < clock()) accepted.delete(signature);
  };
  /** Writes those that count, in place of the file. */
  const compact = (path: string) => {
    const draft = `${path}.draft`;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(draft, [...accepted].map(([signature, end]) => lineOf(signature, end)).join(''), { mode: 0o600 });
    renameSync(draft, path);
    lines = accepted.size;
  };
  const onFile = (write: (path: string) => void) => {
    if (file === undefined) return;
    try {
      write(file);
      failing = false;
    } catch (error) {
      if (!failing) log.warn({ err: error, file }, 'replays are refused only until this process ends: no file of them');
      failing = true;
    }
  };
  const note = (signature: string, until: number) => {
    accepted.set(signature, until);
    lines += 1;
    onFile((path) => {
      // After a failure the file lacks more than this one.
      if (failing || lines > 2 * accepted.size + STALE_LINES) compact(path);
      else appendFileSync(path, lineOf(signature, until), { mode: 0o600 });
    });
  };

  onFile((path) => {
    for (const [signature, until] of readLines(path)) accepted.set(signature, until);
    forgetOld();
    compact(path);
  });

  return {
    async once(signature, until, accept) {
      forgetOld();
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
        note(signature, until);
        return result;
      } finally {
        pending.delete(signature);
      }
    },
  };
}

/** A line begins with the line feed, so that half a line, as a full disk leaves it, spoils no other. */
const lineOf = (signature: string, until: number) => `\n${until} ${signature}`;

function readLines(file: string): Array<[string, number]> {
  try {
    const found = readFileSync(file, 'utf8').matchAll(/^(\d+) (sha256=[0-9a-f]{64})$/gm);
    return [...found].map(([, until, signature]) => [signature as string, Number(until)]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
