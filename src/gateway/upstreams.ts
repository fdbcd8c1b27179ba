import type { Logger } from 'pino';
import type { ApiContract } from '../contracts/apiContract.ts';
import type { ActiveSpec, ExternalSpec, InstanceSpec } from '../contracts/gateway.ts';
import { freePort } from '../systems/ports.ts';
import type { Reaper } from '../systems/processes/reaper.ts';
import { type ApiProcess, probe, startApiProcess } from './apiProcess.ts';
import type { CommandOf } from './command.ts';
import type { Unavailable } from './dataPlane.ts';
import { logFileOf, pruneInstanceLogs } from './instanceLog.ts';
import { AdminProblem } from './problem.ts';
import { createSerial } from './serial.ts';

interface UpstreamsOptions {
  command: CommandOf;
  /** Where the answers of an API have what they say. */
  contract: () => ApiContract;
  /** Address that the processes listen on. */
  host: string;
  /** Folder of the logs. */
  logDir: string;
  /** From SIGTERM to SIGKILL (ms). */
  graceMs: number;
  reaper: Reaper;
  /** Called when an upstream came, changed its address or its state, or went. */
  onChange: () => void;
  log: Logger;
}

export type Upstreams = ReturnType<typeof createUpstreams>;

/** All that requests can go to, by key: our own processes, and servers that something else runs. Knows no traffic. */
export function createUpstreams(options: UpstreamsOptions) {
  const { command, contract, host, logDir, graceMs, reaper, onChange, log } = options;
  const processes = new Map<string, ApiProcess>();
  const externals = new Map<string, ExternalSpec>();
  const reserved = new Set<number>();
  // In turn, so that one that is being removed is not taken for the one that is started or put.
  const serial = createSerial();
  let closing = false;

  const launch = async (spec: InstanceSpec) => {
    const port = await freePort(reserved);
    if (closing) throw new AdminProblem(503, 'The gateway is shutting down.', 'Try again when it is back.');
    reserved.add(port);
    const logFile = logFileOf(logDir, spec);
    pruneInstanceLogs(logDir, new Set([logFile, ...[...processes.values()].map((instance) => instance.logFile)]));
    const process = { spec, port, command: command(spec, { host, port }), health: contract().health, logFile };
    const instance = startApiProcess({ ...process, reaper, onChange, log });
    processes.set(spec.key, instance);
    onChange();
    void instance.gone.then(() => reserved.delete(port));
    return instance;
  };

  /** Waits for `before`, then stops an own process, and forgets the key; a key that is not there is fine. */
  const remove = (key: string, before?: () => Promise<unknown>) =>
    serial(key, async () => {
      const instance = processes.get(key);
      if (!instance && !externals.has(key)) return;
      await before?.();
      await instance?.stop(graceMs);
      processes.delete(key);
      externals.delete(key);
      onChange();
    });

  return {
    keys: () => [...processes.keys(), ...externals.keys()],
    spec: (key: string): ActiveSpec | undefined => processes.get(key)?.spec ?? externals.get(key),
    /** An own process. */
    instance: (key: string) => processes.get(key),
    instances: () => [...processes.values()],

    /**
     * Where it answers, or that it cannot be sent requests now: why is for the admin API. How an external one does, only a
     * request shows.
     */
    address(spec: ActiveSpec): string | Unavailable {
      const instance = processes.get(spec.key);
      if (!instance) return externals.get(spec.key)?.url ?? starting(spec);
      if (instance.state() === 'running') return instance.url;
      return instance.state() === 'exited' ? restarting(spec) : starting(spec);
    },

    /** Asks whether it serves; gives why not, as text, or null. */
    async problem(key: string): Promise<string | null> {
      const own = processes.get(key);
      if (own) return await own.problem();
      const external = externals.get(key);
      return external ? await probe(external.url, contract().health) : 'it is gone';
    },

    /**
     * Starts a process, or adopts the one that has the key.
     *
     * @throws {AdminProblem} 409 when the key belongs to another version or to an external server
     */
    start: (spec: InstanceSpec) =>
      serial(spec.key, async () => {
        if (externals.has(spec.key)) throw otherKind(spec.key, 'an external upstream');
        const instance = processes.get(spec.key);
        if (!instance) return { instance: await launch(spec), adopted: false };
        assertSameVersion(instance.spec, spec);
        return { instance, adopted: true };
      }),

    /** Starts a process in the place of one that exited; one that is still there is left alone. */
    restart: (spec: InstanceSpec) =>
      serial(spec.key, async () => {
        const instance = processes.get(spec.key);
        if (instance && instance.state() !== 'exited') return instance;
        await instance?.gone;
        return launch(spec);
      }),

    /**
     * Makes an external server known, or changes the address of the one that has the key.
     *
     * @throws {AdminProblem} 409 when the key belongs to another version or to a process
     */
    put: (spec: ExternalSpec) =>
      serial(spec.key, async () => {
        if (processes.has(spec.key)) throw otherKind(spec.key, 'a process of the gateway');
        const known = externals.get(spec.key);
        if (known) assertSameVersion(known, spec);
        externals.set(spec.key, spec);
        onChange();
      }),

    remove,

    /** Starts nothing any more and stops all own processes. */
    async close(): Promise<void> {
      closing = true;
      // Through the queue of each key, so that one that is being launched is stopped as well.
      await Promise.all([...processes.keys()].map((key) => remove(key)));
    },
  };
}

function starting({ version, model }: ActiveSpec): Unavailable {
  return { error: `Version ${version} of ${model} is starting.`, next: 'try again in a few seconds' };
}

function restarting({ version, model }: ActiveSpec): Unavailable {
  return { error: `Version ${version} of ${model} is being restarted.`, next: 'try again soon' };
}

/** A key stands for one model version as long as it is known. */
function assertSameVersion(known: ActiveSpec, wanted: ActiveSpec): void {
  if (known.model === wanted.model && known.version === wanted.version) return;
  throw new AdminProblem(
    409,
    `Key ${wanted.key} belongs to version ${known.version} of ${known.model}, not to version ${wanted.version} of ${wanted.model}.`,
    'Nothing was changed. Use another key, or delete that one first.',
  );
}

function otherKind(key: string, holder: string): AdminProblem {
  return new AdminProblem(409, `Key ${key} belongs to ${holder}.`, 'Nothing was changed. Use another key.');
}
