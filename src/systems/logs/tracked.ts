import { readEnd, readFrom } from './localFile.ts';
import type { Mark } from './marks.ts';
import type { LogRecord } from './records.ts';

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
