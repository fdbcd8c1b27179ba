import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Load, startLoad } from '../support/load.ts';
import { until } from '../support/until.ts';
import { type ExternalServer, startServer } from './fixtures/server.ts';
import { closeGateway, openGateway, type TestGateway } from './support.ts';

let gateway: TestGateway;
const servers: ExternalServer[] = [];
beforeEach(async () => {
  gateway = await openGateway();
});
afterEach(async () => {
  await closeGateway(gateway);
  for (const server of servers.splice(0)) await server.close();
});

const shift = (key: string, share: number) => gateway.admin('POST', '/traffic', { key, share });
const upstream = async (key: string) =>
  (await gateway.admin('GET', '/upstreams')).body.upstreams.find((one: { key: string }) => one.key === key);

async function serveExternal(key: string, version: string): Promise<ExternalServer> {
  const server = await startServer({ version });
  servers.push(server);
  await gateway.admin('PUT', `/upstreams/${key}`, { model: 'Readmit', version, url: server.url });
  return server;
}

/** Waits for so many more requests; gives the number of the first of them. */
async function during(load: Load, requests: number): Promise<number> {
  const first = load.sent();
  await until(() => load.sent() >= first + requests, { timeoutMs: 60_000, what: `${requests} requests` });
  return first;
}

test('under a steady load, shares of 0.1, 0.5 and 1 and back are kept to, and no request fails', async () => {
  await gateway.serve({ key: 'old', version: '1' });
  await gateway.run({ key: 'new', version: '2' });
  const load = startLoad({ apiUrl: gateway.apiUrl, requestsPerSecond: 50 });
  const steps: Array<{ share: number; first: number }> = [];
  for (const share of [0.1, 0.5, 1, 0]) {
    expect((await shift('new', share)).status).toBe(200);
    steps.push({ share, first: await during(load, 250) });
  }
  const answers = await load.stop();

  expect(new Set(answers.map(({ version }) => version))).toEqual(new Set(['1', '2']));
  for (const { share, first } of steps) {
    const step = answers.slice(first, first + 250);
    const observed = step.filter(({ version }) => version === '2').length / step.length;
    // Four standard deviations of 250 draws: one run in ten thousand is further away. Whole shares are exact.
    const tolerance = 4 * Math.sqrt((share * (1 - share)) / step.length);
    expect(Math.abs(observed - share), `share ${share}, observed ${observed}`).toBeLessThanOrEqual(tolerance);
  }
  const { requests, active, previous, candidate } = (await gateway.admin('GET', '/status')).body;
  expect(requests).toEqual({ total: answers.length, failed: 0, inFlight: 0 });
  expect([active.key, previous.key, candidate]).toEqual(['old', 'new', null]);
}, 60_000);

test('a candidate that dies in a split costs no request, and what it should have answered counts against it', async () => {
  await gateway.serve({ key: 'old', version: '1' });
  const server = await serveExternal('new', '2');
  await shift('new', 0.5);
  const load = startLoad({ apiUrl: gateway.apiUrl, requestsPerSecond: 50 });
  await during(load, 50);
  await server.close();
  await during(load, 50);
  const answers = await load.stop();

  const cut = answers.filter(({ failure }) => failure !== null);
  // Those that it was working on when it died are lost; the fixture answers within a millisecond.
  expect(cut.length).toBeLessThanOrEqual(1);
  expect(new Set(answers.slice(-40).map(({ version }) => version))).toEqual(new Set(['1']));
  const { failed, requests } = (await upstream('new')).traffic;
  expect(failed).toBeGreaterThan(5);
  expect(requests).toBeGreaterThan(failed);
  expect((await upstream('old')).traffic.failed).toBe(0);
}, 30_000);

test('an own candidate that is killed in a split is passed over, and its misses count against it', async () => {
  await gateway.serve({ key: 'old', version: '1' });
  const { pid } = await gateway.run({ key: 'new', version: '2' });
  await shift('new', 0.5);
  process.kill(pid ?? 0, 'SIGKILL');
  await until(async () => (await gateway.instance('new')).state === 'exited', { timeoutMs: 5_000, what: 'its end' });
  for (let request = 0; request < 40; request += 1) {
    expect((await gateway.api('GET', '/health')).body.model_version).toBe('1');
  }
  const { traffic } = await upstream('new');
  expect(traffic.failed).toBeGreaterThan(5);
  expect(traffic.failed).toBe(traffic.requests);
  expect((await shift('new', 1)).status).toBe(409);
}, 20_000);

test('while the active one is down in a split, the candidate stands in for it', async () => {
  const server = await serveExternal('old', '1');
  await shift('old', 1);
  await gateway.run({ key: 'new', version: '2' });
  await shift('new', 0.1);
  await server.close();
  for (let request = 0; request < 20; request += 1) {
    expect((await gateway.api('GET', '/health')).body.model_version).toBe('2');
  }
});

test('a split shows in the shares of the upstreams and ends when the candidate is deleted', async () => {
  await gateway.serve({ key: 'old', version: '1' });
  await gateway.run({ key: 'new', version: '2' });
  expect((await shift('new', 0.25)).body).toEqual({
    active: 'old',
    previous: null,
    candidate: { key: 'new', share: 0.25 },
  });
  expect([(await upstream('old')).share, (await upstream('new')).share]).toEqual([0.75, 0.25]);
  expect((await gateway.admin('DELETE', '/instances/new')).status).toBe(204);
  expect((await upstream('old')).share).toBe(1);
  expect((await gateway.admin('GET', '/status')).body.candidate).toBeNull();
});

test('a new split takes the place of one under way, and a whole shift ends it', async () => {
  await gateway.serve({ key: 'old', version: '1' });
  await serveExternal('a', '2');
  await serveExternal('b', '3');
  await shift('a', 0.5);
  expect((await shift('b', 0.2)).body.candidate).toEqual({ key: 'b', share: 0.2 });
  expect((await shift('old', 1)).body).toEqual({ active: 'old', previous: null, candidate: null });
});

test('a share that cannot be given is refused, and traffic is as it was', async () => {
  await gateway.serve({ key: 'only', version: '1' });
  expect((await shift('only', 0.5)).body.error).toContain('only answers all that no other upstream does');
  expect((await shift('only', 0)).body.error).toContain('No other upstream than only has served');
  expect((await shift('only', 1.5)).status).toBe(400);
  expect((await shift('absent', 0.5)).status).toBe(404);
  expect((await shift('absent', 0)).body).toEqual({ active: 'only', previous: null, candidate: null });
  expect((await upstream('only')).share).toBe(1);
});
