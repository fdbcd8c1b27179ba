import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { StepFailure } from '../../contracts/steps.ts';
import { type Deferred, defer } from './deferred.ts';
import { describe, howItEnded, ProcessDied, ProtocolBroken, StepError } from './errors.ts';
import { type GroupOptions, type ProcessGroup, startGroup, watchLimits } from './group.ts';
import { DEFAULT_GRACE_MS } from './killTree.ts';
import { drain, LineSplitter, type Log, openLog, readLines, StderrLog } from './output.ts';

export interface WarmProcessOptions extends Omit<GroupOptions, 'stdin'> {
  /** Gets what the process writes to stderr while it has no task. */
  logFile: string;
  /** MiB of resident memory. */
  memoryLimitMb: number;
}

export interface TaskRequest {
  /** Name of the step, such as `trial`. */
  step: string;
  /** Sent to the step as JSON. */
  input: unknown;
  /** Gets what the process writes to stderr during the task, each line with the time; its folder is made. */
  logFile: string;
  /** How long the task may run; the time in the queue does not count. */
  timeoutMs: number;
  /** Takes the task out of the queue, or kills the process that works on it. */
  signal: AbortSignal;
  onProgress?: (progress: Record<string, unknown>) => void;
}

/** The process was gone before it had read the task, so that another one can take it. */
export class NotDelivered extends Error {}

/** How long a process may take until it is ready: a cold disk and a large virtual environment need their time (ms). */
const START_TIMEOUT_MS = 120_000;

/** One process of a pool: takes one task at a time, and lives until something goes wrong. */
export class WarmProcess {
  /** Aborted as soon as it can take no other task. */
  readonly ended: AbortSignal;
  readonly #options: WarmProcessOptions;
  readonly #closing: AbortSignal;
  readonly #group: ProcessGroup;
  readonly #idleLog: Log;
  readonly #stderr: StderrLog;
  readonly #reading: Promise<unknown>;
  readonly #ready = defer<undefined>();
  readonly #end = new AbortController();
  /** Resolves with the reason when the process and all that it started are gone. */
  readonly #gone: Promise<Error>;
  #reason: Error | undefined;
  #task: { id: string; request: TaskRequest; answer: Deferred<{ result: unknown } | StepError> } | undefined;

  /**
   * Starts a process and waits until it says that it is ready.
   *
   * @param closing aborted when the pool is closed
   * @throws {CommandNotFound | ProcessDied | CommandTimedOut | CommandOutOfMemory | CommandAborted}
   */
  static async start(options: WarmProcessOptions, closing: AbortSignal): Promise<WarmProcess> {
    const idleLog = await openLog(options.logFile);
    let group: ProcessGroup;
    try {
      group = await startGroup({ ...options, stdin: 'pipe' });
    } catch (error) {
      await idleLog.close();
      throw error;
    }
    const started = new WarmProcess(options, closing, group, idleLog);
    const limits = started.#limits(describe(options.command), START_TIMEOUT_MS, [closing]);
    const failure = await Promise.race([started.#ready.promise, started.#gone, limits.exceeded]);
    limits.stop();
    if (!failure) return started;
    await started.close();
    throw failure;
  }

  private constructor(options: WarmProcessOptions, closing: AbortSignal, group: ProcessGroup, idleLog: Log) {
    this.#options = options;
    this.#closing = closing;
    this.#group = group;
    this.#idleLog = idleLog;
    this.ended = this.#end.signal;
    this.#stderr = new StderrLog(group.stderr, idleLog);
    const answers = readLines(group.stdout, new LineSplitter(MESSAGE_LIMIT), async (lines) => {
      for (const line of lines) this.#receive(line);
    });
    this.#reading = Promise.all([answers, this.#stderr.reading]);
    this.#reading.catch((error: Error) => this.#giveUp(error)); // such as a full disk under the log
    this.#gone = this.#watchEnd();
    this.#gone.catch(() => {}); // whoever closes it sees the failure
  }

  /** Lets the process import modules while it has nothing else to do. */
  warm(modules: readonly string[]): void {
    this.#send({ warm: modules }).catch(() => {}); // its end is seen by #watchEnd
  }

  /**
   * Runs one task, and gives its result. Whatever it throws but a StepError or NotDelivered, the process and all that
   * it started are gone by then.
   *
   * @throws {StepError} the step's own error; the process can take the next task
   * @throws {NotDelivered} the task was not begun
   * @throws {ProcessDied | ProtocolBroken | CommandTimedOut | CommandOutOfMemory | CommandAborted}
   */
  async run(request: TaskRequest): Promise<unknown> {
    const log = await openLog(request.logFile);
    const what = `The step ${request.step}`;
    const task = { id: randomUUID(), request, answer: defer<{ result: unknown } | StepError>() };
    try {
      await this.#stderr.switchTo(log);
      this.#task = task;
      const limits = this.#limits(what, request.timeoutMs, [request.signal, this.#closing]);
      const undelivered = new Promise<NotDelivered>((resolve) => {
        const { step, input } = request;
        this.#send({ id: task.id, step, input }).catch(() => resolve(new NotDelivered()));
      });
      const outcome = await Promise.race([task.answer.promise, limits.exceeded, undelivered, this.#gone]);
      limits.stop();
      if (!(outcome instanceof Error)) return outcome.result;
      if (!(outcome instanceof StepError)) await this.close();
      throw outcome;
    } finally {
      this.#task = undefined;
      await this.#stderr.switchTo(this.#idleLog).finally(() => log.close());
    }
  }

  /** Kills the process with all that it started; resolves, with the reason of its end, when they are gone. */
  close(): Promise<Error> {
    this.#giveUp(new Error(`${this.#name()} was closed.`));
    return this.#gone;
  }

  #limits(what: string, timeoutMs: number, signals: AbortSignal[]) {
    const { memoryLimitMb } = this.#options;
    return watchLimits({ what, timeoutMs, memoryLimitMb, signals, pids: async () => [this.#group.pid] });
  }

  #send(request: Request): Promise<void> {
    const { promise, resolve, reject } = defer<void>();
    this.#group.stdin?.write(`${JSON.stringify(request)}\n`, (error) => (error ? reject(error) : resolve()));
    return promise;
  }

  #receive(line: string): void {
    const message = parseMessage(line);
    const task = this.#task;
    if (message?.kind === 'ready') {
      this.#ready.resolve(undefined);
    } else if (!message || message.id !== task?.id) {
      this.#giveUp(new ProtocolBroken(this.#name(), line, this.#stderr.tail.text));
    } else if (message.kind === 'progress') {
      task.request.onProgress?.(message.progress);
    } else {
      task.answer.resolve(message.kind === 'result' ? { result: message.result } : new StepError(message.error));
    }
  }

  #giveUp(reason: Error): void {
    this.#reason ??= reason;
    this.#end.abort();
    this.#group.kill(DEFAULT_GRACE_MS).catch(() => {}); // awaited by #watchEnd
  }

  async #watchEnd(): Promise<Error> {
    const exit = await this.#group.exited;
    const reason = this.#reason;
    this.#end.abort();
    await this.#group.kill(DEFAULT_GRACE_MS);
    // Perhaps the answer is still on its way: it counts, although the process is gone.
    await drain([this.#group.stdout, this.#group.stderr], this.#reading);
    await this.#idleLog.close();
    return reason ?? new ProcessDied(`${this.#name()} ${howItEnded(exit)}`, exit, this.#stderr.tail.text);
  }

  #name(): string {
    const during = this.#task ? ` during the step ${this.#task.request.step}` : '';
    return `The process ${describe(this.#options.command)}${during}`;
  }
}

/** Longest line of a warm process (characters). */
export const MESSAGE_LIMIT = 10 * 1024 * 1024;

const Fields = z.record(z.string(), z.unknown());

/** A line that a warm process writes to stdout: once that it is ready, then what becomes of each task. */
const Message = z.union([
  z.object({ ready: z.literal(true) }).transform(() => ({ kind: 'ready' as const })),
  z
    .object({ id: z.string(), progress: Fields })
    .transform(({ id, progress }) => ({ kind: 'progress' as const, id, progress })),
  z.object({ id: z.string(), result: Fields }).transform(({ id, result }) => ({ kind: 'result' as const, id, result })),
  z
    .object({ id: z.string(), error: StepFailure })
    .transform(({ id, error }) => ({ kind: 'error' as const, id, error })),
]);
export type Message = z.infer<typeof Message>;

/** A line that a warm process reads from stdin. */
export type Request = { id: string; step: string; input: unknown } | { warm: readonly string[] };

/** Reads one line; undefined when it is not part of the protocol. */
export function parseMessage(line: string): Message | undefined {
  if (line.length >= MESSAGE_LIMIT) return undefined;
  try {
    return Message.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
