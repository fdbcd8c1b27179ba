import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { InstanceSpec } from '../contracts/gateway.ts';
import type { Instances } from './instances.ts';

/** Waits before the first, second, … restart in a row (ms); the last one for all that follow. */
const BACK_OFF_MS = [250, 1_000, 2_000, 5_000, 10_000, 30_000];
/** A process that ran this long was well: its next death is the first in a row again (ms). */
const SETTLED_MS = 60_000;

interface KeepAlive {
  instances: Instances;
  spec: InstanceSpec;
  /** Ends the watch; the process goes on. */
  signal: AbortSignal;
  log: Logger;
}

/** Starts the process, and starts it again whenever it ends. */
export async function keepAlive({ instances, spec, signal, log }: KeepAlive): Promise<void> {
  let deaths = 0;
  while (!signal.aborted) {
    try {
      const instance = await instances.restart(spec);
      await instance.gone;
      const since = instance.runningSince();
      if (since !== undefined && performance.now() - since > SETTLED_MS) deaths = 0;
    } catch (error) {
      if (!signal.aborted) log.error({ err: error, key: spec.key }, 'the active version could not be started');
    }
    const waitMs = BACK_OFF_MS[Math.min(deaths, BACK_OFF_MS.length - 1)];
    deaths += 1;
    if (!signal.aborted) log.warn({ key: spec.key, version: spec.version, waitMs }, 'restarting the active version');
    await delay(waitMs, undefined, { signal }).catch(() => {});
  }
}
