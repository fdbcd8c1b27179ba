import { randomUUID } from 'node:crypto';
import { constants, getPriority, setPriority } from 'node:os';
import { z } from 'zod';
import { StepFailure } from '../../contracts/steps.ts';
import { parseJson } from '../../contracts/text.ts';
import { CommandAborted, commandLine, ProcessDied, ProtocolBroken, StepError } from './errors.ts';
import { type GroupOptions, type ProcessGroup, startGroup, watchLimits } from './group.ts';
import { DEFAULT_GRACE_MS } from './killTree.ts';
import { drain, LineSplitter, type Log, openLog, readLines, StderrLog } from './output.ts';

export interface WarmProcessOptions extends Omit<GroupOptions, 'stdin'> {
  /** Gets what the process writes to stderr while it has no task. */
  logFile: string;
  /** MiB of resident memory. */
  memoryLimitMb: number;
  /** How far it stands back for what people wait for, as the command nice counts; default: 0. */
  niceness?: number;
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

/** A line that a warm process reads from stdin. */
type Request = { id: string; step: string; input: unknown } | { warm: readonly string[] };

const Fields = z.record(z.string(), z.unknown());

/** A line that a warm process writes to stdout: once that it is ready, then what becomes of each task. */
const Message = z.union([
  z.object({ ready: z.literal(true) }),
  z.object({ id: z.string(), progress: Fields }),
  z.object({ id: z.string(), result: Fields }),
  z.object({ id: z.string(), error: StepFailure }),
]);

/** Longest line of a warm process (characters). */
const MESSAGE_LIMIT = 10 * 1024 * 1024;

/** How long a process may take until it is ready: a cold disk and a large virtual environment need their time (ms). */
const START_TIMEOUT_MS = 120_000;

/** The process was gone before it had read the task, so that another one can take it. */
export class NotDelivered extends Error {}

/** Lowers the priority of a process that has just been started; its threads and children inherit it. */
function standBack(pid: number, niceness = 0): void {
  try {
    if (niceness !== 0) setPriority(pid, Math.min(getPriority() + niceness, constants.priority.PRIORITY_LOW));
  } catch {
    // The process has exited already; whoever waits for it reports that.
  }
}

/** One process of a pool: takes one task at a time, and lives until something goes wrong. */
export class WarmProcess {
  /** Aborted as soon as it can take no other task. */
  readonly ended: AbortSignal;
  /** Resolves with the reason when the process and all that it started are gone. */
  readonly gone: Promise<Error>;
  readonly #options: WarmProcessOptions;
  readonly #group: ProcessGroup;
  readonly #idleLog: Log;
  readonly #stderr: StderrLog;
  readonly #reading: Promise<unknown>;
  readonly #ready = Promise.withResolvers<undefined>();
  readonly #end = new AbortController();
  #reason: Error | undefined;
  #task: { id: string; request: TaskRequest; answer: PromiseWithResolvers<unknown> } | undefined;

  /**
   * Starts a process and waits until it says that it is ready.
   *
   * @param closing ends it
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
    standBack(group.pid, options.niceness);
    const started = new WarmProcess(options, closing, group, idleLog);
    const limits = started.#limits(commandLine(options.command), START_TIMEOUT_MS);
    const failure = await Promise.race([started.#ready.promise, started.gone, limits.exceeded]);
    limits.stop();
    if (!failure) return started;
    await started.close();
    throw failure;
  }

  private constructor(options: WarmProcessOptions, closing: AbortSignal, group: ProcessGroup, idleLog: Log) {
    this.#options = options;
    this.#group = group;
    this.#idleLog = idleLog;
    this.ended = this.#end.signal;
    this.#stderr = new StderrLog(group.stderr, idleLog);
    const answers = readLines(group.stdout, new LineSplitter(MESSAGE_LIMIT), async (lines) => {
      for (const line of lines) this.#receive(line);
    });
    this.#reading = Promise.all([answers, this.#stderr.reading]);
    this.#reading.catch((error: Error) => this.#giveUp(error)); // such as a full disk under the log
    this.gone = this.#watchEnd();
    this.gone.catch((error: Error) => this.#task?.answer.reject(error));
    const close = () => this.#giveUp(new CommandAborted(this.#name(), closing.reason));
    closing.addEventListener('abort', close, { signal: this.ended });
    if (closing.aborted) close();
  }

  /** Lets the process import modules while it has nothing else to do. */
  warm(modules: readonly string[]): void {
    this.#send({ warm: modules }).catch(() => {}); // #watchEnd sees its end
  }

  /**
   * Runs one task, and gives its result. When it throws anything but a StepError, the process and all that it started
   * are gone by then.
   *
   * @throws {StepError} the step's own error; the process can take the next task
   * @throws {NotDelivered} the task was not begun
   * @throws {ProcessDied | ProtocolBroken | CommandTimedOut | CommandOutOfMemory | CommandAborted}
   */
  async run(request: TaskRequest): Promise<unknown> {
    const { step, input, timeoutMs, signal } = request;
    const log = await openLog(request.logFile);
    const task = { id: randomUUID(), request, answer: Promise.withResolvers<unknown>() };
    const { promise: answer, reject } = task.answer;
    answer.catch(() => {}); // it may come while the logs are switched
    const limits = this.#limits(`The step ${step}`, timeoutMs, signal);
    try {
      await this.#stderr.switchTo(log);
      this.#task = task;
      this.#send({ id: task.id, step, input }).catch(() => reject(new NotDelivered()));
      limits.exceeded.then(reject);
      if (this.ended.aborted) this.gone.then(reject, reject);
      return await answer;
    } catch (error) {
      if (!(error instanceof StepError)) await this.close();
      throw error;
    } finally {
      limits.stop();
      this.#task = undefined;
      await this.#stderr.switchTo(this.#idleLog).finally(() => log.close());
    }
  }

  /** Kills the process with all that it started; resolves, with the reason of its end, when they are gone. */
  close(): Promise<Error> {
    this.#giveUp(new Error(`${this.#name()} was closed.`));
    return this.gone;
  }

  #limits(what: string, timeoutMs: number, signal?: AbortSignal) {
    const { memoryLimitMb } = this.#options;
    const pids = async () => [this.#group.pid];
    return watchLimits({ what, timeoutMs, memoryLimitMb, pids, ...(signal && { signal }) });
  }

  #send(request: Request): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#group.stdin?.write(`${JSON.stringify(request)}\n`, (error) => (error ? reject(error) : resolve()));
    return promise;
  }

  #receive(line: string): void {
    const message = line.length < MESSAGE_LIMIT ? Message.safeParse(parseJson(line)).data : undefined;
    const task = this.#task;
    if (message && 'ready' in message) this.#ready.resolve(undefined);
    else if (!message || message.id !== task?.id) {
      this.#giveUp(new ProtocolBroken(this.#name(), line, this.#stderr.tail));
    } else if ('progress' in message) task.request.onProgress?.(message.progress);
    else if ('result' in message) task.answer.resolve(message.result);
    else task.answer.reject(new StepError(message.error));
  }

  #giveUp(reason: Error): void {
    this.#reason ??= reason;
    this.#end.abort();
    this.#group.kill(DEFAULT_GRACE_MS).catch(() => {}); // #watchEnd waits for it
  }

  async #watchEnd(): Promise<Error> {
    const exit = await this.#group.exited;
    const reason = this.#reason;
    this.#end.abort();
    await this.#group.kill(DEFAULT_GRACE_MS);
    // Perhaps the answer is still on its way: it counts, although the process is gone.
    await drain([this.#group.stdout, this.#group.stderr], this.#reading);
    await this.#idleLog.close();
    const why = reason ?? new ProcessDied(this.#name(), exit, this.#stderr.tail);
    this.#task?.answer.reject(why);
    return why;
  }

  #name(): string {
    const during = this.#task ? ` during the step ${this.#task.request.step}` : '';
    return `The process ${commandLine(this.#options.command)}${during}`;
  }
}
