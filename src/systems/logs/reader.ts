import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { ArtifactMissing, type Backend } from '../artifacts/index.ts';
import { isRunFolder, parseSegmentName, workflowFolder } from './layout.ts';
import { type Closed, decodeSegment, type LogRecord, type LogState, type Opened, type Text } from './records.ts';

/** An attempt of a step, as far as the store knows of it. */
export interface LogEntry extends Omit<Opened, 'event' | 'log' | 'at'> {
  /** Names it among all. */
  id: string;
  startedAt: string;
  /** `running` as long as nothing else is known. */
  state: LogState | 'running';
  /** Why it did not complete; empty: it did, or it runs. */
  reason: string;
  endedAt: string | null;
  /** Size of the log (bytes): of the whole on its host once it has ended, of what is in the store before. */
  size: number;
}

/** What a reader learns of a log, in order. */
export type LogEvent =
  | { kind: 'opened' | 'closed'; entry: LogEntry }
  | { kind: 'lines'; entry: LogEntry; lines: string[] }
  /** Bytes that are on the host only; null: nobody knows yet how many. */
  | { kind: 'leftOut'; entry: LogEntry; bytes: number | null };

/** Reads the logs of a workflow, and of all workflows below its id, from the artifact store. */
export interface LogReader {
  /** What is new since the last call, from the oldest on. */
  news(signal: AbortSignal): AsyncGenerator<LogEvent>;
  /** All that is known of by now, in order of their start. */
  entries(): LogEntry[];
}

/** Segments read at once. */
const CONCURRENCY = 4;
/** A segment that is not whole when it is read so often was left by a request that broke off. */
const READINGS = 5;

interface Known {
  entry: LogEntry;
  /** Bytes that have been given out, or passed over. */
  next: number;
}

interface Segment {
  path: string;
  /** Folder of the run of the workflow. */
  folder: string;
  /** Compares as the segments were written. */
  order: string;
}

export function createLogReader(backend: Backend, workflowId: string): LogReader {
  const known = new Map<string, Known>();
  /** How often each segment was read in vain; whole ones have infinity. */
  const readings = new Map<string, number>();

  async function* news(signal: AbortSignal): AsyncGenerator<LogEvent> {
    const segments = (await segmentsBelow(workflowFolder(workflowId), signal)).filter(
      ({ path }) => (readings.get(path) ?? 0) < READINGS,
    );
    segments.sort((a, b) => (a.order < b.order ? -1 : 1));
    const read = Readable.from(segments).map((segment: Segment) => readSegment(segment, signal), {
      concurrency: CONCURRENCY,
      signal,
    });
    for await (const { segment, records } of read as AsyncIterable<Awaited<ReturnType<typeof readSegment>>>) {
      readings.set(segment.path, records ? Number.POSITIVE_INFINITY : (readings.get(segment.path) ?? 0) + 1);
      for (const record of records ?? []) yield* learn(segment.folder, record);
    }
  }

  async function segmentsBelow(folder: string, signal: AbortSignal): Promise<Segment[]> {
    const listed = await backend.list(folder, { signal });
    const folders = listed.filter(({ isDirectory }) => isDirectory);
    const nested = await Promise.all(
      folders.map(async ({ name }) => {
        const path = `${folder}/${name}`;
        return isRunFolder(name) ? segmentsIn(path, await backend.list(path, { signal })) : segmentsBelow(path, signal);
      }),
    );
    return nested.flat();
  }

  async function readSegment(segment: Segment, signal: AbortSignal) {
    try {
      return { segment, records: decodeSegment(await backend.get(segment.path, text, { signal })) };
    } catch (error) {
      // Removed since it was listed, because it is old.
      if (error instanceof ArtifactMissing) return { segment, records: [] };
      throw error;
    }
  }

  function* learn(folder: string, record: LogRecord): Generator<LogEvent> {
    const id = `${folder}/${record.log}`;
    const found = known.get(id);
    if (record.event === 'opened') {
      // Announced again by a worker that took over.
      if (found) return;
      const entry = entryOf(id, record);
      known.set(id, { entry, next: 0 });
      yield { kind: 'opened', entry };
    } else if (found && record.event === 'text') {
      yield* learnText(found, record);
    } else if (found && record.event === 'full') {
      yield { kind: 'leftOut', entry: found.entry, bytes: null };
    } else if (found && record.event === 'closed' && found.entry.endedAt === null) {
      end(found.entry, record);
      yield { kind: 'closed', entry: found.entry };
    }
  }

  return {
    news,
    entries: () =>
      [...known.values()]
        .map(({ entry }) => entry)
        .sort(byStart)
        .map(judged),
  };
}

function segmentsIn(folder: string, listed: ReadonlyArray<{ name: string }>): Segment[] {
  return listed.flatMap(({ name }) => {
    const segment = parseSegmentName(name);
    if (!segment) return [];
    const order = `${segment.at} ${segment.writer} ${String(segment.number).padStart(9, '0')}`;
    return [{ path: `${folder}/${name}`, folder, order }];
  });
}

function entryOf(id: string, { event: _, log: __, at, ...origin }: Opened): LogEntry {
  return { ...origin, id, startedAt: at, state: 'running', reason: '', endedAt: null, size: 0 };
}

/** What was given out before is not given out again, whoever shipped it twice. */
function* learnText(found: Known, { offset, size, text }: Text): Generator<LogEvent> {
  const { entry, next } = found;
  const end = offset + size;
  if (end <= next) return;
  if (offset > next) yield { kind: 'leftOut', entry, bytes: offset - next };
  const fresh =
    offset < next
      ? Buffer.from(text)
          .subarray(next - offset)
          .toString()
      : text;
  found.next = end;
  entry.size = Math.max(entry.size, end);
  yield { kind: 'lines', entry, lines: fresh.replace(/\n$/, '').split('\n') };
}

function end(entry: LogEntry, { at, state, reason, size }: Closed): void {
  Object.assign(entry, { endedAt: at, state, reason, size });
}

function byStart(a: LogEntry, b: LogEntry): number {
  return a.startedAt < b.startedAt ? -1 : a.startedAt > b.startedAt ? 1 : a.id < b.id ? -1 : 1;
}

/** An attempt that never ended, and was followed by another one, is one whose worker died. */
function judged(entry: LogEntry, _index: number, all: readonly LogEntry[]): LogEntry {
  const isLost = entry.state === 'running' && all.some((other) => isLaterAttempt(other, entry));
  return isLost ? { ...entry, state: 'lost', reason: 'The worker died.' } : entry;
}

function isLaterAttempt(one: LogEntry, other: LogEntry): boolean {
  return (
    one.runId === other.runId &&
    one.step === other.step &&
    one.activityId === other.activityId &&
    one.attempt > other.attempt
  );
}
