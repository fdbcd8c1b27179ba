import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { inert } from '../../config/printable.ts';
import { redact } from '../../config/redaction.ts';
import { truncate } from '../../contracts/text.ts';

/**
 * Cuts text that comes in pieces into lines. A carriage return ends a line too: progress bars use it.
 * A line that reaches the limit is given out in pieces of about that length, so memory stays bounded.
 * (execa's own lines end at line feeds alone, and have no limit.)
 */
export class LineSplitter {
  readonly #limit: number;
  #rest = '';
  #afterReturn = false;

  /** @param limit longest line (characters) */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The lines that are complete now. */
  push(text: string): string[] {
    if (text === '') return [];
    const added = this.#afterReturn && text.startsWith('\n') ? text.slice(1) : text;
    this.#afterReturn = text.endsWith('\r');
    const [first = '', ...others] = added.split(/\r\n|[\r\n]/);
    const lines = [this.#rest + first, ...others];
    this.#rest = lines.pop() ?? '';
    return this.#rest.length < this.#limit ? lines : [...lines, ...this.flush()];
  }

  /** What came after the last end of a line, if anything. */
  flush(): string[] {
    const rest = this.#rest;
    this.#rest = '';
    return rest === '' ? [] : [rest];
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
    for await (const text of stream) await take(splitter.push(text));
  } catch (error) {
    // `drain` destroyed it, because a process that escaped holds it open.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  }
  await take(splitter.flush());
}

/** How long to wait for the rest of an output when all processes are gone that should write it (ms). */
const DRAIN_MS = 2_000;

/** Waits for the end of the reading, but not forever: a process that escaped may hold the streams open. */
export async function drain(streams: readonly Readable[], reading: Promise<unknown>): Promise<void> {
  const settled = reading.catch(() => {}); // whoever started the reading handles its failure
  await Promise.race([settled, delay(DRAIN_MS, undefined, { ref: false })]);
  for (const stream of streams) stream.destroy();
  await settled;
}

/** How much of an output is kept for messages (characters). */
const TAIL_LIMIT = 2_000;

/** Keeps the end of an output, and the exception of its last traceback, which other output may follow. */
export class Tail {
  /** Python's last exception, the line with its type and message; empty: none. */
  exception = '';
  #end = '';
  #inTraceback = false;

  add(lines: readonly string[]): void {
    for (const line of lines) this.#lookForException(line);
    // No more lines than characters can matter: a flood comes in pieces of many thousand lines.
    const added = lines
      .slice(-TAIL_LIMIT)
      .map((line) => `${line.length > TAIL_LIMIT ? truncate(line, TAIL_LIMIT) : line}\n`);
    this.#end = (this.#end + added.join('')).slice(-TAIL_LIMIT * 2);
  }

  /** About the last 2,000 characters, in whole lines. An exception that is not their last line is repeated after them. */
  get text(): string {
    const end = this.#end.trimEnd();
    const from = end.length <= TAIL_LIMIT ? 0 : end.indexOf('\n', end.length - TAIL_LIMIT) + 1;
    const isLast = end.endsWith(`\n${this.exception}`);
    // It becomes part of messages, which may be shown on a terminal by others than us.
    return inert(`${end.slice(from)}${this.exception && !isLast ? `\nIts last exception: ${this.exception}` : ''}`);
  }

  #lookForException(line: string): void {
    if (line.startsWith('Traceback (most recent call last)')) this.#inTraceback = true;
    else if (this.#inTraceback && /^\S/.test(line)) {
      this.#inTraceback = false;
      this.exception = truncate(line.trimEnd(), TAIL_LIMIT);
    }
  }
}

/** A log file that is open. */
export interface Log {
  /** Appends the lines, each with the time and without secrets; resolves when the system has them, so that they survive this process. */
  write(lines: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** Longest line of a log (characters): a longer one goes on in the next line. */
export const LOG_LINE_LIMIT = 64 * 1024;

/** Opens a log for appending, and makes its folder when it is missing. */
export async function openLog(path: string): Promise<Log> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'a');
  return {
    write: async (lines) => {
      if (lines.length === 0) return;
      const now = new Date().toISOString();
      await file.appendFile(lines.map((line) => `${now} ${redact(line)}\n`).join(''));
    },
    close: () => file.close(),
  };
}

/** A process that never stops writing does not hold up the switch for longer (ms). */
const SETTLE_MS = 1_000;

/** Copies a process's stderr to one log after another, so that each task's output is in the task's own log. */
export class StderrLog {
  /** Settles at the end of the stream; rejects when a log cannot be written. */
  readonly reading: Promise<void>;
  readonly #stream: Readable;
  readonly #splitter = new LineSplitter(LOG_LINE_LIMIT);
  #log: Log;
  #tail = new Tail();
  #pieces = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(stream: Readable, log: Log) {
    this.#stream = stream;
    this.#log = log;
    this.reading = readLines(stream, this.#splitter, (lines) => {
      this.#pieces++;
      this.#writing = this.#write(lines);
      return this.#writing;
    });
  }

  /** The end of what was written since the last switch. */
  get tail(): string {
    return this.#tail.text;
  }

  /** Sends what comes from now on to another log. What was written up to now still goes to the one before. */
  async switchTo(log: Log): Promise<void> {
    await this.#settle();
    await this.#write(this.#splitter.flush());
    this.#log = log;
    this.#tail = new Tail();
  }

  async #write(lines: string[]): Promise<void> {
    this.#tail.add(lines);
    await this.#log.write(lines);
  }

  /**
   * Waits until everything in the pipe is read. The answer to a task comes through another pipe, and may overtake it:
   * after two turns of the event loop both have been read.
   */
  async #settle(): Promise<void> {
    const deadline = performance.now() + SETTLE_MS;
    let before: number;
    do {
      before = this.#pieces;
      await this.#writing;
      await turn();
      await turn();
    } while ((before !== this.#pieces || this.#stream.readableLength > 0) && performance.now() < deadline);
  }
}
