import { fileURLToPath } from 'node:url';
import { hostOf, reachable } from '../config/reach.ts';
import type { Config } from '../config.ts';
import { answers } from './http.ts';
import type { Part } from './part.ts';

const MAIN = fileURLToPath(new URL('../webhook/main.ts', import.meta.url));

/** The port on which drift alerts come in. */
export function webhookPart({ stack }: Config): Part {
  const port = stack.webhookPort;
  return {
    name: 'webhook',
    title: 'Webhook',
    ports: [{ port, host: reachable(stack.bind), setting: 'stack.webhookPort' }],
    // It asks Temporal when an alert comes, and not before.
    after: [],
    command: [process.execPath, MAIN],
    env: {},
    isReady: () => answers(`http://${hostOf(stack.bind)}:${port}/health`),
    startTimeoutMs: 60_000,
    stopGraceMs: 8_000,
  };
}
