import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { DEFAULT_GRACE_MS, killTrees } from './killTree.ts';
import type { ReaperMessage } from './reaperMain.ts';

/** Ends this process's subprocesses when this process is gone, in whatever way, kill -9 included. */
export interface Reaper {
  /** A fresh value for `MEDIWATCH_PROCESS_TAG` of a process that is about to start. */
  newTag(): string;
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
    // An empty environment: with an inherited tag, someone else's reaper would kill this one before its work.
    const subprocess = execa(process.execPath, [MAIN, owner, String(graceMs)], {
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

function line(message: ReaperMessage): string {
  return `${JSON.stringify(message)}\n`;
}
