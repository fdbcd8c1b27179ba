import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { ArtifactMissing, type Backend } from '../artifacts/index.ts';
import { isRunFolder, parseSegmentName, workflowFolder } from './layout.ts';
import { decodeSegment, type LogRecord, type LogState, type Opened, type Text } from './records.ts';

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

/** A segment by its folder, that of a run of a workflow, and its name. */
interface Segment {
  folder: string;
  name: string;
}

export function createLogReader(backend: Backend, workflowId: string): LogReader {
  const known = new Map<string, Known>();
  /** How often each segment was read in vain; whole ones have infinity. */
  const readings = new Map<string, number>();
  const readingsOf = (segment: Segment) => readings.get(pathOf(segment)) ?? 0;

  async function* news(signal: AbortSignal): AsyncGenerator<LogEvent> {
    const segments = (await segmentsBelow(workflowFolder(workflowId), signal))
      .filter((segment) => readingsOf(segment) < READINGS)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const read = Readable.from(segments).map((segment: Segment) => readSegment(segment, signal), {
      concurrency: CONCURRENCY,
      signal,
    });
    for await (const { segment, records } of read as AsyncIterable<Awaited<ReturnType<typeof readSegment>>>) {
      readings.set(pathOf(segment), records ? Number.POSITIVE_INFINITY : readingsOf(segment) + 1);
      for (const record of records ?? []) yield* learn(segment.folder, record);
    }
  }

  async function segmentsBelow(folder: string, signal: AbortSignal): Promise<Segment[]> {
    const folders = (await backend.list(folder, { signal })).filter(({ isDirectory }) => isDirectory);
    const nested = await Promise.all(
      folders.map(async ({ name }) => {
        const path = `${folder}/${name}`;
        return isRunFolder(name) ? await segmentsIn(path, signal) : await segmentsBelow(path, signal);
      }),
    );
    return nested.flat();
  }

  async function segmentsIn(folder: string, signal: AbortSignal): Promise<Segment[]> {
    const listed = await backend.list(folder, { signal });
    return listed.flatMap(({ name }) => (parseSegmentName(name) ? [{ folder, name }] : []));
  }

  async function readSegment(segment: Segment, signal: AbortSignal) {
    try {
      return { segment, records: decodeSegment(await backend.get(pathOf(segment), text, { signal })) };
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
      // A worker that takes over announces it a second time.
      if (found) return;
      const { event: _, log: __, at: startedAt, ...origin } = record;
      const entry: LogEntry = { ...origin, id, startedAt, state: 'running', reason: '', endedAt: null, size: 0 };
      known.set(id, { entry, next: 0 });
      yield { kind: 'opened', entry };
    } else if (found && record.event === 'text') {
      yield* learnText(found, record);
    } else if (found && record.event === 'full') {
      yield { kind: 'leftOut', entry: found.entry, bytes: null };
    } else if (found && record.event === 'closed' && found.entry.endedAt === null) {
      const { at: endedAt, state, reason, size } = record;
      Object.assign(found.entry, { endedAt, state, reason, size });
      yield { kind: 'closed', entry: found.entry };
    }
  }

  return {
    news,
    entries: () => {
      const entries = [...known.values()].map(({ entry }) => entry);
      return entries.sort(byStart).map((entry) => (isLost(entry, entries) ? { ...entry, ...LOST } : entry));
    },
  };
}

const pathOf = ({ folder, name }: Segment) => `${folder}/${name}`;

/** What was given out before is not given out a second time, whoever shipped it twice. */
function* learnText(found: Known, { offset, size, text }: Text): Generator<LogEvent> {
  const { entry, next } = found;
  const end = offset + size;
  if (end <= next) return;
  if (offset > next) yield { kind: 'leftOut', entry, bytes: offset - next };
  const fresh = Buffer.from(text)
    .subarray(Math.max(0, next - offset))
    .toString();
  found.next = end;
  entry.size = Math.max(entry.size, end);
  yield { kind: 'lines', entry, lines: fresh.replace(/\n$/, '').split('\n') };
}

function byStart(a: LogEntry, b: LogEntry): number {
  return a.startedAt < b.startedAt ? -1 : a.startedAt > b.startedAt ? 1 : a.id < b.id ? -1 : 1;
}

const LOST = { state: 'lost', reason: 'The worker died.' } as const;

/** An attempt that never ended, and was followed by another one, is one whose worker died. */
function isLost({ state, runId, step, activityId, attempt }: LogEntry, all: readonly LogEntry[]): boolean {
  const isLater = (other: LogEntry) =>
    other.runId === runId && other.step === step && other.activityId === activityId && other.attempt > attempt;
  return state === 'running' && all.some(isLater);
}
