import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Config, loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import { partsOf } from '../../src/stack/parts.ts';
import { checkPorts } from '../../src/stack/ports.ts';
import { type Stack, startStack } from '../../src/stack/stack.ts';
import { freePort } from '../../src/systems/ports.ts';
import { createReaper, type Reaper } from '../../src/systems/processes/reaper.ts';

/** A second address of this host; of macOS it is none. */
const BIND = '127.0.0.2';
let dir: string;
let config: Config;
let reaper: Reaper;
let stack: Stack | undefined;

const PORTS = ['API', 'WEBHOOK'] as const;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'mediwatch-bind-'));
  reaper = await createReaper();
  const taken = new Set<number>();
  for (const name of PORTS) {
    const port = await freePort(taken);
    taken.add(port);
    process.env[`MEDIWATCH_STACK_${name}_PORT`] = String(port);
  }
  Object.assign(process.env, { MEDIWATCH_STACK_DIR: dir, MEDIWATCH_STACK_BIND: BIND });
  config = loadConfig(process.env, PROJECT_ROOT);
});
afterAll(async () => {
  await stack?.stop();
  await reaper.close();
  rmSync(dir, { recursive: true, force: true });
});

test.runIf(process.platform === 'linux')(
  'with stack.bind set to one address of the host, gateway and webhook come up and are reached there',
  async () => {
    const parts = partsOf(config, { dir, temporal: '', ui: { host: '127.0.0.1', port: 1 } }).filter(({ name }) =>
      ['gateway', 'webhook'].includes(name),
    );
    expect(parts).toHaveLength(2);
    await checkPorts(
      parts.flatMap(({ ports }) => ports),
      { waitMs: 0 },
    );
    const signal = new AbortController().signal;
    stack = await startStack(parts, { logFolder: join(dir, 'logs'), reaper, announce: () => undefined, signal });
    for (const url of [`${config.deployment.apiUrl}/health`, `${config.webhook.url}/health`]) {
      expect(url).toContain(`//${BIND}:`);
      expect((await fetch(url)).status, url).toBeOneOf([200, 503]);
    }
    expect(new URL(config.deployment.apiUrl).hostname).toBe(BIND);
    const { ports } = parts[0] ?? {};
    await expect(checkPorts(ports ?? [], { waitMs: 0 })).rejects.toThrow('is taken');
  },
);
