import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startLoad } from '../support/load.ts';
import { until } from '../support/until.ts';
import { closeGateway, groupOf, openGateway, type TestGateway } from './support.ts';

let gateway: TestGateway;
beforeEach(async () => {
  gateway = await openGateway();
});
afterEach(() => closeGateway(gateway));

test('under a steady load, ten switches with the old instance stopped each time fail no request', async () => {
  await gateway.serve({ key: 'v0', version: '0' });
  const load = startLoad({ apiUrl: gateway.apiUrl, requestsPerSecond: 50 });
  for (let version = 1; version <= 10; version += 1) {
    await gateway.serve({ key: `v${version}`, version: String(version) });
    expect((await gateway.admin('DELETE', `/instances/v${version - 1}?drainMs=5000`)).status).toBe(204);
  }
  const answers = await load.stop();
  expect(answers.filter(({ failure }) => failure !== null)).toEqual([]);
  const versions = new Set(answers.map(({ version }) => Number(version)));
  expect([...versions].every((version) => version >= 0 && version <= 10)).toBe(true);
  expect(versions.size).toBeGreaterThan(5);
  const { requests } = (await gateway.admin('GET', '/status')).body;
  expect(requests).toEqual({ total: answers.length, failed: 0, inFlight: 0 });
}, 60_000);

test('a slow request finishes on the old instance while new ones go to the new one', async () => {
  const old = await gateway.serve({ key: 'old', version: '1' });
  const slow = gateway.api('GET', '/slow?ms=1500');
  await until(async () => (await gateway.admin('GET', '/status')).body.requests.inFlight === 1, {
    timeoutMs: 2_000,
    what: 'the slow request to be open',
  });
  await gateway.serve({ key: 'new', version: '2' });
  const stopped = gateway.admin('DELETE', '/instances/old?drainMs=10000');
  expect((await gateway.api('GET', '/slow?ms=0')).body.version).toBe('2');
  expect(await Promise.race([stopped, delay(200, 'still draining')])).toBe('still draining');
  expect((await gateway.admin('POST', '/traffic', { key: 'old' })).body.error).toContain('being stopped');
  expect(await slow).toMatchObject({ status: 200, body: { version: '1' } });
  expect((await stopped).status).toBe(204);
  expect(await groupOf(old.pid)).toEqual([]);
}, 20_000);

test('a request that goes on longer than the drain is cut off', async () => {
  await gateway.serve({ key: 'old', version: '1' });
  const slow = gateway.api('GET', '/slow?ms=30000');
  await until(async () => (await gateway.admin('GET', '/status')).body.requests.inFlight === 1, {
    timeoutMs: 2_000,
    what: 'the slow request to be open',
  });
  await gateway.serve({ key: 'new', version: '2' });
  await gateway.admin('DELETE', '/instances/old?drainMs=200');
  expect((await slow).status).toBe(502);
}, 20_000);
