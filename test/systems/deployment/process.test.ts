import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config.ts';
import { createDeployments, createTarget } from '../../../src/systems/deployment/index.ts';
import { createProcessTarget } from '../../../src/systems/deployment/process.ts';
import { type DeploymentTarget, GatewayError } from '../../../src/systems/deployment/target.ts';
import { freePort } from '../../../src/systems/ports.ts';
import { closeGateway, openGateway, type TestGateway } from '../../gateway/support.ts';
import { until } from '../../support/until.ts';

let gateway: TestGateway;
let target: DeploymentTarget;
beforeAll(async () => {
  gateway = await openGateway();
  target = createProcessTarget({ adminUrl: gateway.adminUrl });
});
afterAll(async () => {
  await target.close();
  await closeGateway(gateway);
});

const spec = (key: string, version: string) => ({ key, model: 'Readmit', version, runId: `run-${version}` });
const running = (key: string) =>
  until(async () => (await target.state(key)).state === 'running', { timeoutMs: 10_000, what: `${key} to run` });

/** The error of a call that must fail. */
async function errorOf(call: Promise<unknown>): Promise<GatewayError> {
  const error = await call.then(
    () => new Error('The call worked.'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(GatewayError);
  return error as GatewayError;
}

test('nothing serves until traffic is switched, then the version that it was switched to', async () => {
  expect(await target.serving()).toBeNull();
  const candidate = await target.start(spec('one', '1'));
  expect(candidate).toMatchObject({ key: 'one', model: 'Readmit', version: '1', url: expect.stringContaining('http') });
  expect(await target.start(spec('one', '1'))).toEqual(candidate);
  await running('one');
  expect(await target.shift('one', 1)).toEqual({ previous: null });
  await target.start(spec('two', '2'));
  await running('two');
  expect(await target.shift('two', 1)).toEqual({ previous: 'one' });
  expect(await target.shift('two', 1)).toEqual({ previous: 'one' });
  expect(await target.serving()).toEqual({ key: 'two', model: 'Readmit', version: '2' });
  await target.stop('one', { drainMs: 1_000 });
  await target.stop('one', { drainMs: 1_000 });
  expect(await target.state('one')).toEqual({ state: 'absent' });
});

test('a candidate gets its share, what was seen of each is told, and what runs without serving is idle', async () => {
  await target.start(spec('three', '3'));
  await running('three');
  expect(await target.idle()).toEqual(['three']);
  expect(await target.shift('three', 0.5)).toEqual({ previous: 'one' });
  expect(await target.serving()).toMatchObject({ version: '2' });
  for (let request = 0; request < 20; request += 1) {
    await gateway.api('POST', '/predict', { records: [{ age: '[70-80)' }] });
  }
  const seen = await until(
    async () => {
      const traffic = await target.traffic();
      return traffic.reduce((sum, { requests }) => sum + requests, 0) === 20 ? traffic : null;
    },
    { timeoutMs: 3_000, what: 'the requests to be counted' },
  );
  expect(seen.map(({ key }) => key).sort()).toEqual(['three', 'two']);
  for (const { requests, failed, latencyMs, probabilities } of seen) {
    expect(failed).toBe(0);
    expect(latencyMs?.p95).toBeGreaterThan(0);
    expect(probabilities).toEqual([0, 0, requests, 0, 0, 0, 0, 0, 0, 0]);
  }
  // A workflow that was killed in a split leaves its candidate with a share.
  expect(await target.idle()).toEqual(['three']);
  await target.shift('three', 0);
  await target.stop('three', { drainMs: 1_000 });
  expect(await target.idle()).toEqual([]);
  expect(await target.traffic()).toMatchObject([{ key: 'two', requests: 0 }]);
});

test('what another target gave traffic to can be taken over from, and is then forgotten', async () => {
  const { url } = await target.start(spec('elsewhere', '2'));
  await running('elsewhere');
  await gateway.admin('PUT', '/upstreams/container', { model: 'Readmit', version: '2', url });
  await target.shift('container', 1);
  expect(await target.serving()).toEqual({ key: 'container', model: 'Readmit', version: '2' });
  expect(await target.idle()).toEqual(['two', 'elsewhere']);
  expect(await target.shift('two', 1)).toEqual({ previous: 'container' });
  await target.stop('container', { drainMs: 1_000 });
  await target.stop('elsewhere', { drainMs: 1_000 });
  const { upstreams } = (await gateway.admin('GET', '/upstreams')).body;
  expect(upstreams.map(({ key }: { key: string }) => key)).toEqual(['two']);
});

test('what serves is stopped by force only; then nothing serves, also after a restart of the gateway', async () => {
  const own = await openGateway();
  const ofOwn = createProcessTarget({ adminUrl: own.adminUrl });
  await ofOwn.start(spec('first', '1'));
  await until(async () => (await ofOwn.state('first')).state === 'running', { timeoutMs: 10_000, what: 'it to run' });
  await ofOwn.shift('first', 1);
  expect(await errorOf(ofOwn.stop('first', { drainMs: 0 }))).toMatchObject({ status: 409, retryable: false });
  await ofOwn.stop('first', { drainMs: 1_000, force: true });
  await ofOwn.stop('first', { drainMs: 1_000, force: true });
  expect(await ofOwn.state('first')).toEqual({ state: 'absent' });
  expect(await ofOwn.serving()).toBeNull();
  const refused = { status: 503, body: { error: 'No model version is deployed.', next: 'run mediwatch retrain' } };
  expect(await own.api('GET', '/health')).toMatchObject(refused);
  await ofOwn.close();
  await own.close();

  const again = await openGateway({ dir: own.dir });
  expect((await again.admin('GET', '/status')).body.active).toBeNull();
  expect(await again.api('GET', '/health')).toMatchObject(refused);
  await closeGateway(again);
});

test('an instance that cannot be switched to is refused for good, with the reason', async () => {
  expect(await errorOf(target.shift('absent', 1))).toMatchObject({ status: 404, retryable: false });
  await gateway.start({ key: 'sick', runId: 'never-healthy' });
  const refused = await errorOf(target.shift('sick', 1));
  expect(refused).toMatchObject({ status: 409, retryable: false });
  expect(refused.message).toContain('not running');
  const key = 'not a key';
  expect(await errorOf(target.start({ key, model: 'Readmit', version: '1' }))).toMatchObject({ status: 400 });
});

test('a gateway that is not there can be tried again, and the error names its address', async () => {
  const adminUrl = `http://127.0.0.1:${await freePort(new Set())}`;
  const lost = createProcessTarget({ adminUrl });
  const error = await errorOf(lost.serving());
  expect(error).toMatchObject({ status: undefined, retryable: true });
  expect(error.message).toContain(adminUrl);
  await lost.close();
});

test('a call that is cancelled ends at once with the reason of the cancellation', async () => {
  const reason = new Error('the workflow was cancelled');
  await expect(target.start(spec('cancelled', '3'), AbortSignal.abort(reason))).rejects.toBe(reason);
});

describe('something else at the address', () => {
  let server: Server;
  let other: DeploymentTarget;
  let answer: { status: number; body: string };
  beforeAll(async () => {
    server = createServer((_request, response) => response.writeHead(answer.status).end(answer.body));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    other = createProcessTarget({ adminUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` });
  });
  afterAll(async () => {
    await other.close();
    server.close();
  });

  test.each([
    [500, 'boom', true],
    [503, '{"error":"The gateway is shutting down."}', true],
    [404, '<html>Not Found</html>', false],
    [200, '{"hello":"world"}', false],
  ])('that answers %i %s: retryable is %s', async (status, body, retryable) => {
    answer = { status, body };
    expect(await errorOf(other.serving())).toMatchObject({ retryable });
    expect(await errorOf(other.state('one'))).toMatchObject({ retryable });
  });
});

test('the configuration names the target; with "none" nothing serves and nothing can be started', async () => {
  const none = createTarget(loadConfig({ MEDIWATCH_DEPLOYMENT_TARGET: 'none' }, import.meta.dirname));
  expect(await none.serving()).toBeNull();
  expect((await errorOf(none.start(spec('one', '1')))).message).toContain('deployment.target is "none"');
  const process = createTarget(loadConfig({ MEDIWATCH_DEPLOYMENT_ADMIN_URL: gateway.adminUrl }, import.meta.dirname));
  expect((await process.serving())?.version).toBe('2');
  await process.close();
});

test('an API whose model is to have none any more is ended, and that of another model is not', async () => {
  const { key } = (await target.serving()) ?? {};
  const of = (model: string) =>
    createDeployments(
      loadConfig(
        {
          MEDIWATCH_DEPLOYMENT_TARGET: 'none',
          MEDIWATCH_DEPLOYMENT_ADMIN_URL: gateway.adminUrl,
          MEDIWATCH_REGISTRY_REGISTERED_MODEL: model,
        },
        import.meta.dirname,
      ),
    );
  for (const [model, serves] of [
    ['Another', key],
    ['Readmit', undefined],
  ] as const) {
    const deployments = of(model);
    await deployments.endUndeclared();
    await deployments.close();
    expect((await target.serving())?.key).toBe(serves);
  }
});
