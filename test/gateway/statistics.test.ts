import { request } from 'undici';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { UpstreamStatistics } from '../../src/contracts/gateway.ts';
import { until } from '../support/until.ts';
import { type ExternalServer, startServer } from './fixtures/server.ts';
import { closeGateway, openGateway, type TestGateway } from './support.ts';

let gateway: TestGateway;
const servers: ExternalServer[] = [];
beforeAll(async () => {
  gateway = await openGateway({ requestTimeoutMs: 500 });
  for (const key of ['1', '2']) {
    const server = await startServer({ version: key });
    servers.push(server);
    await gateway.admin('PUT', `/upstreams/${key}`, { model: 'Readmit', version: key, url: server.url });
  }
});
afterAll(async () => {
  await closeGateway(gateway);
  for (const server of servers) await server.close();
});

const shift = (key: string, share: number) => gateway.admin('POST', '/traffic', { key, share });
/** A whole shift away and back resets the statistics. */
beforeEach(async () => {
  await shift('2', 1);
  await shift('1', 1);
});

const predict = (prob: number, records: number) =>
  gateway.api('POST', `/predict?prob=${prob}`, { records: Array.from({ length: records }, () => ({})) });

/** The statistics once the requests are counted. */
function statistics(requests: number, key = '1'): Promise<UpstreamStatistics> {
  return until(
    async () => {
      const { upstreams } = (await gateway.admin('GET', '/upstreams')).body;
      const { traffic } = upstreams.find((one: { key: string }) => one.key === key);
      return traffic.requests >= requests ? traffic : null;
    },
    { timeoutMs: 3_000, what: `${requests} requests to be counted` },
  );
}

test('predicted probabilities are counted by the record, in ten bins', async () => {
  for (const [prob, records] of [
    [0, 1],
    [0.05, 2],
    [0.1, 3],
    [0.95, 4],
    [1, 5],
  ] as const) {
    await predict(prob, records);
  }
  const { probabilities, requests, failed } = await statistics(5);
  expect([requests, failed]).toEqual([5, 0]);
  expect(probabilities).toEqual([3, 3, 0, 0, 0, 0, 0, 0, 0, 9]);
});

test('classes are counted by their names, and the numbers of a regression by mean and spread', async () => {
  for (const [prediction, records] of [
    ['oak', 2],
    ['ash', 1],
    [17.5, 3],
    [21.5, 1],
  ] as const) {
    const path = `/predict?prediction=${encodeURIComponent(JSON.stringify(prediction))}`;
    await gateway.api('POST', path, { records: Array.from({ length: records }, () => ({})) });
  }
  const { probabilities, classes, numbers } = await statistics(4);
  expect([probabilities, classes]).toEqual([Array(10).fill(0), { oak: 2, ash: 1 }]);
  expect(numbers).toEqual({ count: 4, mean: 18.5, spread: 2 });
});

test('latencies are reported by their median and 95th percentile', async () => {
  for (const ms of [0, 0, 0, 0, 0, 0, 0, 0, 250, 250]) await gateway.api('GET', `/slow?ms=${ms}`);
  const { latencyMs } = await statistics(10);
  expect(latencyMs?.p50).toBeLessThan(100);
  expect(latencyMs?.p95).toBeGreaterThanOrEqual(245);
  expect(latencyMs?.p95).toBeLessThan(400);
});

test('answers with 5xx, answers that are cut off and those that come too late are failures; 4xx is not', async () => {
  expect((await gateway.api('GET', '/status?code=500')).status).toBe(500);
  expect((await gateway.api('GET', '/hang')).status).toBe(504);
  await expect(gateway.api('GET', '/cut')).rejects.toThrow();
  expect((await gateway.api('GET', '/status?code=422')).status).toBe(422);
  expect(await statistics(4)).toMatchObject({ requests: 4, failed: 3 });
});

test('a client that gives up is no failure of the upstream, but counts with the time that it waited', async () => {
  await request(`${gateway.apiUrl}/hang`, { signal: AbortSignal.timeout(200) }).catch(() => {});
  const { failed, latencyMs } = await statistics(1);
  expect(failed).toBe(0);
  expect(latencyMs?.p50).toBeGreaterThan(100);
});

test('an answer over 1 MiB reaches the client whole and is not looked into', async () => {
  const answer = await predict(0.25, 50_000);
  expect(answer.body.predictions).toHaveLength(50_000);
  await predict(0.75, 1);
  expect((await statistics(2)).probabilities).toEqual([0, 0, 0, 0, 0, 0, 0, 1, 0, 0]);
});

test('every shift resets them; the same shift again, as after a lost answer, does not', async () => {
  await predict(0.25, 1);
  expect((await statistics(1)).requests).toBe(1);
  await shift('2', 0.5);
  expect((await statistics(0)).requests).toBe(0);
  for (let count = 0; count < 20; count += 1) await predict(0.25, 1);
  const seen = async () => (await statistics(0, '1')).requests + (await statistics(0, '2')).requests;
  await until(async () => (await seen()) === 20, { timeoutMs: 3_000, what: 'all to be counted' });
  await shift('2', 0.5);
  expect(await seen()).toBe(20);
  await shift('2', 0.6);
  expect(await seen()).toBe(0);
});

test('before any request there is no latency, and all bins are empty', async () => {
  const nothing = { requests: 0, failed: 0, latencyMs: null, probabilities: Array(10).fill(0), classes: {} };
  expect(await statistics(0)).toEqual(nothing);
});
