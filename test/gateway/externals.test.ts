import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startLoad } from '../support/load.ts';
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

async function start(version: string, options: { port?: number; health?: number } = {}): Promise<ExternalServer> {
  const server = await startServer({ version, ...options });
  servers.push(server);
  return server;
}
const put = (key: string, body: unknown) => gateway.admin('PUT', `/upstreams/${key}`, body);
const spec = (version: string, url: string) => ({ model: 'Readmit', version, url });
const shift = (key: string, share = 1) => gateway.admin('POST', '/traffic', { key, share });

test('an external upstream is put, serves, is replaced under load without a failed request, and is deleted', async () => {
  const [one, two] = [await start('1'), await start('2')];
  const answer = await put('one', spec('1', `${one.url}/`));
  expect(answer).toMatchObject({ status: 200, body: { kind: 'external', url: one.url, active: false, share: 0 } });
  expect((await put('one', spec('1', one.url))).body).toEqual(answer.body);
  await shift('one');
  const load = startLoad({ apiUrl: gateway.apiUrl, requestsPerSecond: 50 });
  await put('two', spec('2', two.url));
  for (let round = 0; round < 10; round += 1) {
    expect((await shift(round % 2 ? 'one' : 'two')).status).toBe(200);
    const sent = load.sent();
    await until(() => load.sent() > sent + 10, { timeoutMs: 5_000, what: 'ten requests' });
  }
  expect((await gateway.admin('DELETE', '/upstreams/one')).body.error).toContain('one answers requests');
  await shift('two');
  expect((await gateway.admin('DELETE', '/upstreams/one')).status).toBe(204);
  expect((await gateway.admin('DELETE', '/upstreams/one')).status).toBe(204);
  const answers = await load.stop();
  expect(new Set(answers.map(({ version }) => version))).toEqual(new Set(['1', '2']));
  const { upstreams } = (await gateway.admin('GET', '/upstreams')).body;
  expect(upstreams).toMatchObject([{ key: 'two', model: 'Readmit', version: '2', active: true, share: 1 }]);
}, 30_000);

test('deleting waits for the open requests', async () => {
  const [one, two] = [await start('1'), await start('2')];
  await put('one', spec('1', one.url));
  await put('two', spec('2', two.url));
  await shift('one');
  const slow = gateway.api('GET', '/slow?ms=800');
  await until(async () => (await gateway.admin('GET', '/status')).body.requests.inFlight === 1, {
    timeoutMs: 2_000,
    what: 'the slow request to be open',
  });
  await shift('two');
  const startedAt = performance.now();
  expect((await gateway.admin('DELETE', '/upstreams/one?drainMs=5000')).status).toBe(204);
  expect(performance.now() - startedAt).toBeGreaterThan(300);
  expect((await slow).body.version).toBe('1');
});

test('one that cannot be connected to is answered for with 503 and the reason, until it is back', async () => {
  const server = await start('4');
  await put('gone', spec('4', server.url));
  await shift('gone');
  await server.close();
  const refused = await gateway.api('POST', '/predict', { records: [] });
  expect(refused).toMatchObject({ status: 503, body: { error: 'Version 4 cannot be reached (ECONNREFUSED).' } });
  expect(refused.headers['retry-after']).toBe('2');
  await start('4', { port: server.port });
  expect((await gateway.api('GET', '/health')).body.model_version).toBe('4');
});

test('the active one may come back at another address', async () => {
  const [before, after] = [await start('4'), await start('4')];
  await put('moves', spec('4', before.url));
  await shift('moves');
  await before.close();
  expect((await put('moves', spec('4', after.url))).status).toBe(200);
  expect((await gateway.api('GET', '/health')).status).toBe(200);
  await gateway.close();
  gateway = await openGateway({ dir: gateway.dir });
  expect((await gateway.api('GET', '/health')).status).toBe(200);
});

describe('after a restart of the gateway', () => {
  test('the active external upstream serves at once, and a split is not taken up again', async () => {
    const [one, two] = [await start('1'), await start('2')];
    await put('one', spec('1', one.url));
    await put('two', spec('2', two.url));
    await shift('one');
    await shift('two', 0.9);
    await gateway.close();
    gateway = await openGateway({ dir: gateway.dir });
    for (let request = 0; request < 10; request += 1) {
      expect((await gateway.api('GET', '/health')).body.model_version).toBe('1');
    }
    const { active, candidate } = (await gateway.admin('GET', '/status')).body;
    expect(active).toMatchObject({ key: 'one', kind: 'external', model: 'Readmit', version: '1', url: one.url });
    expect(candidate).toBeNull();
  });

  test('an own process that replaced an external upstream is started again', async () => {
    const one = await start('1');
    await put('one', spec('1', one.url));
    await shift('one');
    await gateway.serve({ key: 'own', version: '2' });
    await gateway.close();
    gateway = await openGateway({ dir: gateway.dir });
    await until(async () => (await gateway.api('GET', '/health')).status === 200, {
      timeoutMs: 10_000,
      what: 'version 2 to answer',
    });
    expect((await gateway.admin('GET', '/upstreams')).body.upstreams).toMatchObject([{ key: 'own', kind: 'process' }]);
  }, 20_000);
});

test('one that is not healthy gets no traffic', async () => {
  const sick = await start('5', { health: 503 });
  await put('sick', spec('5', sick.url));
  expect((await shift('sick')).body.error).toBe('sick is not running: /health answers 503: loading.');
  await sick.close();
  expect((await shift('sick', 0.1)).body.error).toContain('it does not listen');
  expect((await gateway.admin('GET', '/status')).body.active).toBeNull();
});

test.each([
  [{ version: '1', url: 'http://127.0.0.1:1' }, 'model'],
  [{ model: 'm', version: '1', url: 'ftp://127.0.0.1' }, 'url'],
  [{ model: 'm', version: '1', url: 'http://127.0.0.1:1/base' }, 'may have no path'],
  [{ model: 'm', version: '1', url: 'http://127.0.0.1:1', pid: 1 }, 'pid'],
  ['text', 'model'],
])('%j cannot be put: %s is named', async (body, named) => {
  const answer = await put('wrong', body);
  expect(answer.status).toBe(400);
  expect(answer.body.error).toContain(named);
});

test('a key stands for one version and one kind of upstream', async () => {
  const server = await start('1');
  await put('mine', spec('1', server.url));
  expect((await put('mine', spec('2', server.url))).body.error).toContain('belongs to version 1 of Readmit');
  const own = { key: 'mine', model: 'Readmit', version: '1' };
  expect((await gateway.admin('POST', '/instances', own)).body.error).toContain('belongs to an external upstream');
  await gateway.start({ key: 'own' });
  expect((await put('own', spec('1', server.url))).body.error).toContain('belongs to a process of the gateway');
});
