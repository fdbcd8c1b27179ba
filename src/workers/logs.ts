import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Runtime } from '@temporalio/worker';
import { type Config, fromRoot } from '../config.ts';
import { openBackend } from '../systems/artifacts/index.ts';
import { artifactStoreOptions } from '../systems/artifacts/options.ts';
import { createLogShipper, type LogShipper, NOT_SHIPPED, removeOldLogs } from '../systems/logs/index.ts';

/** Old logs are looked for when a worker has been up for this long, and then once a day (ms). */
const RETENTION_MS = { first: 60_000, every: 24 * 3_600_000 };
const DAY_MS = 24 * 3_600_000;
/** Shipping what is left waits no longer than this when the worker stops (ms). */
const FLUSH_LIMIT_MS = 3_000;

/** What a worker does with the logs of steps. */
export interface WorkerLogs {
  shipper: Pick<LogShipper, 'open'>;
  close(): Promise<void>;
}

/** Ships the logs of steps, unless `logs.ship` is off, and removes those older than `logs.keepDays`. */
export function createWorkerLogs(config: Config): WorkerLogs {
  const { ship, keepDays } = config.logs;
  const folder = (name: string) => join(fromRoot(config, config.stack.dir), 'logs', name);
  const { logger } = Runtime.instance();
  const backend = ship ? openBackend(artifactStoreOptions(config)) : undefined;
  const shipper = backend
    ? createLogShipper({
        backend,
        marksFolder: folder('unshipped'),
        onTrouble: ({ message }) =>
          logger.warn(`logs of steps cannot be shipped now: ${message}`, {
            next: 'They stay on this host, and are shipped later.',
          }),
        onRecovery: () => logger.info('logs of steps are shipped again'),
      })
    : undefined;
  const stopped = new AbortController();

  async function retain(): Promise<void> {
    const { signal } = stopped;
    const folders = [folder('steps'), folder('unshipped')];
    const wait = (ms: number) => delay(ms, undefined, { signal, ref: false }).catch(() => undefined);
    await wait(RETENTION_MS.first);
    while (!signal.aborted) {
      await removeOldLogs({ backend, folders, before: Date.now() - keepDays * DAY_MS, signal }).catch(
        (error: Error) => {
          if (!signal.aborted) logger.warn(`old logs of steps were not removed: ${error.message}`);
        },
      );
      await wait(RETENTION_MS.every);
    }
  }

  const retaining = keepDays > 0 ? retain() : Promise.resolve();
  return {
    shipper: shipper ?? NOT_SHIPPED,
    async close() {
      stopped.abort();
      await shipper?.close(Math.min(FLUSH_LIMIT_MS, config.worker.stopGrace * 1000));
      await retaining;
      await backend?.close();
    },
  };
}
