import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Cuts text that comes in pieces into lines. A carriage return ends a line too: progress bars use it.
 * A line that reaches the limit is given out in pieces of about that length, so memory stays bounded.
 */
export class LineSplitter {
  readonly #limit: number;
  #pieces: string[] = [];
  #length = 0;
  #afterReturn = false;

  /** @param limit longest line (characters) */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The lines that are complete now. */
  push(text: string): string[] {
    if (text === '') return [];
    const rest = this.#afterReturn && text.startsWith('\n') ? text.slice(1) : text;
    this.#afterReturn = text.endsWith('\r');
    const [first = '', ...others] = rest.split(/\r\n|[\r\n]/);
    if (others.length === 0) {
      this.#keep(first);
      return this.#length < this.#limit ? [] : [this.#take()];
    }
    this.#keep(first);
    const last = others.pop() ?? '';
    const lines = [this.#take(), ...others];
    this.#keep(last);
    return lines;
  }

  /** What came after the last end of a line, if anything. */
  flush(): string[] {
    return this.#length > 0 ? [this.#take()] : [];
  }

  #keep(piece: string): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  #take(): string {
    const line = this.#pieces.join('');
    this.#pieces = [];
    this.#length = 0;
    return line;
  }
}

/**
 * Reads a stream to its end, line by line, and no faster than the lines are taken.
 *
 * @param take gets the lines that each piece completed, perhaps none; its failure ends the reading
 */
export async function readLines(
  stream: Readable,
  splitter: LineSplitter,
  take: (lines: string[]) => Promise<void>,
): Promise<void> {
  stream.setEncoding('utf8');
  try {
    for await (const text of stream) {
      await take(splitter.push(text));
    }
  } catch (error) {
    // Destroyed from here, because a process that escaped holds it open.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
  await take(splitter.flush());
}

/** How long the rest of an output is waited for when all processes are gone that should write it (ms). */
const DRAIN_MS = 2_000;

/** Waits for the end of the reading, but not for ever: a process that escaped may hold the streams open. */
export async function drain(streams: readonly Readable[], reading: Promise<unknown>): Promise<void> {
  const settled = reading.catch(() => {}); // whoever started the reading looks at its failure
  const timer = new AbortController();
  await Promise.race([settled, delay(DRAIN_MS, undefined, { signal: timer.signal }).catch(() => {})]);
  timer.abort();
  for (const stream of streams) stream.destroy();
  await settled;
}
