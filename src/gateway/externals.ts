import type { ExternalSpec } from '../contracts/gateway.ts';
import { assertSameVersion } from './sameVersion.ts';
import { createSerial } from './serial.ts';

/** Servers that something else starts and stops, by key. Knows nothing of traffic. */
export interface Externals {
  get(key: string): ExternalSpec | undefined;
  list(): ExternalSpec[];
  /**
   * Makes a server known, or changes the address of the one that has the key.
   *
   * @throws {AdminProblem} 409 when the key belongs to another version
   */
  put(spec: ExternalSpec): Promise<void>;
  /** Waits for `before`, then forgets the server; a key that is not there is fine. */
  remove(key: string, before?: () => Promise<unknown>): Promise<void>;
}

export function createExternals(): Externals {
  const known = new Map<string, ExternalSpec>();
  const serial = createSerial();
  return {
    get: (key) => known.get(key),
    list: () => [...known.values()],
    // In turn, so that a server that is being removed is not taken for the one that is put.
    put: (spec) =>
      serial(spec.key, async () => {
        const there = known.get(spec.key);
        if (there) assertSameVersion(there, spec);
        known.set(spec.key, spec);
      }),
    remove: (key, before) =>
      serial(key, async () => {
        if (!known.has(key)) return;
        await before?.();
        known.delete(key);
      }),
  };
}
