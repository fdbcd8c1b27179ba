import { fileURLToPath } from 'node:url';
import { hostOf, reachable } from '../config/reach.ts';
import type { Config } from '../config.ts';
import { readJson } from './http.ts';
import type { Part } from './part.ts';

const MAIN = fileURLToPath(new URL('../gateway/main.ts', import.meta.url));

/** How long the start waits for the version that was active last; the gateway goes on trying by itself (ms). */
const ACTIVE_VERSION_MS = 8_000;

/** The gateway: the API's port, and the processes of the model behind it. */
export function gatewayPart({ stack, deployment }: Config): Part {
  const host = reachable(stack.bind);
  const statusUrl = `http://${hostOf(stack.bind)}:${stack.apiAdminPort}/status`;
  return {
    name: 'gateway',
    title: 'API gateway',
    ports: [
      { port: stack.apiPort, host, setting: 'stack.apiPort' },
      { port: stack.apiAdminPort, host, setting: 'stack.apiAdminPort' },
    ],
    after: [],
    command: [process.execPath, MAIN],
    env: {},
    async isReady({ elapsedMs }) {
      const status = (await readJson(statusUrl)) as { active: { state: string } | null } | undefined;
      if (!status) return false;
      return status.active?.state !== 'starting' || elapsedMs > ACTIVE_VERSION_MS;
    },
    startTimeoutMs: 60_000,
    stopGraceMs: (deployment.drain + 8) * 1_000,
  };
}
