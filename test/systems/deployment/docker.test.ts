import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config.ts';
import { createDockerTarget } from '../../../src/systems/deployment/docker.ts';
import type { DeploymentTarget } from '../../../src/systems/deployment/target.ts';
import { LABELS } from '../../../src/systems/docker/client.ts';
import type { DockerSystem } from '../../../src/systems/docker/index.ts';
import { type ExternalServer, startServer } from '../../gateway/fixtures/server.ts';
import { closeGateway, openGateway, type TestGateway } from '../../gateway/support.ts';

let gateway: TestGateway;
let server: ExternalServer;
let target: DeploymentTarget;
/** What was done to the container. */
let done: string[];

/** Called when the registry is asked. */
let asked: () => void;

/** A registry that never answers. */
async function release(_reference: string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<string[]> {
  asked();
  await delay(60_000, undefined, { ref: false, ...(signal && { signal }) });
  return [];
}

beforeEach(async () => {
  [gateway, server, done] = [await openGateway(), await startServer({ version: '1' }), []];
  const labels = { [LABELS.key]: 'first', [LABELS.model]: 'Readmit', [LABELS.version]: '1', [LABELS.digest]: 'd' };
  const details = { Name: '/mediwatch-first', Config: { Labels: labels, Image: 'api:v1' }, HostConfig: {} };
  const docker = {
    inspect: async () => (done.includes('remove') ? undefined : details),
    labelled: async () => [],
    setRestartPolicy: async () => undefined,
    stop: async () => void done.push('stop'),
    log: async () => 'its log',
    remove: async () => void done.push('remove'),
    untag: async () => undefined,
  };
  const system = { docker, images: { release }, close: async () => undefined } as unknown as DockerSystem;
  const config = loadConfig(
    { MEDIWATCH_DEPLOYMENT_ADMIN_URL: gateway.adminUrl, MEDIWATCH_STACK_DIR: gateway.dir },
    '/',
  );
  target = createDockerTarget(config, system);
  await gateway.admin('PUT', '/upstreams/first', { model: 'Readmit', version: '1', url: server.url });
});
afterEach(async () => {
  await target.close();
  await closeGateway(gateway);
  await server.close();
});

test('a shift that is given up waits no longer for a registry that does not answer', async () => {
  const cancel = new AbortController();
  asked = () => cancel.abort();
  const shifted = target.shift('first', 1, cancel.signal);
  await expect(shifted).rejects.toMatchObject({ name: 'AbortError' });
  expect(await target.serving()).toMatchObject({ version: '1' });
}, 10_000);

test('a container that serves is stopped by force only, and nothing serves then', async () => {
  await gateway.admin('POST', '/traffic', { key: 'first' });
  await expect(target.stop('first', { drainMs: 0 })).rejects.toMatchObject({ status: 409 });
  expect(done).toEqual([]);
  await target.stop('first', { drainMs: 0, force: true });
  expect(done).toEqual(['stop', 'remove']);
  expect(await target.serving()).toBeNull();
  expect((await gateway.api('GET', '/health')).body.error).toBe('No model version is deployed.');
  expect(JSON.parse(await readFile(join(gateway.dir, 'gateway', 'state.json'), 'utf8'))).toEqual({ active: null });
});
