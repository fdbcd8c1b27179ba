import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay, setInterval as every } from 'node:timers/promises';
import { execa } from 'execa';
import { environmentOf } from './environment.ts';
import { CommandAborted, CommandNotFound, CommandOutOfMemory, CommandTimedOut, type Exit } from './errors.ts';
import { killTree } from './killTree.ts';
import { usedMb } from './memory.ts';
import { TAG_VARIABLE } from './processTable.ts';
import { findProgram } from './programs.ts';
import type { Reaper } from './reaper.ts';

export interface GroupOptions {
  /** Program and arguments; no shell reads them. */
  command: readonly string[];
  /** Working folder. */
  cwd: string;
  /** Added to what every process gets (see environmentOf); undefined takes a variable out of that. */
  env: Readonly<Record<string, string | undefined>>;
  /** Whether something will be written to it; without, it reads an empty input. */
  stdin: 'pipe' | 'ignore';
  reaper: Reaper;
}

/** A subprocess that leads a process group of its own and is watched by the reaper. */
export interface ProcessGroup {
  readonly pid: number;
  readonly tag: string;
  /** Null without `stdin: 'pipe'`. */
  readonly stdin: Writable | null;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the first process has ended; others that it started may go on. */
  readonly exited: Promise<Exit>;
  /** Ends all of it (see killTree) and takes it from the reaper; a second call waits for the first. */
  kill(graceMs: number): Promise<void>;
}

/**
 * Starts a command in a process group of its own.
 *
 * The caller must read both streams, and call `kill` in the end, also after `exited`: only that ends what the command
 * left behind.
 *
 * @throws {CommandNotFound} when the working folder or the program does not exist or cannot be used
 */
export async function startGroup({ command, cwd, env, stdin, reaper }: GroupOptions): Promise<ProcessGroup> {
  // Looked at before, because the system reports a missing working folder as a missing program.
  const folder = await stat(cwd).catch(() => undefined);
  if (!folder?.isDirectory()) throw new CommandNotFound(folder ? 'notAFolder' : 'noFolder', cwd);
  const [program = ''] = command;
  const environment = { ...environmentOf(), ...env };
  const isThere = await findProgram(program, environment.PATH ?? '', cwd);
  const tag = reaper.newTag();
  // One that cannot be started is tried without the mark, for the system to say why.
  const [first = '', ...args] = isThere ? reaper.marked(command, tag) : command;
  const subprocess = execa(first, args, {
    cwd,
    env: { ...environment, [TAG_VARIABLE]: tag },
    extendEnv: false,
    stdin,
    // A group (and session) of its own, so that all of it can be signalled at once and Ctrl-C does not reach it.
    detached: true,
    buffer: false,
    reject: false,
  });
  const { nodeChildProcess: child, pid, stdout, stderr } = subprocess;
  if (pid === undefined) {
    const { code, originalMessage, cause } = await subprocess;
    if (code === 'ENOENT') throw new CommandNotFound('noProgram', program);
    if (code === 'EACCES') throw new CommandNotFound('notExecutable', program);
    throw new Error(`${program} could not be started: ${originalMessage}`, { cause });
  }
  reaper.watch(pid, tag);
  // execa would empty a stream that nobody has touched yet.
  stdout.pause();
  stderr.pause();
  // A write to a process that has just ended; `exited` reports its end.
  subprocess.stdin?.on('error', () => {});

  const exited = once(child, 'exit').then(([exitCode, signal]): Exit => ({ exitCode, signal }));
  let killed: Promise<void> | undefined;
  const kill = async (graceMs: number): Promise<void> => {
    await killTree({ pgid: pid, tag, graceMs });
    await exited;
    reaper.forget(pid);
  };
  return {
    pid,
    tag,
    stdin: subprocess.stdin,
    stdout,
    stderr,
    exited,
    kill: (graceMs) => {
      killed ??= kill(graceMs);
      return killed;
    },
  };
}

const MEMORY_POLL_MS = 1_000;

/** Node's timers fire at once when they are asked for more: 24.8 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

interface Limits {
  /** What is limited, for the message. */
  what: string;
  timeoutMs: number;
  /** MiB of memory of all the processes together (see usedMb). */
  memoryLimitMb: number;
  /** Stops it. */
  signal?: AbortSignal;
  /** The processes whose memory counts. */
  pids: () => Promise<number[]>;
}

/**
 * Watches the limits of something that runs, from now until `stop`. (execa's own limits end the first process alone.)
 *
 * @returns `exceeded`, which resolves with the error of the first limit that is reached, and never without one
 */
export function watchLimits({ what, timeoutMs, memoryLimitMb, signal, pids }: Limits) {
  const { promise: exceeded, resolve } = Promise.withResolvers<CommandTimedOut | CommandOutOfMemory | CommandAborted>();
  const stop = new AbortController();
  const watched = { signal: stop.signal };

  const abort = () => resolve(new CommandAborted(what, signal?.reason));
  signal?.addEventListener('abort', abort, watched);
  if (signal?.aborted) abort();

  const time = async () => {
    await delay(Math.min(timeoutMs, LONGEST_TIMER_MS), undefined, watched);
    resolve(new CommandTimedOut(what, timeoutMs));
  };
  const memory = async () => {
    for await (const _ of every(MEMORY_POLL_MS, undefined, watched)) {
      const used = await usedMb(await pids(), memoryLimitMb);
      if (used > memoryLimitMb) resolve(new CommandOutOfMemory(what, used, memoryLimitMb));
    }
  };
  for (const watch of [time(), memory()]) watch.catch(() => {}); // stopped
  return { exceeded, stop: () => stop.abort() };
}
