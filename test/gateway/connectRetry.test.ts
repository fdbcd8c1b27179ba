import { pino } from 'pino';
import { request } from 'undici';
import { afterEach, expect, test } from 'vitest';
import { OUR_CONTRACT } from '../../src/contracts/apiContract.ts';
import type { DataPlane, Destination } from '../../src/gateway/dataPlane.ts';
import { createProxy } from '../../src/gateway/proxy.ts';
import { freePort } from '../../src/systems/ports.ts';
import { closeGateway, openGateway, type TestGateway } from './support.ts';

let plane: DataPlane;
let gateway: TestGateway | undefined;
afterEach(async () => {
  await plane.close(0);
  if (gateway) await closeGateway(gateway);
});

/** A data plane whose first destination is a port on which nobody listens any more, and that is moved on meanwhile. */
async function planeTo(...destinations: Destination[]) {
  const gone = { key: 'gone', model: 'Readmit', version: '1', at: `http://127.0.0.1:${await freePort(new Set())}` };
  const rest: Destination[] = [gone, ...destinations];
  plane = await createProxy({ requestTimeoutMs: 2_000, contract: () => OUR_CONTRACT, log: pino({ level: 'silent' }) });
  plane.route({
    get active() {
      return (rest.length > 1 ? rest.shift() : rest[0]) ?? null;
    },
    candidate: null,
  });
  return { url: await plane.listen('127.0.0.1', 0) };
}

test('a request that could not be connected because traffic moved goes to the new version, body and all', async () => {
  gateway = await openGateway();
  const { url: newUrl } = await gateway.run({ key: 'new', version: '2' });
  const to = { key: 'new', model: 'Readmit', version: '2', at: newUrl };
  const { url } = await planeTo(to, to);
  const body = 'x'.repeat(300_000);
  const answer = await request(`${url}/echo`, { method: 'POST', body });
  expect(answer.statusCode).toBe(200);
  expect(answer.headers['x-mediwatch-version']).toBe('2');
  expect(await answer.body.text()).toBe(body);
  expect(await plane.drained('gone', 100)).toBe(true);
  expect(await plane.drained('new', 1_000)).toBe(true);
});

test('a request that cannot be connected and has nowhere else to go is answered with 503', async () => {
  const { url } = await planeTo();
  const answer = await request(`${url}/predict`, { method: 'POST', body: '{}' });
  expect(answer.statusCode).toBe(503);
  expect(await answer.body.json()).toMatchObject({ error: 'Version 1 cannot be reached (ECONNREFUSED).' });
});
