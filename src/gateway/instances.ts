import type { Logger } from 'pino';
import type { InstanceSpec } from '../contracts/gateway.ts';
import { EVERYWHERE, freePort, LOOPBACK } from '../systems/ports.ts';
import type { Reaper } from '../systems/processes/reaper.ts';
import { type ApiProcess, startApiProcess } from './apiProcess.ts';
import type { CommandOf } from './command.ts';
import { logFileOf, pruneInstanceLogs } from './instanceLog.ts';
import { AdminProblem } from './problems.ts';
import { assertSameVersion } from './sameVersion.ts';
import { createSerial } from './serial.ts';

interface InstancesOptions {
  command: CommandOf;
  /** Address that the gateway listens on. When others reach it there, they reach the processes too. */
  bind: string;
  /** Folder of the logs. */
  logDir: string;
  /** From SIGTERM to SIGKILL (ms). */
  graceMs: number;
  reaper: Reaper;
  log: Logger;
}

/** The API processes by key. Knows nothing of traffic. */
export interface Instances {
  get(key: string): ApiProcess | undefined;
  list(): ApiProcess[];
  /**
   * Starts a process, or adopts the one that has the key.
   *
   * @throws {AdminProblem} 409 when the key belongs to another version
   */
  start(spec: InstanceSpec): Promise<{ instance: ApiProcess; adopted: boolean }>;
  /** Starts a process in the place of one that exited; one that is still there is left alone. */
  restart(spec: InstanceSpec): Promise<ApiProcess>;
  /** Waits for `before`, then stops the process and forgets the key; a key that is not there is fine. */
  stop(key: string, before?: () => Promise<unknown>): Promise<void>;
  /** Starts nothing any more and stops all. */
  close(): Promise<void>;
}

export function createInstances({ command, bind, logDir, graceMs, reaper, log }: InstancesOptions): Instances {
  const known = new Map<string, ApiProcess>();
  const reserved = new Set<number>();
  const serial = createSerial();
  let closing = false;

  const launch = async (spec: InstanceSpec) => {
    const port = await freePort(reserved);
    if (closing) throw new AdminProblem(503, 'The gateway is shutting down.', 'Try again when it is back.');
    reserved.add(port);
    const logFile = logFileOf(logDir, spec);
    pruneInstanceLogs(logDir, new Set([logFile, ...[...known.values()].map((instance) => instance.logFile)]));
    const instance = startApiProcess({
      spec,
      port,
      command: command(spec, { host: bind === LOOPBACK ? LOOPBACK : EVERYWHERE, port }),
      logFile,
      reaper,
      log,
    });
    known.set(spec.key, instance);
    void instance.gone.then(() => reserved.delete(port));
    return instance;
  };

  const stop: Instances['stop'] = (key, before) =>
    serial(key, async () => {
      const instance = known.get(key);
      if (!instance) return;
      await before?.();
      await instance.stop(graceMs);
      known.delete(key);
    });

  return {
    get: (key) => known.get(key),
    list: () => [...known.values()],
    start: (spec) =>
      serial(spec.key, async () => {
        const instance = known.get(spec.key);
        if (!instance) return { instance: await launch(spec), adopted: false };
        assertSameVersion(instance.spec, spec);
        return { instance, adopted: true };
      }),
    restart: (spec) =>
      serial(spec.key, async () => {
        const instance = known.get(spec.key);
        if (instance && instance.state() !== 'exited') return instance;
        await instance?.gone;
        return launch(spec);
      }),
    stop,
    async close() {
      closing = true;
      // Through the queue of each key, so that one that is being launched is stopped as well.
      await Promise.all([...known.keys()].map((key) => stop(key)));
    },
  };
}
