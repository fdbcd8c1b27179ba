import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { execa, type Result } from 'execa';
import pidusage from 'pidusage';
import { defer } from './deferred.ts';
import { CommandAborted, CommandNotFound, CommandOutOfMemory, CommandTimedOut, type Exit } from './errors.ts';
import { killTree } from './killTree.ts';
import { TAG_VARIABLE } from './processTable.ts';
import type { Reaper } from './reaper.ts';

export interface GroupOptions {
  /** Program and arguments; no shell reads them. */
  command: readonly string[];
  /** Working folder. */
  cwd: string;
  /** Added to this process's own environment; undefined takes a variable out of it. */
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
  await checkFolder(cwd);
  const [program = '', ...args] = command;
  const tag = reaper.newTag();
  const subprocess = execa(program, args, {
    cwd,
    env: { ...env, [TAG_VARIABLE]: tag },
    stdin,
    // A group (and session) of its own, so that all of it can be signalled at once and Ctrl-C does not reach it.
    detached: true,
    buffer: false,
    reject: false,
  });
  const { nodeChildProcess: child, pid, stdout, stderr } = subprocess;
  if (pid === undefined) throw whyNot(program, cwd, await subprocess);
  reaper.watch(pid, tag);
  // Until somebody reads them: execa would empty a stream that nobody has touched.
  stdout.pause();
  stderr.pause();
  // A write to a process that has just ended; its end is told by `exited`.
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

/** The system reports a missing working folder as a missing program, so it is looked at before. */
async function checkFolder(cwd: string): Promise<void> {
  const found = await stat(cwd).catch(() => undefined);
  if (!found) throw new CommandNotFound('folder', cwd, 'does not exist');
  if (!found.isDirectory()) throw new CommandNotFound('folder', cwd, 'is not a folder');
}

/** What execa tells of a process that did not start. */
type Failure = Pick<Result, 'code' | 'originalMessage' | 'cause'>;

function whyNot(program: string, cwd: string, { code, originalMessage, cause }: Failure): Error {
  if (code === 'ENOENT') return new CommandNotFound('program', program, `was not found (from the folder ${cwd})`);
  if (code === 'EACCES') return new CommandNotFound('program', program, 'may not be executed');
  return new Error(`${program} could not be started: ${originalMessage}`, { cause });
}

const MEMORY_POLL_MS = 1_000;

/** Node's timers fire at once when they are asked for more: 24.8 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

interface Limits {
  /** What is limited, for the message. */
  what: string;
  timeoutMs: number;
  /** MiB of resident memory of all the processes together; memory that they share counts for each. */
  memoryLimitMb: number;
  /** Each of them can stop it. */
  signals: readonly AbortSignal[];
  /** The processes whose memory counts. */
  pids: () => Promise<number[]>;
}

/**
 * Watches the limits of something that runs, from now until `stop`.
 *
 * @returns `exceeded`, which resolves with the error of the first limit that is reached, and never without one
 */
export function watchLimits({ what, timeoutMs, memoryLimitMb, signals, pids }: Limits) {
  const { promise: exceeded, resolve } = defer<CommandTimedOut | CommandOutOfMemory | CommandAborted>();
  const timer = setTimeout(() => resolve(new CommandTimedOut(what, timeoutMs)), Math.min(timeoutMs, LONGEST_TIMER_MS));

  const abort = () => resolve(new CommandAborted(what, signals.find((signal) => signal.aborted)?.reason));
  for (const signal of signals) signal.addEventListener('abort', abort);
  if (signals.some((signal) => signal.aborted)) abort();

  let stopped = false;
  const checkMemory = async () => {
    const usedMb = await residentMb(pids);
    if (usedMb > memoryLimitMb) resolve(new CommandOutOfMemory(what, usedMb, memoryLimitMb));
    else if (!stopped) memoryTimer = setTimeout(checkMemory, MEMORY_POLL_MS);
  };
  let memoryTimer = setTimeout(checkMemory, MEMORY_POLL_MS);

  return {
    exceeded,
    stop(): void {
      stopped = true;
      clearTimeout(timer);
      clearTimeout(memoryTimer);
      for (const signal of signals) signal.removeEventListener('abort', abort);
    },
  };
}

async function residentMb(pids: Limits['pids']): Promise<number> {
  try {
    // Those that ended meanwhile are missing in the answer.
    const usage = await pidusage(await pids());
    return Object.values(usage).reduce((sum, one) => sum + (one?.memory ?? 0), 0) / 1024 ** 2;
  } catch {
    return 0; // all of them ended
  }
}
