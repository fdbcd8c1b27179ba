import type { ActiveSpec, ExternalSpec, InstanceSpec } from '../contracts/gateway.ts';
import type { ApiProcess } from './apiProcess.ts';
import type { Externals } from './externals.ts';
import { probe } from './health.ts';
import type { Instances } from './instances.ts';
import { AdminProblem } from './problems.ts';
import type { Upstream } from './proxy.ts';

/** All that requests can go to, by key: our own processes, and the servers of others. */
export interface Upstreams {
  keys(): string[];
  instance(key: string): ApiProcess | undefined;
  spec(key: string): ActiveSpec | undefined;
  /** The upstream, if it can be sent requests now. How an external one does, only a request shows. */
  ready(key: string): Upstream | undefined;
  /** Asks whether it serves; gives why not, in words, or null. */
  problem(key: string): Promise<string | null>;
  /** Starts an own process, see {@link Instances.start}. */
  start(spec: InstanceSpec): ReturnType<Instances['start']>;
  /** Makes an external server known, see {@link Externals.put}. */
  put(spec: ExternalSpec): Promise<void>;
  /** Waits for `before`, then stops an own process, and forgets the key; a key that is not there is fine. */
  remove(key: string, before: () => Promise<unknown>): Promise<void>;
}

/** @throws {AdminProblem} 409 from `start` and `put`, for a key that belongs to one of the other kind */
export function createUpstreams({ instances, externals }: { instances: Instances; externals: Externals }): Upstreams {
  const instance = (key: string) => instances.get(key);
  return {
    keys: () => [...instances.list().map(({ spec }) => spec.key), ...externals.list().map(({ key }) => key)],
    instance,
    spec: (key) => instance(key)?.spec ?? externals.get(key),
    ready(key) {
      const own = instance(key);
      if (own) return own.state() === 'running' ? { key, version: own.spec.version, url: own.url } : undefined;
      return externals.get(key);
    },
    async problem(key) {
      const own = instance(key);
      if (own) return await own.problem();
      const external = externals.get(key);
      return external ? await probe(external.url) : 'it is gone';
    },
    async start(spec) {
      assertFree(spec.key, externals.get(spec.key), 'an external upstream');
      return instances.start(spec);
    },
    async put(spec) {
      assertFree(spec.key, instance(spec.key), 'a process of the gateway');
      await externals.put(spec);
    },
    async remove(key, before) {
      await instances.stop(key, before);
      await externals.remove(key, before);
    },
  };
}

function assertFree(key: string, holder: unknown, what: string): void {
  if (!holder) return;
  throw new AdminProblem(409, `Key ${key} belongs to ${what}.`, 'Nothing was changed. Use another key.');
}
