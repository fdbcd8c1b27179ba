import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { ownEnvironment } from './environment.ts';
import { DEFAULT_GRACE_MS, killTrees } from './killTree.ts';
import { markOf } from './processTable.ts';
import { findProgram } from './programs.ts';
import type { ReaperMessage } from './reaperMain.ts';

/** Ends this process's subprocesses when this process is gone, in whatever way, kill -9 included. */
export interface Reaper {
  /** A fresh value for `MEDIWATCH_PROCESS_TAG` of a process that is about to start. */
  newTag(): string;
  /** The command that starts another one with the mark of a tag (see markOf), where this host can set it. */
  marked(command: readonly string[], tag: string): readonly string[];
  /** Puts a process group under protection; to be called in the tick in which it was started. */
  watch(pgid: number, tag: string): void;
  /** Takes a group out again; to be called when all of it is gone, because its number may be used again. */
  forget(pgid: number): void;
  /** Ends every group that is still watched, and resolves when they and the reaper are gone. */
  close(): Promise<void>;
}

const MAIN = fileURLToPath(new URL('./reaperMain.ts', import.meta.url));

/** Pause before a reaper that died is started again, doubled while it dies at once (ms). */
const RESTART_MS = { first: 10, longest: 10_000 };

/** A reaper that lived so long died by chance, not by a fault that would kill the next one too (ms). */
const STABLE_MS = 5_000;

/**
 * Starts the reaper: a small process in a session of its own, which holds the other end of a pipe. The kernel closes
 * the pipe when this process ends; then it kills every watched group and, on Linux, every process with one of its tags.
 * When it dies itself, it is started again and gets all groups.
 *
 * @param options.graceMs time between SIGTERM and SIGKILL (ms)
 * @throws {Error} when it does not start
 */
export async function createReaper({ graceMs = DEFAULT_GRACE_MS } = {}): Promise<Reaper> {
  const owner = randomUUID();
  const groups = new Map<number, string>();
  const marker = await findMarker();
  let restartMs = RESTART_MS.first;
  let closed = false;
  let current = start();
  try {
    await current.ready;
    release();
  } catch (error) {
    closed = true;
    throw error;
  }

  function start() {
    const startedAt = performance.now();
    const command = [process.execPath, MAIN, owner, String(graceMs)];
    const [program = '', ...args] = marker ? [marker, '--locks=unlimited:', '--', ...command] : command;
    // Neither an environment nor a mark: with those of others, someone else's reaper would kill this one before its work.
    const subprocess = execa(program, args, {
      cwd: '/',
      env: {},
      extendEnv: false,
      detached: true,
      buffer: false,
      reject: false,
      stderr: 'ignore',
    });
    const { nodeChildProcess: child, stdin, stdout } = subprocess;
    // A write to a reaper that has just died: its exit is handled below.
    stdin.on('error', () => {});
    for (const [pgid, tag] of groups) stdin.write(line({ watch: pgid, tag }));
    const ended = subprocess.then(() => {
      if (closed) return;
      const stable = performance.now() - startedAt > STABLE_MS;
      restartMs = stable ? RESTART_MS.first : Math.min(restartMs * 2, RESTART_MS.longest);
      setTimeout(() => {
        if (closed) return;
        current = start();
        release();
      }, restartMs).unref();
    });
    const ready = Promise.race([
      once(stdout, 'data'),
      ended.then(() => {
        throw new Error(`The process that guards the others did not start: ${process.execPath} ${MAIN}`);
      }),
    ]);
    ready.catch(() => {}); // only the first start has someone who waits for it
    const pipes = [stdin, stdout].filter((stream) => stream instanceof Socket);
    return { stdin, ready, ended, parts: [child, ...pipes] };
  }

  /** It must not keep this process alive: when this process has nothing left to do, the reaper's work begins. */
  function release(): void {
    for (const part of current.parts) part.unref();
  }

  function send(message: ReaperMessage): void {
    if (current.stdin.writable) current.stdin.write(line(message));
  }

  return {
    newTag() {
      if (closed) throw new Error('The reaper is closed: no process may be started any more.');
      return `${owner}/${randomUUID()}`;
    },
    marked: (command, tag) => (marker ? [marker, `--locks=${markOf(tag)}:`, '--', ...command] : command),
    watch(pgid, tag) {
      groups.set(pgid, tag);
      send({ watch: pgid, tag });
    },
    forget(pgid) {
      groups.delete(pgid);
      send({ forget: pgid });
    },
    async close() {
      closed = true;
      for (const part of current.parts) part.ref();
      current.stdin.end();
      await current.ended;
      // Nothing is left to do, unless the reaper was dead at this very moment.
      await killTrees([...[...groups].map(([pgid, tag]) => ({ pgid, tag })), { tag: owner }], graceMs);
    },
  };
}

/** The program that sets limits; undefined where there is none, or it may not set the one that is a mark. */
async function findMarker(): Promise<string | undefined> {
  if (process.platform !== 'linux') return undefined;
  const program = await findProgram('prlimit', process.env.PATH ?? '', '/');
  if (!program) return undefined;
  const tried = await execa(program, ['--locks=1:', '--', program, '--version'], {
    ...ownEnvironment(),
    reject: false,
  });
  return tried.failed ? undefined : program;
}

function line(message: ReaperMessage): string {
  return `${JSON.stringify(message)}\n`;
}
