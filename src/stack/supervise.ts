import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pRetry, { AbortError } from 'p-retry';
import { truncate } from '../contracts/text.ts';
import type { Reaper } from '../systems/processes/reaper.ts';
import { type Launched, launch } from './launch.ts';
import { GivenUp, StackProblem } from './problem.ts';

const READY_PROBE_MS = 100;
/** A part that is busy may miss probes; one that misses this many in a row hangs. */
const ALIVE_PROBE = { intervalMs: 5_000, limitMs: 5_000, misses: 6 };
/** One that hangs will hardly end by itself (ms). */
const HUNG_GRACE_MS = 2_000;
/** Waits between restarts in a row. */
const BACK_OFF = { retries: Number.POSITIVE_INFINITY, minTimeout: 500, factor: 3, maxTimeout: 30_000 };
/** A part that ran this long was well: its next death is the first in a row again (ms). */
const SETTLED_MS = 60_000;

/** One process of the embedded stack: how it is started, when it is ready, how long it may take to stop. */
export interface Part {
  /** Name of its log file. */
  name: 'temporal' | 'mlflow' | 'gateway' | 'webhook' | 'codec' | 'worker';
  title: string;
  /** Ports that must be free before anything is started. */
  ports: readonly PortNeed[];
  /** Parts that must be ready before this one is started. */
  after: readonly Part['name'][];
  /** Program and arguments. */
  command: readonly string[];
  /** Working folder; absent: ours. */
  cwd?: string;
  /** Added to what every process gets; see environment.ts. */
  env: Readonly<Record<string, string>>;
  /** Asked while it starts: what it has written to its log since then, and how long it takes (ms). */
  isReady(start: { log(): string; elapsedMs: number }): boolean | Promise<boolean>;
  /** Asked while it runs; `ping`: it sends back what comes by its channel. */
  isAlive: (() => Promise<boolean>) | 'ping';
  startTimeoutMs: number;
  /** From SIGTERM to SIGKILL (ms). */
  stopGraceMs: number;
}

/** A port that a part is going to listen on. */
export interface PortNeed {
  port: number;
  /** Address that it is opened on; absent: loopback. */
  host?: string;
  /** The setting that chooses it, as in `stack.apiPort`. */
  setting: string;
}

export interface SuperviseOptions {
  logFolder: string;
  reaper: Reaper;
  /** Tells the reader of a death and of a return. */
  announce(line: string): void;
  /** Gives up what is being started, and starts nothing again. */
  signal: AbortSignal;
  /** How a part that hangs is recognised. */
  aliveProbe?: { intervalMs: number; limitMs: number; misses: number };
}

export interface Supervised {
  part: Part;
  /** Stops it for good; it has its time of grace. */
  stop(): Promise<void>;
}

/**
 * Starts a part, resolves when it is ready, and starts it again whenever it ends or hangs without having been asked to
 * stop.
 *
 * @throws {StackProblem} when it ends or does not become ready in its time at the first start; nothing of it runs then
 */
export async function supervise(part: Part, options: SuperviseOptions): Promise<Supervised> {
  const { logFolder, reaper, announce, aliveProbe = ALIVE_PROBE } = options;
  const { title, startTimeoutMs, stopGraceMs } = part;
  const log = openLog(logFolder, part.name);
  const stopped = new AbortController();
  const stopping = AbortSignal.any([stopped.signal, options.signal]);
  let current: Launched | undefined;

  async function start(): Promise<Launched> {
    const position = log.position();
    const startedAt = performance.now();
    const channel = part.isAlive === 'ping';
    const { command, cwd, env } = part;
    const launched = await launch({ command, cwd, env, output: log.fd, channel, reaper });
    current = launched;
    let ended: string | undefined;
    void launched.exited.then(({ how }) => {
      ended = how;
    });
    const untilReady = async () => {
      const elapsedMs = performance.now() - startedAt;
      if (await part.isReady({ log: () => log.since(position), elapsedMs })) return;
      if (ended) throw new AbortError(ended);
      throw new Error(`not ready after ${startTimeoutMs / 1_000} s`);
    };
    const probing = { retries: Number.POSITIVE_INFINITY, minTimeout: READY_PROBE_MS, factor: 1, signal: stopping };
    try {
      await pRetry(untilReady, { ...probing, maxRetryTime: startTimeoutMs });
      return launched;
    } catch (error) {
      const death = ended;
      await launched.kill(death ? 0 : stopGraceMs);
      if (stopping.aborted && !death) throw new GivenUp(`${title} was stopped while it started.`);
      const why = death ?? (error as Error).message;
      throw new StackProblem(`${title} did not start (${why}).${quote(log.since(position))}\n  Its log: ${log.path}`);
    }
  }

  async function keepAlive(first: Launched): Promise<void> {
    let next: Launched | undefined = first;
    const live = async () => {
      const launched = next ?? (await start());
      if (launched !== first) announce(`${title} is back.`);
      next = undefined;
      const since = performance.now();
      const { what, graceMs } = await fateOf(launched);
      if (stopping.aborted) return;
      const message = `${title} ${what}; it is started again. Its log: ${log.path}`;
      const hasSettled = performance.now() - since > SETTLED_MS;
      await launched.kill(graceMs);
      if (!hasSettled) throw new StackProblem(message);
      announce(message);
    };
    const onFailedAttempt = ({ error }: { error: Error }) => {
      if (!stopping.aborted) announce(error.message);
    };
    while (!stopping.aborted) {
      await pRetry(live, { ...BACK_OFF, signal: stopping, onFailedAttempt }).catch((error: unknown) => {
        if (!stopping.aborted) throw error;
      });
    }
  }

  /** What has become of a part that ran: it has ended, or it hangs. */
  async function fateOf(launched: Launched): Promise<{ what: string; graceMs: number }> {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, stopping]);
    const death = launched.exited.then(({ how }) => ({ what: `ended unexpectedly (${how})`, graceMs: 0 }));
    const silence = silenceOf(launched, signal).then((ms) => ({
      what: `runs but has not answered for ${Math.round(ms / 1_000)} s`,
      graceMs: HUNG_GRACE_MS,
    }));
    // Once aborted, it is no longer watched, and its end is awaited.
    const fate = await Promise.race([death, silence.catch(() => death)]);
    over.abort();
    return fate;
  }

  /** Resolves when it has missed too many probes, with the time since its last answer (ms); rejects when aborted. */
  async function silenceOf(launched: Launched, signal: AbortSignal): Promise<number> {
    const { intervalMs, limitMs, misses } = aliveProbe;
    let missed = 0;
    let answeredAt = performance.now();
    while (missed < misses) {
      await delay(intervalMs, undefined, { signal, ref: false });
      const isAlive = await (part.isAlive === 'ping' ? launched.ping(limitMs) : part.isAlive());
      if (isAlive) [missed, answeredAt] = [0, performance.now()];
      else missed += 1;
    }
    return performance.now() - answeredAt;
  }

  const kept = keepAlive(await start());
  return {
    part,
    async stop() {
      stopped.abort();
      await current?.kill(stopGraceMs);
      await kept;
      log.close();
    },
  };
}

/** How many logs of earlier starts are kept beside the current one. */
const KEPT = 3;
/** How much of a log's end is read (bytes). */
const TAIL_BYTES = 64 * 1024;

/** Opens `<name>.log` for a start: the one of the start before becomes `<name>.1.log`, and so on. */
function openLog(folder: string, name: string) {
  mkdirSync(folder, { recursive: true });
  const nameOf = (age: number) => join(folder, age === 0 ? `${name}.log` : `${name}.${age}.log`);
  for (let age = KEPT - 1; age >= 0; age -= 1) {
    if (existsSync(nameOf(age))) renameSync(nameOf(age), nameOf(age + 1));
  }
  const path = nameOf(0);
  const fd = openSync(path, 'a+');
  /** Its size now (bytes). */
  const position = () => fstatSync(fd).size;
  return {
    path,
    fd,
    position,
    /** What was written since a position, or its end when that is much. */
    since(from: number): string {
      const start = Math.max(from, position() - TAIL_BYTES);
      const buffer = Buffer.alloc(position() - start);
      return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, start));
    },
    close: () => closeSync(fd),
  };
}

function quote(log: string): string {
  const lines = log.trimEnd().split('\n').slice(-15);
  return log.trim()
    ? ` Its last lines:\n${lines.map((line) => `    ${truncate(line, 300)}`).join('\n')}`
    : ' It wrote nothing.';
}
