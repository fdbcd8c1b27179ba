import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../../src/gateway/ports.ts';
import { checkPorts } from '../../src/stack/ports.ts';

let server: Server | undefined;
afterEach(() => server?.close());

async function takePort(): Promise<number> {
  const port = await freePort(new Set());
  server = createServer().listen(port, '127.0.0.1');
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
