import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';

const QUOTE = 0x22;
const NEWLINE = 0x0a;
/** A header longer than this is none (bytes). */
const HEADER_LIMIT = 1_000_000;

/** A CSV file as a stream of its bytes, unpacked when its name ends in `.gz`. */
function openTable(path: string): Readable {
  const file = createReadStream(path);
  if (!path.endsWith('.gz')) return file;
  const unpacked = createGunzip();
  file.on('error', (error) => unpacked.destroy(error));
  unpacked.on('close', () => file.destroy());
  return file.pipe(unpacked);
}

/** How files begin that hold a table and are no text of one byte or more a character: Parquet, archives, UTF-16. */
const NO_TEXT = ['PAR1', 'PK\x03\x04', 'BZh', '\xfd7zXZ', '\x28\xb5\x2f\xfd', '\x1f\x8b', '\xff\xfe', '\xfe\xff'];

/** Whether lines of the file can be read here; the bundled reader takes more. */
export async function isText(path: string): Promise<boolean> {
  for await (const chunk of openTable(path)) {
    const start = (chunk as Buffer).toString('latin1', 0, 8);
    return !NO_TEXT.some((magic) => start.startsWith(magic));
  }
  return true;
}

/**
 * The names of the columns: the first line, with quotes undone.
 *
 * @param separator what is between cells; default: found from the line
 * @throws the file system's error, or zlib's for a packed file that is broken
 */
export async function columnsOf(path: string, separator?: string): Promise<string[]> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of openTable(path)) {
    bytes = Buffer.concat([bytes, chunk as Buffer]);
    if (bytes.includes(NEWLINE) || bytes.length > HEADER_LIMIT) break;
  }
  return cellsOf(decoded(bytes.subarray(0, bytes.indexOf(NEWLINE) + 1 || bytes.length)), separator);
}

/** The text of a line, which is UTF-8 unless it cannot be: as the bundled steps read it. */
export function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

/** The cells of a line, with quotes undone; by default they are separated by what stands in it most often outside quotes. */
export function cellsOf(line: string, given?: string): string[] {
  const text = line.replace(/^\uFEFF/, '').replace(/\r?\n?$/, '');
  const bare = text.replaceAll(/"[^"]*"/g, '');
  const likely = [',', ';', '\t', '|'].toSorted((a, b) => bare.split(b).length - bare.split(a).length)[0] as string;
  const separator = (given ?? likely).replace(/[\\\]^-]/, '\\$&');
  const cell = new RegExp(`("(?:[^"]|"")*"|[^${separator}]*)([${separator}]|$)`, 'g');
  const cells = [...text.matchAll(cell)].map(([, value = '']) =>
    value.replace(/^"(.*)"$/s, '$1').replaceAll('""', '"'),
  );
  // The pattern also finds the nothing after the last column.
  return cells.slice(0, -1);
}

/**
 * Counts the records below the header; line breaks in quotes are no ends of records.
 *
 * @param limit stops counting there: more is not asked for
 */
export async function countRecords(path: string, limit: number): Promise<number> {
  let records = -1;
  let quoted = false;
  let inRecord = false;
  for await (const chunk of openTable(path)) {
    for (const byte of chunk as Buffer) {
      if (byte === QUOTE) quoted = !quoted;
      if (byte === NEWLINE && !quoted) {
        if (inRecord) records++;
        inRecord = false;
      } else {
        inRecord = true;
      }
    }
    if (records >= limit) return limit;
  }
  return Math.max(0, inRecord ? records + 1 : records);
}

/** The records of a CSV file as they stand in it, the header first; line breaks in quotes are no ends of records. */
export async function* recordsOf(path: string): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  let quoted = false;
  for await (const chunk of openTable(path)) {
    const bytes = chunk as Buffer;
    let start = 0;
    for (const [at, byte] of bytes.entries()) {
      if (byte === QUOTE) quoted = !quoted;
      if (byte !== NEWLINE || quoted) continue;
      yield Buffer.concat([...rest, bytes.subarray(start, at + 1)]);
      [rest, start] = [[], at + 1];
    }
    rest.push(bytes.subarray(start));
  }
  const last = Buffer.concat(rest);
  if (last.length > 0) yield last;
}
