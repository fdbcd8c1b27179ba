import { readFile, rename } from 'node:fs/promises';
import pRetry from 'p-retry';
import type { Logger } from 'pino';
import { z } from 'zod';
import { ActiveSpec, type InstanceSpec, type TrafficShifted } from '../contracts/gateway.ts';
import { placeFile } from '../systems/files.ts';
import type { DataPlane } from './dataPlane.ts';
import { AdminProblem } from './problem.ts';
import { createSerial } from './serial.ts';
import type { Upstreams } from './upstreams.ts';

/** Waits between restarts of the active version in a row. */
const BACK_OFF = { retries: Number.POSITIVE_INFINITY, minTimeout: 250, factor: 3, maxTimeout: 30_000 };
/** A process that ran this long was well: its next death is the first in a row again (ms). */
const SETTLED_MS = 60_000;

interface RoutingOptions {
  upstreams: Upstreams;
  plane: DataPlane;
  stateFile: string;
  log: Logger;
}

/** Who gets the requests: the active upstream, and a candidate with its share beside it. */
interface Shares {
  active: ActiveSpec | null;
  candidate: { key: string; share: number } | null;
  /** The one that was active before, while it is kept. */
  previous: string | null;
}

export type Routing = ReturnType<typeof createRouting>;

/** Which upstreams answer requests: the active one is kept on disk and, if it is our own, kept alive. */
export function createRouting({ upstreams, plane, stateFile, log }: RoutingOptions) {
  let shares: Shares = { active: null, candidate: null, previous: null };
  let keeping = new AbortController();
  const retired = new Set<string>();
  const serial = createSerial();
  // Writes what is active when its turn comes, so that the last write tells the last shift.
  const save = () => serial('state', () => writeState(stateFile, { active: shares.active }));

  /** Gives the data plane the shares with the addresses that the upstreams have now. */
  const publish = () => {
    const { active, candidate } = shares;
    const at = (spec: ActiveSpec) => ({
      key: spec.key,
      model: spec.model,
      version: spec.version,
      at: upstreams.address(spec),
    });
    const other = candidate && upstreams.spec(candidate.key);
    plane.route({
      active: active && at(active),
      candidate: candidate && other ? { ...at(other), share: candidate.share } : null,
    });
  };

  const change = (to: Partial<Shares>) => {
    const before = shares;
    shares = { ...shares, ...to };
    plane.resetStatistics();
    publish();
    if (shares.active === before.active) return;
    keeping.abort();
    keeping = new AbortController();
    if (shares.active && !('url' in shares.active)) void keepAlive(shares.active, keeping.signal);
  };

  /** Starts the process, and starts it again whenever it ends. */
  const keepAlive = async (spec: InstanceSpec, signal: AbortSignal) => {
    const live = async () => {
      const instance = await upstreams.restart(spec).catch((cause: unknown) => {
        throw new Error('it could not be started', { cause });
      });
      await instance.gone;
      const since = instance.runningSince();
      if (since === undefined || performance.now() - since < SETTLED_MS) throw new Error('it ended');
    };
    const onFailedAttempt = ({ error }: { error: Error }) => {
      if (!signal.aborted)
        log.warn({ err: error, key: spec.key, version: spec.version }, 'restarting the active version');
    };
    while (!signal.aborted) await pRetry(live, { ...BACK_OFF, signal, onFailedAttempt }).catch(() => {});
  };

  const assertServes = async (key: string) => {
    const kept = 'Traffic is as it was.';
    const assertThere = () => {
      if (!upstreams.spec(key)) {
        throw new AdminProblem(404, `There is no instance or upstream ${key}.`, `${kept} Start it first.`);
      }
      if (retired.has(key)) throw new AdminProblem(409, `${key} is being stopped.`, `${kept} Start another one.`);
    };
    assertThere();
    const problem = await upstreams.problem(key);
    assertThere();
    if (problem !== null)
      throw new AdminProblem(409, `${key} is not running: ${problem}.`, `${kept} Wait until it is.`);
  };

  const serveWhole = async (key: string) => {
    if (shares.active?.key === key) {
      if (shares.candidate) change({ candidate: null });
      return;
    }
    await assertServes(key);
    const before = shares;
    const active = upstreams.spec(key) ?? null;
    change({ active, candidate: null, previous: before.active?.key ?? null });
    try {
      await save();
    } catch (error) {
      if (shares.active === active) change(before);
      throw error;
    }
  };

  const split = async (key: string, share: number) => {
    if (shares.active?.key === key) {
      throw new AdminProblem(409, `${key} answers all that no other upstream does.`, 'Give the other one its share.');
    }
    // A call that is repeated, because its answer was lost, must not reset the statistics.
    if (shares.candidate?.key === key && shares.candidate.share === share) return;
    await assertServes(key);
    change({ candidate: { key, share } });
  };

  const takeOut = async (key: string) => {
    if (shares.candidate?.key === key) change({ candidate: null });
    if (shares.active?.key !== key) return;
    if (shares.previous === null) {
      throw new AdminProblem(409, `No other upstream than ${key} has served.`, 'Traffic is as it was. Start another.');
    }
    await serveWhole(shares.previous);
  };

  return {
    shares: () => shares,
    publish,

    /**
     * Sends a share of the new requests to an upstream: all, some beside the active one, or none.
     *
     * @throws {AdminProblem} 404 for a key that is not there, 409 for one that cannot serve; traffic is as it was then
     */
    shift: (key: string, share: number): Promise<TrafficShifted> =>
      serial('shift', async () => {
        if (share === 0) await takeOut(key);
        else if (share === 1) await serveWhole(key);
        else await split(key, share);
        const { active, previous, candidate } = shares;
        log.info({ active: active?.key, previous, candidate }, 'traffic shifted');
        return { active: active?.key ?? null, previous, candidate };
      }),

    /** If the upstream is the active one, nothing answers any more, also after a restart. */
    clear: (key: string) =>
      serial('shift', async () => {
        if (shares.active?.key !== key) return;
        const before = shares;
        change({ active: null, candidate: null });
        try {
          await save();
        } catch (error) {
          // The file still names it, so that a restart would bring it back: it goes on answering until a call succeeds.
          change(before);
          throw error;
        }
        log.warn({ key }, 'the active version was stopped by force; nothing answers any more');
      }),

    /** An upstream that is about to go gets no share any more, until what this returns is called. */
    retire(key: string) {
      retired.add(key);
      if (shares.candidate?.key === key) change({ candidate: null });
      return () => void retired.delete(key);
    },

    /** The upstream has a new address: it is kept, if it is the active one. */
    async moved(key: string) {
      if (shares.active?.key !== key) return;
      shares = { ...shares, active: upstreams.spec(key) ?? null };
      await save();
    },

    /** Serves again what was active when the gateway ended last; a split is not taken up again. */
    async restore() {
      const { active } = await readState(stateFile, log);
      if (active && 'url' in active) await upstreams.put(active);
      change({ active });
      // So that /status names it from the first answer on; a failure is met again, and logged, by what keeps it alive.
      if (active && !('url' in active)) await upstreams.start(active).catch(() => {});
    },

    /** Restarts nothing any more. */
    close: () => keeping.abort(),
  };
}

const State = z.object({ active: ActiveSpec.nullable() });
type State = z.infer<typeof State>;

/** Reads what the gateway served last. A file that cannot be read is put aside, and nothing is active. */
async function readState(file: string, log: Logger): Promise<State> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { active: null };
    throw error;
  }
  try {
    return State.parse(JSON.parse(text));
  } catch (error) {
    const aside = `${file}.unreadable`;
    await rename(file, aside);
    log.error({ err: error, aside }, 'the state file was unreadable and was put aside; redeploy a version to serve it');
    return { active: null };
  }
}

/** Writes the state so that a reader sees the old or the new one, whatever happens in between. */
async function writeState(file: string, state: State): Promise<void> {
  await placeFile(file, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
}
