import { createHash } from 'node:crypto';
import { type FileHandle, open, readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../contracts/text.ts';
import { placeFile } from '../files.ts';
import { isFolderOfDead, ownFolderName } from '../processes/processTable.ts';
import { Closed, type LogRecord, Opened } from './records.ts';

/** The most that one log adds to a segment (bytes); more than its longest line, so that pieces end where lines do. */
export const PIECE_BYTES = 256 * 1024;
/** How much of the end of a log is shipped although its limit was reached (bytes): that is where failures are told. */
const END_BYTES = 64 * 1024;

/** A log, and how much of it is in the store. */
export interface Tracked {
  mark: Mark;
  markPath: string;
  /** Whether the store knows of it. */
  announced: boolean;
  /** Bytes of it that are in the store. */
  offset: number;
  /** The limit was reached. */
  full: boolean;
}

/** What is new in a log, and what holds once that is in the store. */
export interface News {
  records: LogRecord[];
  shipped: Pick<Tracked, 'offset' | 'full'>;
  /** The log is in the store as a whole. */
  done: boolean;
  /** There is more to read at once. */
  more: boolean;
}

/**
 * Reads what is new in a log.
 *
 * @param limitBytes the most that is shipped of one log, but for its end
 */
export async function readNews({ mark, announced, ...known }: Tracked, limitBytes: number): Promise<News> {
  const { opened, base, closed } = mark;
  const { log, file } = opened;
  const records: LogRecord[] = announced ? [] : [opened];
  let { offset, full } = known;
  let more = false;
  let size = 0;
  const take = (piece: { offset: number; bytes: Buffer; size: number }) => {
    const { bytes } = piece;
    const at = piece.offset - base;
    size = Math.max(0, piece.size - base);
    if (bytes.length > 0) records.push({ event: 'text', log, offset: at, size: bytes.length, text: bytes.toString() });
    offset = at + bytes.length;
  };

  if (!full) {
    take(await readFrom(file, { offset: base + offset, limit: PIECE_BYTES, complete: closed !== null }));
    more = offset > known.offset && offset < size;
    if (more && offset >= limitBytes) {
      full = true;
      more = closed !== null;
      records.push({ event: 'full', log, offset });
    }
  } else if (closed) {
    take(await readEnd(file, { from: base + offset, limit: END_BYTES }));
  }
  const done = closed !== null && !more;
  if (closed && done) records.push({ ...closed, size });
  return { records, shipped: { offset, full }, done, more };
}

/** Part of a log file. */
export interface Piece {
  offset: number;
  bytes: Buffer;
}

/**
 * What stands in a log file from an offset on: whole lines, unless the file is `complete`.
 *
 * @param limit the most that is read (bytes)
 * @returns the size of the file too; 0 when there is none
 */
export async function readFrom(
  file: string,
  { offset, limit, complete }: { offset: number; limit: number; complete: boolean },
): Promise<Piece & { size: number }> {
  return await withFile(file, { offset, bytes: Buffer.alloc(0), size: 0 }, async (handle, size) => {
    const bytes = await readAt(handle, offset, Math.min(limit, size - offset));
    const isEnd = complete && offset + bytes.length >= size;
    return { offset, bytes: isEnd ? bytes : wholeLines(bytes, limit), size };
  });
}

/** The last lines of a log file, `limit` bytes at most and none from before the offset. */
export async function readEnd(
  file: string,
  { from, limit }: { from: number; limit: number },
): Promise<Piece & { size: number }> {
  return await withFile(file, { offset: from, bytes: Buffer.alloc(0), size: 0 }, async (handle, size) => {
    const start = Math.max(from, size - limit);
    const bytes = await readAt(handle, start, size - start);
    // Where a line was cut, the rest of it is left out.
    const skipped = start > from ? bytes.indexOf(NEW_LINE) + 1 : 0;
    return { offset: start + skipped, bytes: bytes.subarray(skipped), size };
  });
}

const NEW_LINE = 0x0a;

/** A line longer than the limit cannot wait for its end. */
function wholeLines(bytes: Buffer, limit: number): Buffer {
  const end = bytes.lastIndexOf(NEW_LINE) + 1;
  return end === 0 && bytes.length >= limit ? bytes : bytes.subarray(0, end);
}

async function withFile<Value>(
  file: string,
  absent: Value,
  body: (handle: FileHandle, size: number) => Promise<Value>,
): Promise<Value> {
  let handle: FileHandle;
  try {
    handle = await open(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return absent;
    throw error;
  }
  try {
    return await body(handle, (await handle.stat()).size);
  } finally {
    await handle.close();
  }
}

async function readAt(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(Math.max(0, length));
  let read = 0;
  while (read < buffer.length) {
    const { bytesRead } = await handle.read(buffer, read, buffer.length - read, offset + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return buffer.subarray(0, read);
}

const Mark = z.object({
  opened: Opened,
  /** Bytes of the file that are of an earlier log. */
  base: z.number().int().nonnegative(),
  /** Null: it was open when this was written. */
  closed: Closed.nullable(),
});
/** Remembers a log that is not in the store as a whole. */
export type Mark = z.infer<typeof Mark>;

/** Marks on the disk, so that a worker ships what one before it could not, because it was killed or MLflow was away. */
export interface Marks {
  /** Where the mark of a log lies. */
  pathOf(opened: Opened): string;
  set(path: string, mark: Mark): Promise<void>;
  remove(path: string): Promise<void>;
  /** Marks that dead workers of this host left. */
  left(): Promise<Array<{ path: string; mark: Mark }>>;
}

/** @param folder shared by the workers of one state folder */
export function createMarks(folder: string): Marks {
  return {
    pathOf({ workflowId, runId, log }) {
      const name = createHash('sha256').update(`${workflowId}\n${runId}\n${log}`).digest('hex').slice(0, 32);
      return join(folder, ownFolderName(), `${name}.json`);
    },

    async set(path, mark) {
      await placeFile(path, JSON.stringify(mark));
    },

    async remove(path) {
      await rm(path, { force: true });
      // The folder goes with its last mark; until then it is not empty.
      await rmdir(dirname(path)).catch(() => undefined);
    },

    async left() {
      const folders = (await readdir(folder).catch(() => [])).filter(isFolderOfDead);
      const found = await Promise.all(folders.map((name) => marksIn(join(folder, name))));
      return found.flat();
    },
  };
}

async function marksIn(folder: string): Promise<Array<{ path: string; mark: Mark }>> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json'));
  const marks = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      const mark = Mark.safeParse(parseJson(await readFile(path, 'utf8').catch(() => '')));
      return mark.success ? { path, mark: mark.data } : [];
    }),
  );
  return marks.flat();
}
