import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../../src/config.ts';
import { freePort } from '../../src/systems/ports.ts';
import { until } from '../support/until.ts';
import { driver, groupOf, openGateway } from './support.ts';

const MAIN = fileURLToPath(new URL('./fixtures/gatewayMain.ts', import.meta.url));

let dir: string;
const started: Array<ReturnType<typeof spawnGateway>> = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mediwatch-gateway-'));
});
afterEach(async () => {
  for (const { child } of started.splice(0)) {
    child.kill('SIGKILL');
    await child;
  }
  await rm(dir, { recursive: true, force: true });
});

function spawnGateway(port: number) {
  const child = execa(process.execPath, [MAIN, dir, String(port)], { reject: false });
  const gateway = driver({
    apiUrl: `http://127.0.0.1:${port}`,
    adminUrl: `unix:${dir}/gateway/admin.sock`,
  });
  return { child, ...gateway };
}

async function startGateway() {
  const gateway = spawnGateway(await freePort(new Set()));
  started.push(gateway);
  await until(() => gateway.admin('GET', '/status').catch(() => null), { timeoutMs: 15_000, what: 'the gateway' });
  return gateway;
}

test('kill -9 of the gateway leaves no API process, and the next one serves the active version again', async () => {
  const first = await startGateway();
  const one = await first.serve({ key: 'one', version: '1', runId: 'slow-start' });
  const candidate = await first.run({ key: 'candidate', version: '2' });
  first.child.kill('SIGKILL');
  await until(async () => (await groupOf(one.pid)).length + (await groupOf(candidate.pid)).length === 0, {
    timeoutMs: 5_000,
    what: 'the API processes to be gone',
  });

  const second = await startGateway();
  const early = await second.api('GET', '/health');
  expect(early.status).toBe(503);
  expect(early.body.error).toContain('Version 1 of Readmit is starting');
  const status = (await second.admin('GET', '/status')).body;
  expect(status.active).toMatchObject({ key: 'one', version: '1', state: 'starting' });
  await until(async () => (await second.api('GET', '/health')).status === 200, {
    timeoutMs: 15_000,
    what: 'version 1 to answer',
  });
  expect((await second.admin('GET', '/instances/candidate')).status).toBe(404);
}, 40_000);

test('SIGTERM lets the open request finish, stops the API processes and ends with 0', async () => {
  const gateway = await startGateway();
  const { pid } = await gateway.serve({ key: 'one' });
  const slow = gateway.api('GET', '/slow?ms=1000');
  await until(async () => (await gateway.admin('GET', '/status')).body.requests.inFlight === 1, {
    timeoutMs: 2_000,
    what: 'the slow request to be open',
  });
  gateway.child.kill('SIGTERM');
  expect((await slow).status).toBe(200);
  expect((await gateway.child).exitCode).toBe(0);
  expect(await groupOf(pid)).toEqual([]);
  expect(JSON.parse(await readFile(join(dir, 'gateway', 'state.json'), 'utf8')).active.key).toBe('one');
}, 30_000);

test('an active version that cannot start is tried again and again, and requests say why', async () => {
  await openAndClose({ key: 'broken' });
  const file = join(dir, 'gateway', 'state.json');
  const state = JSON.parse(await readFile(file, 'utf8'));
  await writeFile(file, JSON.stringify({ active: { ...state.active, runId: 'exit' } }));
  const gateway = await openGateway({ dir });
  try {
    const pids = new Set<number | undefined>();
    await until(async () => pids.add((await gateway.instance('broken')).pid).size >= 3, {
      timeoutMs: 15_000,
      what: 'three attempts',
    });
    const answer = await gateway.api('GET', '/health');
    expect(answer.status).toBe(503);
    expect(answer.body.error).toMatch(/Version 1 of Readmit is (being restarted|starting)\.$/);
  } finally {
    await gateway.close();
  }
}, 30_000);

test('a state file that cannot be read is put aside, and nothing is active', async () => {
  await openAndClose({ key: 'one' });
  await writeFile(join(dir, 'gateway', 'state.json'), '{"active"');
  const gateway = await openGateway({ dir });
  expect((await gateway.admin('GET', '/status')).body.active).toBeNull();
  expect(await readFile(join(dir, 'gateway', 'state.json.unreadable'), 'utf8')).toBe('{"active"');
  await gateway.close();
});

test('a taken port is named together with the setting', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await until(() => server.listening, { timeoutMs: 1_000, what: 'the port to be taken' });
  const { port } = server.address() as AddressInfo;
  const ports = { MEDIWATCH_STACK_API_PORT: String(port), MEDIWATCH_STACK_DIR: dir };
  const { exitCode, stdout } = await execa(process.execPath, [join(PROJECT_ROOT, 'src/gateway/main.ts')], {
    env: ports,
    reject: false,
  });
  server.close();
  expect(exitCode).toBe(1);
  expect(stdout).toContain(`Port ${port} is taken`);
  expect(stdout).toContain('stack.apiPort');
}, 20_000);

async function openAndClose(spec: { key: string }): Promise<void> {
  const gateway = await openGateway({ dir });
  await gateway.serve(spec);
  await gateway.close();
}
