import { fileURLToPath } from 'node:url';
import type { Config } from '../config.ts';
import type { Part } from './part.ts';

const MAIN = fileURLToPath(new URL('../worker.ts', import.meta.url));

/** Its line of JSON once it takes tasks. */
const READY = '"msg":"worker ready"';

/** The worker with all the roles that the configuration gives it. */
export function workerPart({ worker }: Config, after: readonly Part['name'][]): Part {
  return {
    name: 'worker',
    title: 'Worker',
    ports: [],
    after,
    command: [process.execPath, MAIN],
    env: {},
    isReady: ({ log }) => log().includes(READY),
    startTimeoutMs: 120_000,
    stopGraceMs: (worker.stopGrace + 5) * 1_000,
  };
}
