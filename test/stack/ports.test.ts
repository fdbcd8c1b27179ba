import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { checkPorts } from '../../src/stack/ports.ts';
import { freePort } from '../../src/systems/ports.ts';

let server: Server | undefined;
afterEach(() => {
  server?.close();
  vi.restoreAllMocks();
});

async function takePort(host = '127.0.0.1'): Promise<number> {
  const port = await freePort(new Set());
  server = createServer().listen(port, host);
  await once(server, 'listening');
  return port;
}

test('free ports pass', async () => {
  await checkPorts([{ port: await freePort(new Set()), setting: 'stack.mlflowPort' }], { waitMs: 0 });
});

test('a taken port is named with its setting, its variable and, on Linux, its holder', async () => {
  const port = await takePort();
  const failure = await checkPorts([{ port, setting: 'stack.mlflowPort' }], { waitMs: 0 }).catch((error) => error);
  expect(failure.message).toContain(`Port ${port} is taken`);
  expect(failure.message).toContain('stack.mlflowPort');
  expect(failure.message).toContain('MEDIWATCH_STACK_MLFLOW_PORT');
  if (process.platform === 'linux') expect(failure.message).toContain(`by process ${process.pid} (`);
});

test('every taken port is told at once', async () => {
  const port = await takePort();
  const needs = [
    { port, setting: 'stack.apiPort' },
    { port: await freePort(new Set([port])), setting: 'stack.mlflowPort' },
  ];
  const failure = await checkPorts(needs, { waitMs: 0 }).catch((error) => error);
  expect(failure.message).toContain('stack.apiPort');
  expect(failure.message).not.toContain('stack.mlflowPort');
});

test('two parts on one port are refused before anything is started', async () => {
  const port = await freePort(new Set());
  const needs = [
    { port, setting: 'stack.apiPort' },
    { port, setting: 'stack.mlflowPort' },
  ];
  await expect(checkPorts(needs, { waitMs: 0 })).rejects.toThrow(`Two parts are set to port ${port}`);
});

test('a port that becomes free while it is waited for passes', async () => {
  const port = await takePort();
  setTimeout(() => server?.close(), 300);
  await checkPorts([{ port, setting: 'stack.apiPort' }], { waitMs: 10_000 });
});

test('a clock that is set while a port is waited for changes nothing', async () => {
  const port = await takePort();
  let time = Date.now();
  vi.spyOn(Date, 'now').mockImplementation(() => (time += 3_600_000));
  setTimeout(() => server?.close(), 300);
  await checkPorts([{ port, setting: 'stack.apiPort' }], { waitMs: 10_000 });
});

// Of macOS only 127.0.0.1 is a loopback address without being set up.
test.runIf(process.platform === 'linux')('a port is looked at on the address on which it is opened', async () => {
  const port = await takePort('127.0.0.2');
  await checkPorts([{ port, setting: 'stack.mlflowPort' }], { waitMs: 0 });
  const bound = checkPorts([{ port, host: '127.0.0.2', setting: 'stack.apiPort' }], { waitMs: 0 });
  await expect(bound).rejects.toThrow(`Port ${port} is taken`);
});

test('an address that is none of this host is reported as such', async () => {
  const port = await freePort(new Set());
  const needs = [{ port, host: '192.0.2.1', setting: 'stack.apiPort' }];
  await expect(checkPorts(needs, { waitMs: 0 })).rejects.toThrow(/no address 192\.0\.2\.1.*stack\.bind/);
});
