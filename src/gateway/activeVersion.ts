import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { ApiProcess } from './apiProcess.ts';
import type { InstanceSpec, TrafficSwitched } from './contract.ts';
import type { Instances } from './instances.ts';
import { AdminProblem } from './problems.ts';
import type { Destination } from './proxy.ts';
import { createSerial } from './serial.ts';
import { readState, writeState } from './stateFile.ts';

/** Waits before the first, second, … restart in a row (ms); the last one for all that follow. */
const BACK_OFF_MS = [250, 1_000, 2_000, 5_000, 10_000, 30_000];
/** A process that ran this long was well: its next death is the first in a row again (ms). */
const SETTLED_MS = 60_000;

interface ActiveVersionOptions {
  instances: Instances;
  stateFile: string;
  log: Logger;
}

/** Which instance answers requests: kept on disk, kept alive, changed in one step. */
export interface ActiveVersion {
  /** Where a request that comes now goes. */
  destination(): Destination;
  current(): InstanceSpec | null;
  previousKey(): string | null;
  /**
   * Sends new requests to the instance.
   *
   * @throws {AdminProblem} 404 for a key that is not there, 409 for one that is not running
   */
  switchTo(key: string): Promise<TrafficSwitched>;
  /** Nothing answers any more, also after a restart. */
  clear(): Promise<void>;
  /** An instance that is about to be stopped is not switched to. */
  retire(key: string): void;
  /** Starts again what was active when the gateway ended last. */
  restore(): Promise<void>;
  /** Restarts nothing any more. */
  close(): void;
}

export function createActiveVersion({ instances, stateFile, log }: ActiveVersionOptions): ActiveVersion {
  let active: InstanceSpec | null = null;
  let previous: string | null = null;
  let keeping = new AbortController();
  const retired = new WeakSet<ApiProcess>();
  const serial = createSerial();
  // Writes what is active when its turn comes, so that the last write tells the last switch.
  const save = () => serial('state', () => writeState(stateFile, { active }));

  const activate = (spec: InstanceSpec | null) => {
    keeping.abort();
    keeping = new AbortController();
    active = spec;
    if (spec) void keepAlive(spec, keeping.signal);
  };

  const keepAlive = async (spec: InstanceSpec, signal: AbortSignal) => {
    let deaths = 0;
    while (!signal.aborted) {
      try {
        const instance = await instances.restart(spec);
        await instance.gone;
        const since = instance.runningSince();
        if (since && Date.now() - since > SETTLED_MS) deaths = 0;
      } catch (error) {
        if (!signal.aborted) log.error({ err: error, key: spec.key }, 'the active version could not be started');
      }
      const waitMs = BACK_OFF_MS[Math.min(deaths, BACK_OFF_MS.length - 1)];
      deaths += 1;
      if (!signal.aborted) log.warn({ key: spec.key, version: spec.version, waitMs }, 'restarting the active version');
      await delay(waitMs, undefined, { signal }).catch(() => {});
    }
  };

  return {
    destination: () => destinationOf(active, active && instances.get(active.key)),
    current: () => active,
    previousKey: () => previous,
    async switchTo(key) {
      const instance = instances.get(key);
      assertServes(key, instance, instance !== undefined && retired.has(instance));
      const before = active?.key ?? null;
      if (before === key) return { active: key, previous };
      const undo = { active, previous };
      activate(instance.spec);
      previous = before;
      try {
        await save();
      } catch (error) {
        if (active === instance.spec) {
          activate(undo.active);
          previous = undo.previous;
        }
        throw error;
      }
      log.info({ key, version: instance.spec.version, previous: before }, 'traffic switched');
      return { active: key, previous: before };
    },
    async clear() {
      activate(null);
      await save();
    },
    retire(key) {
      const instance = instances.get(key);
      if (instance) retired.add(instance);
    },
    async restore() {
      const spec = (await readState(stateFile, log)).active;
      activate(spec);
      // So that /status names it from the first answer on; a failure is met again, and logged, by what keeps it alive.
      if (spec) await instances.start(spec).catch(() => {});
    },
    close: () => keeping.abort(),
  };
}

function assertServes(key: string, instance: ApiProcess | undefined, retired: boolean): asserts instance is ApiProcess {
  const kept = 'Traffic was not switched.';
  if (!instance) throw new AdminProblem(404, `There is no instance ${key}.`, `${kept} Start it first.`);
  if (retired) throw new AdminProblem(409, `Instance ${key} is being stopped.`, `${kept} Start another one.`);
  if (instance.state() === 'running') return;
  const state = `${instance.state()} (${instance.reason()})`;
  throw new AdminProblem(409, `Instance ${key} is not running: ${state}.`, `${kept} Wait until its state is running.`);
}

function destinationOf(spec: InstanceSpec | null, instance: ApiProcess | null | undefined): Destination {
  if (!spec) return { unavailable: 'No model version is deployed.', next: 'run mediwatch retrain' };
  if (instance?.state() === 'running') return { key: spec.key, version: spec.version, url: instance.url };
  const what = `Version ${spec.version} of ${spec.model}`;
  const why = instance?.reason() ?? 'it was not started yet';
  return instance?.state() === 'exited'
    ? { unavailable: `${what} is being restarted: ${why}.`, next: `try again soon, or read ${instance.logFile}` }
    : { unavailable: `${what} is starting: ${why}.`, next: 'try again in a few seconds' };
}
