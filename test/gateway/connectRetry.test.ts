import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { request } from 'undici';
import { afterEach, expect, test } from 'vitest';
import { createProxy, type Destination } from '../../src/gateway/proxy.ts';
import { createTraffic } from '../../src/gateway/traffic.ts';
import { freePort } from '../../src/systems/ports.ts';
import { closeGateway, openGateway, type TestGateway } from './support.ts';

let proxy: FastifyInstance;
let gateway: TestGateway | undefined;
afterEach(async () => {
  await proxy.close();
  if (gateway) await closeGateway(gateway);
});

/** A proxy whose first destination is a port on which nobody listens any more. */
async function proxyTo(...destinations: Destination[]) {
  const gone = { key: 'gone', version: '1', url: `http://127.0.0.1:${await freePort(new Set())}` };
  const rest = [gone, ...destinations];
  const traffic = createTraffic();
  const destination = () => (rest.length > 1 ? rest.shift() : rest[0]) as Destination;
  proxy = await createProxy({ destination, traffic, requestTimeoutMs: 2_000, log: pino({ level: 'silent' }) });
  return { url: await proxy.listen({ host: '127.0.0.1', port: 0 }), traffic };
}

test('a request that could not be connected because traffic moved goes to the new version, body and all', async () => {
  gateway = await openGateway();
  const { url: newUrl } = await gateway.run({ key: 'new', version: '2' });
  const to = { key: 'new', version: '2', url: newUrl };
  const { url, traffic } = await proxyTo(to, to);
  const body = 'x'.repeat(300_000);
  const answer = await request(`${url}/echo`, { method: 'POST', body });
  expect(answer.statusCode).toBe(200);
  expect(answer.headers['x-mediwatch-version']).toBe('2');
  expect(await answer.body.text()).toBe(body);
  expect(await traffic.drained('gone', 100)).toBe(true);
  expect(await traffic.drained('new', 1_000)).toBe(true);
});

test('a request that cannot be connected and has nowhere else to go is answered with 503', async () => {
  const { url } = await proxyTo();
  const answer = await request(`${url}/predict`, { method: 'POST', body: '{}' });
  expect(answer.statusCode).toBe(503);
  expect(await answer.body.json()).toMatchObject({ error: 'Version 1 cannot be reached (ECONNREFUSED).' });
});
