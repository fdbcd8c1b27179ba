import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { z } from 'zod';
import { redact } from '../../config/redaction.ts';
import { parseJson } from '../../contracts/text.ts';
import { placeFile } from '../files.ts';
import { isFolderOfDead, ownFolderName } from '../processes/processTable.ts';
import { Closed, type LogRecord, Opened } from './records.ts';

/** The most that one log adds to a segment (bytes); more than its longest line, so that pieces end where lines do. */
export const PIECE_BYTES = 256 * 1024;
/** How much of the end of a log is shipped although its limit was reached (bytes): failures are there. */
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
 * Reads what is new in a log: whole lines, until it is closed.
 *
 * @param limitBytes the most that is shipped of one log, but for its end
 */
export async function readNews(tracked: Tracked, limitBytes: number): Promise<News> {
  const { opened, base, closed } = tracked.mark;
  const { log, file } = opened;
  const records: LogRecord[] = tracked.announced ? [] : [opened];
  const size = Math.max(0, (await sizeOf(file)) - base);
  const read = (from: number, to: number) => readPart(file, base + from, base + to);
  let { offset, full } = tracked;
  let more = false;
  const take = (at: number, bytes: Buffer) => {
    if (bytes.length > 0)
      records.push({ event: 'text', log, offset: at, size: bytes.length, text: redact(bytes.toString()) });
    offset = at + bytes.length;
  };

  if (!full) {
    const bytes = await read(offset, Math.min(offset + PIECE_BYTES, size));
    const isEnd = closed !== null && offset + bytes.length >= size;
    take(offset, isEnd ? bytes : wholeLines(bytes));
    more = offset > tracked.offset && offset < size;
    if (more && offset >= limitBytes) {
      full = true;
      more = closed !== null;
      records.push({ event: 'full', log, offset });
    }
  } else if (closed) {
    const start = Math.max(offset, size - END_BYTES);
    const bytes = await read(start, size);
    // Where a line was cut, the rest of it is left out.
    const skipped = start > offset ? bytes.indexOf(NEW_LINE) + 1 : 0;
    take(start + skipped, bytes.subarray(skipped));
  }
  const done = closed !== null && !more;
  if (closed && done) records.push({ ...closed, size });
  return { records, shipped: { offset, full }, done, more };
}

/** Size of a file (bytes); 0 for one that is not there. */
async function sizeOf(file: string): Promise<number> {
  const status = await stat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  return status?.size ?? 0;
}

async function readPart(file: string, start: number, end: number): Promise<Buffer> {
  return start < end ? await buffer(createReadStream(file, { start, end: end - 1 })) : Buffer.alloc(0);
}

const NEW_LINE = 0x0a;

/** A line longer than a piece cannot wait for its end. */
function wholeLines(bytes: Buffer): Buffer {
  const end = bytes.lastIndexOf(NEW_LINE) + 1;
  return end === 0 && bytes.length >= PIECE_BYTES ? bytes : bytes.subarray(0, end);
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

/**
 * Marks on the disk, so that a worker ships what one before it could not, because it was killed or MLflow was away.
 *
 * @param folder shared by the workers of one state folder
 */
export function createMarks(folder: string) {
  return {
    /** Where the mark of a log lies. */
    pathOf({ workflowId, runId, log }: Opened): string {
      const name = createHash('sha256').update(`${workflowId}\n${runId}\n${log}`).digest('hex').slice(0, 32);
      return join(folder, ownFolderName(), `${name}.json`);
    },

    async set(path: string, mark: Mark): Promise<void> {
      await placeFile(path, JSON.stringify(mark));
    },

    async remove(path: string): Promise<void> {
      await rm(path, { force: true });
      // The folder goes with its last mark; until then it is not empty.
      await rmdir(dirname(path)).catch(() => undefined);
    },

    /** Marks that dead workers of this host left. */
    async left(): Promise<Array<{ path: string; mark: Mark }>> {
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
