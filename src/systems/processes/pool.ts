import { setTimeout as delay } from 'node:timers/promises';
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

interface Task extends PromiseWithResolvers<unknown> {
  request: TaskRequest;
}

interface Worker {
  process: WarmProcess;
  /** Tasks that it began. */
  begun: number;
  warmed: boolean;
  /** The task that it works on, or did last. */
  performing: Promise<void> | undefined;
}

/** When every place of the pool failed so often in a row, waiting tasks are refused. */
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
  const { command, size, warm = [], maxTasksPerProcess = Number.POSITIVE_INFINITY } = options;
  const closing = new AbortController();
  /** Workers are idle only while no task waits. */
  const idle: Worker[] = [];
  const waiting: Task[] = [];
  let busy = 0;
  /** How often in a row a process of each place ended before it had begun a task. */
  const failures = Array.from({ length: size }, () => 0);
  const kept = Promise.all(failures.map((_, place) => keep(place)));

  async function keep(place: number): Promise<void> {
    let inARow = 0;
    while (!closing.signal.aborted) {
      const failure = await live().catch((error: Error) => error);
      inARow = failure ? inARow + 1 : 0;
      failures[place] = inARow;
      if (failure && failures.every((count) => count >= FAILURES_LIMIT)) {
        for (const task of waiting.splice(0)) task.reject(new ProcessDidNotStart(command, inARow, failure));
      }
      if (inARow < 2) continue;
      const ms = Math.min(BACKOFF_MS.first * 2 ** (inARow - 2), BACKOFF_MS.longest);
      await delay(ms, undefined, { signal: closing.signal }).catch(() => {}); // closed
    }
  }

  /** One process from its start to its end; gives the reason of the end when it was of no use. */
  async function live(): Promise<Error | undefined> {
    const startedAt = performance.now();
    const process = await WarmProcess.start(options, closing.signal);
    const worker: Worker = { process, begun: 0, warmed: warm.length === 0, performing: undefined };
    process.ended.addEventListener('abort', () => remove(idle, worker));
    employ(worker);
    const reason = await process.gone;
    await worker.performing;
    return worker.begun > 0 || performance.now() - startedAt > STABLE_MS ? undefined : reason;
  }

  /** Gives a free process the next task, if there is one. */
  function employ(worker: Worker): void {
    const { process } = worker;
    if (process.ended.aborted) return;
    if (worker.begun >= maxTasksPerProcess) {
      void process.close();
      return;
    }
    const task = waiting.shift();
    if (task) {
      worker.performing = perform(task, worker);
      return;
    }
    if (!worker.warmed) process.warm(warm);
    worker.warmed = true;
    idle.push(worker);
  }

  function enqueue(task: Task, place: 'first' | 'last'): void {
    if (place === 'first') waiting.unshift(task);
    else waiting.push(task);
    const worker = idle.shift();
    if (worker) employ(worker);
  }

  async function perform(task: Task, worker: Worker): Promise<void> {
    busy++;
    worker.begun++;
    try {
      task.resolve(await worker.process.run(task.request));
    } catch (error) {
      if (!(error instanceof NotDelivered)) task.reject(error);
      else {
        worker.begun--;
        if (closing.signal.aborted || task.request.signal.aborted) task.reject(aborted(task.request));
        else enqueue(task, 'first');
      }
    } finally {
      busy--;
    }
    employ(worker);
  }

  function aborted({ step, signal }: TaskRequest): CommandAborted {
    const { reason } = signal.aborted ? signal : closing.signal;
    return new CommandAborted(`The step ${step}`, reason);
  }

  return {
    async run(request) {
      const stopped = AbortSignal.any([request.signal, closing.signal]);
      if (stopped.aborted) throw aborted(request);
      const task: Task = { request, ...Promise.withResolvers<unknown>() };
      const leave = () => {
        if (remove(waiting, task)) task.reject(aborted(request));
      };
      stopped.addEventListener('abort', leave);
      enqueue(task, 'last');
      return await task.promise.finally(() => stopped.removeEventListener('abort', leave));
    },
    stats: () => ({ size, busy, waiting: waiting.length }),
    async close() {
      closing.abort(new Error('The pool was closed.'));
      await kept;
    },
  };
}

/** Takes one out of a list; false when it is not in it. */
function remove<One>(list: One[], one: One): boolean {
  const index = list.indexOf(one);
  if (index >= 0) list.splice(index, 1);
  return index >= 0;
}
