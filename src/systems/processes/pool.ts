import { setTimeout as delay } from 'node:timers/promises';
import { type Deferred, defer } from './deferred.ts';
import { CommandAborted, ProcessDidNotStart } from './errors.ts';
import { NotDelivered, type TaskRequest, WarmProcess, type WarmProcessOptions } from './warmProcess.ts';

export interface PoolOptions extends WarmProcessOptions {
  /** Processes that run at once. */
  size: number;
  /** Modules that each process imports as soon as it has nothing else to do. */
  warm?: readonly string[];
  /** Tasks after which a process is replaced; absent: never. */
  maxTasksPerProcess?: number;
}

export interface Pool {
  /**
   * Runs a step in the next free process, first come, first served, and gives its result.
   *
   * After any of these errors but StepError, the process and all that it started are gone, and a new one takes its place.
   *
   * @throws {StepError} the step answered with an error of its own
   * @throws {ProcessDied} the process ended, or (ProtocolBroken) wrote what is not an answer
   * @throws {ProcessDidNotStart} no process of the pool can be started; the task was not begun
   * @throws {CommandTimedOut | CommandOutOfMemory | CommandAborted}
   */
  run(request: TaskRequest): Promise<unknown>;
  /** `size` processes in all, of which `busy` work on a task, while `waiting` tasks have none. */
  stats(): { size: number; busy: number; waiting: number };
  /** Aborts all tasks, and resolves when no process is left. */
  close(): Promise<void>;
}

interface Task extends Deferred<unknown> {
  request: TaskRequest;
}

/** One place for a process, and how often in a row one ended here before it had taken a task. */
interface Slot {
  failures: number;
}

/** When every slot failed so often in a row, waiting tasks are refused. */
const FAILURES_LIMIT = 3;

/** Pause after the second failure in a row, doubled with each one more (ms). */
const BACKOFF_MS = { first: 200, longest: 10_000 };

/** A process that lived so long without a task did not fail (ms). */
const STABLE_MS = 10_000;

/**
 * Starts processes that speak the step protocol (one line of JSON for each task; progress and the result as lines) and
 * keeps them: one that dies, exceeds a limit or breaks the protocol is replaced at once. One that cannot be started is
 * tried again after growing pauses.
 */
export function createPool(options: PoolOptions): Pool {
  const { size, warm = [], maxTasksPerProcess = Number.POSITIVE_INFINITY } = options;
  const queue = new TaskQueue<Task>();
  const closing = new AbortController();
  const slots: Slot[] = Array.from({ length: size }, () => ({ failures: 0 }));
  let busy = 0;
  const kept = Promise.all(slots.map(keep));

  async function keep(slot: Slot): Promise<void> {
    while (!closing.signal.aborted) {
      const failure = await live().catch((error: Error) => error);
      slot.failures = failure ? slot.failures + 1 : 0;
      if (failure && slots.every(({ failures }) => failures >= FAILURES_LIMIT)) refuse(slot.failures, failure);
      await pause(slot.failures);
    }
  }

  /** One process from its start to its end; gives the reason of the end when it had been of no use. */
  async function live(): Promise<Error | undefined> {
    const startedAt = performance.now();
    const process = await WarmProcess.start(options, closing.signal);
    const begun = await serve(process);
    const reason = await process.close();
    return begun > 0 || performance.now() - startedAt > STABLE_MS ? undefined : reason;
  }

  /** Gives tasks to a process until it has to be replaced; tells how many it began. */
  async function serve(process: WarmProcess): Promise<number> {
    const leave = () => process.close();
    closing.signal.addEventListener('abort', leave);
    let begun = 0;
    let warmed = warm.length === 0;
    while (begun < maxTasksPerProcess && !closing.signal.aborted) {
      if (!warmed && queue.waiting === 0) {
        process.warm(warm);
        warmed = true;
      }
      const task = await queue.take(process.ended);
      if (!task || !(await perform(task, process))) break;
      begun++;
    }
    closing.signal.removeEventListener('abort', leave);
    return begun;
  }

  /** Settles the task, or puts it back when the process was gone before it had begun. */
  async function perform(task: Task, process: WarmProcess): Promise<boolean> {
    busy++;
    try {
      task.resolve(await process.run(task.request));
      return true;
    } catch (error) {
      if (!(error instanceof NotDelivered)) task.reject(error as Error);
      else if (task.request.signal.aborted) task.reject(aborted(task.request, task.request.signal));
      else queue.putBack(task);
      return !(error instanceof NotDelivered);
    } finally {
      busy--;
    }
  }

  function refuse(attempts: number, cause: Error): void {
    for (const task of queue.clear()) task.reject(new ProcessDidNotStart(options.command, attempts, cause));
  }

  async function pause(failures: number): Promise<void> {
    if (failures < 2) return;
    const ms = Math.min(BACKOFF_MS.first * 2 ** (failures - 2), BACKOFF_MS.longest);
    await delay(ms, undefined, { signal: closing.signal }).catch(() => {}); // closed
  }

  return {
    async run(request) {
      for (const signal of [request.signal, closing.signal]) if (signal.aborted) throw aborted(request, signal);
      const task: Task = { request, ...defer<unknown>() };
      const leave = () => {
        if (queue.remove(task)) task.reject(aborted(request, request.signal));
      };
      request.signal.addEventListener('abort', leave);
      queue.push(task);
      try {
        return await task.promise;
      } finally {
        request.signal.removeEventListener('abort', leave);
      }
    },
    stats: () => ({ size, busy, waiting: queue.waiting }),
    async close() {
      closing.abort(new Error('The pool was closed.'));
      for (const task of queue.clear()) task.reject(aborted(task.request, closing.signal));
      await kept;
    },
  };
}

function aborted(request: TaskRequest, signal: AbortSignal): CommandAborted {
  return new CommandAborted(`The step ${request.step}`, signal.reason);
}

/** First in, first out, between those who bring tasks and those who take them. */
export class TaskQueue<Task extends object> {
  #tasks: Task[] = [];
  #takers: Array<(task: Task) => void> = [];

  get waiting(): number {
    return this.#tasks.length;
  }

  push(task: Task): void {
    const taker = this.#takers.shift();
    if (taker) taker(task);
    else this.#tasks.push(task);
  }

  /** Puts a task that was taken but not begun before all others. */
  putBack(task: Task): void {
    const taker = this.#takers.shift();
    if (taker) taker(task);
    else this.#tasks.unshift(task);
  }

  /** Takes one task out of the queue; false when it is no longer in it. */
  remove(task: Task): boolean {
    const index = this.#tasks.indexOf(task);
    if (index >= 0) this.#tasks.splice(index, 1);
    return index >= 0;
  }

  /** Takes all tasks out of the queue. */
  clear(): Task[] {
    return this.#tasks.splice(0);
  }

  /** Waits for the next task; gives nothing when `until` is aborted before there is one. */
  take(until: AbortSignal): Promise<Task | undefined> {
    if (until.aborted) return Promise.resolve(undefined);
    const task = this.#tasks.shift();
    if (task) return Promise.resolve(task);
    return new Promise((resolve) => {
      const taker = (next: Task) => {
        until.removeEventListener('abort', leave);
        resolve(next);
      };
      const leave = () => {
        this.#takers = this.#takers.filter((other) => other !== taker);
        resolve(undefined);
      };
      until.addEventListener('abort', leave, { once: true });
      this.#takers.push(taker);
    });
  }
}
