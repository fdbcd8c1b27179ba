import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { hostname } from 'node:os';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { redact } from '../../config/redaction.ts';
import { truncate } from '../../contracts/text.ts';
import type { Backend } from '../artifacts/index.ts';
import { runFolder, segmentName } from './layout.ts';
import { encodeSegment, type LogOrigin, type LogRecord, type LogState, type Opened } from './records.ts';
import { createMarks, type Mark, type News, PIECE_BYTES, readNews, type Tracked } from './tracked.ts';

/** A log that is being written. */
export interface OpenLog {
  /** Tells that nothing more will be written. */
  close(state: LogState, reason?: string): void;
}

/** Copies what the logs of steps say to the artifact store, behind the back of the steps. */
export interface LogShipper {
  /**
   * Follows a log file from its present end on, or from its beginning; it need not be there yet. Returns at once, and
   * never throws.
   */
  open(origin: LogOrigin, file: string, options?: { fromStart?: boolean }): OpenLog;
  /** Ships what is left, but for no longer than this; the rest is shipped by the next worker of this host. */
  close(limitMs: number): Promise<void>;
}

interface LogShipperOptions {
  backend: Backend;
  /** Remembers which logs are not in the store as a whole. */
  marksFolder: string;
  /** Called when the store cannot be written, and when it can again. */
  onTrouble(cause: Error): void;
  onRecovery(): void;
  /** Time between looks at the logs (ms). */
  intervalMs?: number;
  /** The most that is shipped of one log, but for its end (bytes). */
  limitBytes?: number;
}

/** A reader sees a line after this and the time of a request (ms). */
const INTERVAL_MS = 1_000;
const LIMIT_BYTES = 20 * 1024 * 1024;
/** The most that one object in the store holds (bytes): what is kept in memory. */
const SEGMENT_BYTES = 1024 * 1024;
/** What a record takes besides its text, about (bytes). */
const RECORD_BYTES = 300;
const BACKOFF_MS = { first: 1_000, longest: 30_000 };
/** Longest reason of a failure: it is a line of a table (characters). */
const REASON_LENGTH = 500;

/**
 * Ships logs in segments: one object holds what is new in all logs of one run of a workflow, so that a hundred short
 * trials cost a request a second and not a hundred. One request is made at a time. A segment is never written again:
 * when nobody knows whether it arrived, what it held goes into the next one too, and readers go by the offsets.
 */
export function createLogShipper(options: LogShipperOptions): LogShipper {
  const { backend, marksFolder, onTrouble, onRecovery, intervalMs = INTERVAL_MS, limitBytes = LIMIT_BYTES } = options;
  const marks = createMarks(marksFolder);
  const writer = randomBytes(4).toString('hex');
  /** The logs by the folder of their run. */
  const runs = new Map<string, Set<Tracked>>();
  const givenUp = new AbortController();
  let closing = false;
  let wake = new AbortController();
  let failures = 0;
  let segments = 0;
  let latest = 0;
  const left = marks.left();
  /** Work on marks, in order; none of our own is made before those of others were read. */
  let marking: Promise<unknown> = left.catch(() => undefined);

  function track(mark: Mark, markPath: string): Tracked {
    const { workflowId, runId } = mark.opened;
    const folder = runFolder(workflowId, runId);
    const tracked = { mark, markPath, announced: false, offset: 0, full: false };
    runs.set(folder, (runs.get(folder) ?? new Set()).add(tracked));
    return tracked;
  }

  /** A mark that cannot be written costs a line after a crash, not a step. */
  function remember(work: () => Promise<void>): void {
    marking = marking.then(work).catch(() => undefined);
  }

  async function work(): Promise<void> {
    await adopt().catch(() => undefined);
    while (!givenUp.signal.aborted) {
      // A pass that began before the end may have read a log before its last lines.
      const isLast = closing;
      const more = await pass();
      if (isLast && !more && failures === 0) break;
      if (!more) await pause();
    }
  }

  /** Takes over what dead workers of this host left. */
  async function adopt(): Promise<void> {
    for (const { path, mark } of await left) {
      const { log, file } = mark.opened;
      const status = statSync(file, { throwIfNoEntry: false });
      const size = status?.size ?? 0;
      const at = (status?.mtime ?? new Date()).toISOString();
      const lost = { event: 'closed', log, at, state: 'lost', reason: 'The worker died.', size } as const;
      track({ ...mark, closed: mark.closed ?? lost }, path);
    }
  }

  /** Ships a segment of each run in which there is something new; tells whether there is more at once. */
  async function pass(): Promise<boolean> {
    let more = false;
    for (const [folder, logs] of runs) {
      const batch = await collect(logs);
      if (batch.records.length > 0 && !(await put(folder, batch.records))) return false;
      for (const [tracked, found] of batch.news) settle(folder, tracked, found);
      more ||= batch.more;
    }
    return more;
  }

  async function collect(logs: Set<Tracked>) {
    const news = new Map<Tracked, News>();
    const records: LogRecord[] = [];
    let bytes = 0;
    let more = false;
    for (const tracked of logs) {
      if (bytes + PIECE_BYTES > SEGMENT_BYTES) return { news, records, more: true };
      const found = await readNews(tracked, limitBytes).catch((error: Error) => unreadable(tracked, error));
      news.set(tracked, found);
      records.push(...found.records);
      bytes += found.records.reduce((sum, record) => sum + ('size' in record ? record.size : 0) + RECORD_BYTES, 0);
      more ||= found.more;
    }
    return { news, records, more };
  }

  function settle(folder: string, tracked: Tracked, { shipped, done }: News): void {
    Object.assign(tracked, shipped, { announced: true });
    const logs = runs.get(folder);
    logs?.delete(tracked);
    // To the end of the line: one that writes without pause does not hold up the others.
    if (!done) logs?.add(tracked);
    if (logs?.size === 0) runs.delete(folder);
    if (!done) return;
    remember(() => marks.remove(tracked.markPath));
  }

  async function put(folder: string, records: readonly LogRecord[]): Promise<boolean> {
    segments += 1;
    latest = Math.max(latest, Date.now());
    const body = encodeSegment(records);
    const path = `${folder}/${segmentName({ at: latest, writer, number: segments })}`;
    try {
      await backend.put(path, () => Readable.from([body]), body.byteLength, { signal: givenUp.signal });
    } catch (error) {
      failures += 1;
      if (failures === 1 && !givenUp.signal.aborted) onTrouble(error as Error);
      return false;
    }
    if (failures > 0) onRecovery();
    failures = 0;
    return true;
  }

  async function pause(): Promise<void> {
    const backoff = Math.min(BACKOFF_MS.first * 2 ** (failures - 1), BACKOFF_MS.longest);
    const ms = failures > 0 && !closing ? backoff : Math.min(intervalMs, INTERVAL_MS);
    await delay(ms, undefined, { signal: wake.signal, ref: false }).catch(() => undefined);
    wake = new AbortController();
  }

  const working = work();
  return {
    open(origin, file, { fromStart = false } = {}) {
      const { step, activityId, attempt } = origin;
      const log = `${step}-${activityId}-${attempt}`;
      const at = new Date().toISOString();
      const opened: Opened = { event: 'opened', log, at, host: hostname(), file, ...origin };
      const mark = { opened, base: fromStart ? 0 : sizeOf(file), closed: null };
      const markPath = marks.pathOf(opened);
      const tracked = track(mark, markPath);
      remember(() => marks.set(markPath, mark));
      return {
        close(state, reason = '') {
          const ended = {
            at: new Date().toISOString(),
            state,
            reason: truncate(redact(reason), REASON_LENGTH),
            size: 0,
          };
          tracked.mark = { ...tracked.mark, closed: { event: 'closed', log, ...ended } };
        },
      };
    },

    async close(limitMs) {
      closing = true;
      wake.abort();
      // This timer holds the process, since those of the work do not.
      const limit = new AbortController();
      await Promise.race([working, delay(limitMs, undefined, { signal: limit.signal }).catch(() => undefined)]);
      limit.abort();
      givenUp.abort(new Error('The worker stops.'));
      for (const { markPath, mark } of [...runs.values()].flatMap((logs) => [...logs])) {
        remember(() => marks.set(markPath, mark));
      }
      await marking;
    },
  };
}

/** Size of a file (bytes); 0 for one that is not there or cannot be looked at. */
function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}

/** For those who ship nothing. */
export const NOT_SHIPPED: Pick<LogShipper, 'open'> = { open: () => ({ close: () => undefined }) };

/** A log that cannot be read is given up, and says so. */
function unreadable({ mark: { opened, closed }, offset, full }: Tracked, error: Error): News {
  const at = new Date().toISOString();
  const reason = `Its log cannot be read: ${error.message}`;
  const end = { event: 'closed', log: opened.log, at, state: closed?.state ?? 'lost', reason, size: offset } as const;
  return { records: [opened, end], shipped: { offset, full }, done: true, more: false };
}
