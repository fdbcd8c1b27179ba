import type { Logger } from 'pino';
import type { TrafficShifted } from '../contracts/gateway.ts';
import { chooseDestination, type Routes } from './destination.ts';
import type { Instances } from './instances.ts';
import { keepAlive } from './keepAlive.ts';
import { AdminProblem } from './problems.ts';
import type { Destination } from './proxy.ts';
import { createSerial } from './serial.ts';
import { readState, writeState } from './stateFile.ts';
import type { Traffic } from './traffic.ts';
import type { Upstreams } from './upstreams.ts';

interface RoutingOptions {
  instances: Instances;
  upstreams: Upstreams;
  traffic: Traffic;
  stateFile: string;
  log: Logger;
}

/** Which upstreams answer requests: the active one is kept on disk and, if it is our own, kept alive. */
export interface Routing {
  /** Where a request that comes now goes; `avoid`: the URL that it could not be connected to. */
  destination(avoid?: string): Destination;
  routes(): Routes & { previous: string | null };
  /**
   * Sends a share of the new requests to an upstream: all, some beside the active one, or none.
   *
   * @throws {AdminProblem} 404 for a key that is not there, 409 for one that cannot serve; traffic is as it was then
   */
  shift(key: string, share: number): Promise<TrafficShifted>;
  /** If the upstream is the active one, nothing answers any more, also after a restart. */
  clear(key: string): Promise<void>;
  /** An upstream that is about to go gets no share any more, until what this returns is called. */
  retire(key: string): () => void;
  /** The upstream has a new address: it is kept, if it is the active one. */
  moved(key: string): Promise<void>;
  /** Serves again what was active when the gateway ended last; a split is not taken up again. */
  restore(): Promise<void>;
  /** Restarts nothing any more. */
  close(): void;
}

export function createRouting({ instances, upstreams, traffic, stateFile, log }: RoutingOptions): Routing {
  let routes: Routes & { previous: string | null } = { active: null, candidate: null, previous: null };
  let keeping = new AbortController();
  const retired = new Set<string>();
  const serial = createSerial();
  // Writes what is active when its turn comes, so that the last write tells the last shift.
  const save = () => serial('state', () => writeState(stateFile, { active: routes.active }));

  const change = (to: Partial<typeof routes>) => {
    const before = routes;
    routes = { ...routes, ...to };
    traffic.startAnew();
    if (routes.active === before.active) return;
    keeping.abort();
    keeping = new AbortController();
    const { signal } = keeping;
    if (routes.active && !('url' in routes.active)) void keepAlive({ instances, spec: routes.active, signal, log });
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
    if (routes.active?.key === key) {
      if (routes.candidate) change({ candidate: null });
      return;
    }
    await assertServes(key);
    const before = routes;
    const active = upstreams.spec(key) ?? null;
    change({ active, candidate: null, previous: before.active?.key ?? null });
    try {
      await save();
    } catch (error) {
      if (routes.active === active) change(before);
      throw error;
    }
  };

  const split = async (key: string, share: number) => {
    if (routes.active?.key === key) {
      throw new AdminProblem(409, `${key} answers all that no other upstream does.`, 'Give the other one its share.');
    }
    // A call that is repeated, because its answer was lost, must not begin the statistics anew.
    if (routes.candidate?.key === key && routes.candidate.share === share) return;
    await assertServes(key);
    change({ candidate: { key, share } });
  };

  const takeOut = async (key: string) => {
    if (routes.candidate?.key === key) change({ candidate: null });
    if (routes.active?.key !== key) return;
    if (routes.previous === null) {
      throw new AdminProblem(409, `No other upstream than ${key} has served.`, 'Traffic is as it was. Start another.');
    }
    await serveWhole(routes.previous);
  };

  return {
    destination: (avoid) => chooseDestination({ ...routes, upstreams, traffic, avoid }),
    routes: () => routes,
    shift: (key, share) =>
      serial('shift', async () => {
        if (share === 0) await takeOut(key);
        else if (share === 1) await serveWhole(key);
        else await split(key, share);
        const { active, previous, candidate } = routes;
        log.info({ active: active?.key, previous, candidate }, 'traffic shifted');
        return { active: active?.key ?? null, previous, candidate };
      }),
    clear: (key) =>
      serial('shift', async () => {
        if (routes.active?.key !== key) return;
        const before = routes;
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
    retire(key) {
      retired.add(key);
      if (routes.candidate?.key === key) change({ candidate: null });
      return () => void retired.delete(key);
    },
    async moved(key) {
      if (routes.active?.key !== key) return;
      routes = { ...routes, active: upstreams.spec(key) ?? null };
      await save();
    },
    async restore() {
      const { active } = await readState(stateFile, log);
      if (active && 'url' in active) await upstreams.put(active);
      change({ active });
      // So that /status names it from the first answer on; a failure is met again, and logged, by what keeps it alive.
      if (active && !('url' in active)) await instances.start(active).catch(() => {});
    },
    close: () => keeping.abort(),
  };
}
