import type { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { LineSplitter, readLines } from './lines.ts';
import { LOG_LINE_LIMIT, type Log } from './log.ts';
import { Tail } from './tail.ts';

/** A process that never stops writing does not hold up the switch for longer (ms). */
const SETTLE_MS = 1_000;

/** Copies a process's stderr to one log after another, so that the output of each task lies in the task's own. */
export class StderrLog {
  /** The end of what was written since the last switch. */
  readonly tail = new Tail();
  /** Settles at the end of the stream; rejects when a log cannot be written. */
  readonly reading: Promise<void>;
  readonly #stream: Readable;
  readonly #splitter = new LineSplitter(LOG_LINE_LIMIT);
  #log: Log;
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

  /** Sends what comes from now on to another log. What was written up to now still goes to the one before. */
  async switchTo(log: Log): Promise<void> {
    await this.#settle();
    await this.#write(this.#splitter.flush());
    this.#log = log;
    this.tail.clear();
  }

  async #write(lines: string[]): Promise<void> {
    this.tail.add(lines);
    await this.#log.write(lines);
  }

  /**
   * Waits until everything is read that lies in the pipe. The answer to a task comes through another pipe, and may
   * overtake it: after two turns of the event loop both have been looked at.
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
