import { setTimeout as delay } from 'node:timers/promises';
import type { Reaper } from '../systems/processes/reaper.ts';
import { type Launched, launch } from './launch.ts';
import { openLog } from './logs.ts';
import type { Part } from './part.ts';
import { GivenUp, StackProblem } from './problem.ts';

const PROBE_INTERVAL_MS = 100;
/** Waits before the first, second, … restart in a row (ms); the last one for all that follow. */
const BACK_OFF_MS = [500, 2_000, 5_000, 15_000, 30_000];
/** A part that ran this long was well: its next death is the first in a row again (ms). */
const SETTLED_MS = 60_000;

export interface SuperviseOptions {
  logFolder: string;
  reaper: Reaper;
  /** Tells the reader of a death and of a return. */
  announce(line: string): void;
  /** Gives up what is being started, and starts nothing again. */
  signal: AbortSignal;
}

export interface Supervised {
  part: Part;
  /** Stops it for good; it has its time of grace. */
  stop(): Promise<void>;
}

/**
 * Starts a part, resolves when it is ready, and starts it again whenever it ends without having been asked to.
 *
 * @throws {StackProblem} when it ends or does not become ready in its time at the first start; nothing of it runs then
 */
export async function supervise(part: Part, options: SuperviseOptions): Promise<Supervised> {
  const { logFolder, reaper, announce } = options;
  const log = openLog(logFolder, part.name);
  const stopped = new AbortController();
  const stopping = AbortSignal.any([stopped.signal, options.signal]);
  let current: Launched | undefined;

  async function start(): Promise<Launched> {
    const position = log.position();
    const startedAt = performance.now();
    const launched = await launch({ command: part.command, env: part.env, output: log.fd, reaper });
    current = launched;
    let ended: string | undefined;
    void launched.exited.then(({ how }) => {
      ended = how;
    });
    for (;;) {
      const elapsedMs = performance.now() - startedAt;
      if (await part.isReady({ log: () => log.since(position), elapsedMs })) return launched;
      const late = elapsedMs > part.startTimeoutMs ? `not ready after ${part.startTimeoutMs / 1_000} s` : undefined;
      const why = ended ?? late;
      if (why === undefined && !stopping.aborted) {
        await delay(PROBE_INTERVAL_MS);
        continue;
      }
      await launched.kill(ended ? 0 : part.stopGraceMs);
      if (why === undefined) throw new GivenUp(`${part.title} was stopped while it started.`);
      throw new StackProblem(
        `${part.title} did not start (${why}).${quote(log.since(position))}\n  Its log: ${log.path}`,
      );
    }
  }

  async function keepAlive(first: Launched): Promise<void> {
    let launched = first;
    let deaths = 0;
    for (let since = performance.now(); ; since = performance.now()) {
      const { how } = await launched.exited;
      if (stopping.aborted) return;
      await launched.kill(0);
      if (performance.now() - since > SETTLED_MS) deaths = 0;
      announce(`${part.title} ended unexpectedly (${how}); it is started again. Its log: ${log.path}`);
      const back = await restart(deaths);
      if (!back) return;
      launched = back.launched;
      deaths = back.deaths;
      announce(`${part.title} is back.`);
    }
  }

  /** Undefined: the part is to stop. */
  async function restart(before: number): Promise<{ launched: Launched; deaths: number } | undefined> {
    for (let deaths = before; ; deaths += 1) {
      await delay(BACK_OFF_MS[Math.min(deaths, BACK_OFF_MS.length - 1)], undefined, { signal: stopping }).catch(
        () => {},
      );
      if (stopping.aborted) return undefined;
      try {
        return { launched: await start(), deaths: deaths + 1 };
      } catch (error) {
        if (!stopping.aborted) announce((error as Error).message);
      }
    }
  }

  const kept = keepAlive(await start());
  return {
    part,
    async stop() {
      stopped.abort();
      await current?.kill(part.stopGraceMs);
      await kept;
      log.close();
    },
  };
}

function quote(log: string): string {
  const lines = log.trimEnd().split('\n').slice(-15);
  return log.trim()
    ? ` Its last lines:\n${lines.map((line) => `    ${line.slice(0, 300)}`).join('\n')}`
    : ' It wrote nothing.';
}
