import { type FileHandle, open } from 'node:fs/promises';

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
