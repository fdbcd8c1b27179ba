import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import { openContext } from '../../src/doctor/context.ts';
import { imageRegistryCheck } from '../../src/doctor/imageRegistry.ts';
import { freePort } from '../../src/systems/ports.ts';
import { type Finding, findingText } from '../../src/words/findings.ts';
import { until } from '../support/until.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mediwatch-images-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

/** What the check finds of a repository, with Docker's own configuration in the test's folder. */
async function check(image: string, settings: Record<string, string> = {}): Promise<Finding | undefined> {
  const env = { MEDIWATCH_DEPLOYMENT_TARGET: 'docker', MEDIWATCH_DOCKER_IMAGE: image, ...settings };
  const config = loadConfig(env, PROJECT_ROOT);
  const context = openContext(
    config,
    { DOCKER_CONFIG: dir, PATH: `${dir}:/usr/bin:/bin` },
    new AbortController().signal,
  );
  const [found] = await imageRegistryCheck.run(context);
  return found;
}

const PASSWORD = 'correct horse';
const basic = (password: string) => Buffer.from(`nurse:${password}`).toString('base64');
const dockerConfig = (content: object) => writeFile(join(dir, 'config.json'), JSON.stringify(content));

/** A registry with tokens, as GitHub's: whoever logs in may read, and push only as `nurse`. */
async function tokenRegistry(pushers: string[]) {
  const cancelled: string[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const { url = '', method = '', headers } = request;
    const answer = (status: number, body: object = {}, extra: Record<string, string> = {}) =>
      response.writeHead(status, { 'content-type': 'application/json', ...extra }).end(JSON.stringify(body));
    const realm = `http://${headers.host}/token`;
    if (url.startsWith('/token')) {
      if (headers.authorization !== `Basic ${basic(PASSWORD)}`) return answer(401);
      return answer(200, { token: url.includes('repository%3Award%2Fml%3Apull%2Cpush') ? 'nurse' : 'nobody' });
    }
    const token = headers.authorization?.replace('Bearer ', '');
    if (!token) return answer(401, {}, { 'www-authenticate': `Bearer realm="${realm}",service="images"` });
    if (method === 'POST') {
      return pushers.includes(token) ? answer(202, {}, { location: '/v2/ward/ml/blobs/uploads/7' }) : answer(403);
    }
    cancelled.push(`${method} ${url}`);
    return answer(204);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, cancelled, close: () => server.close() };
}

describe('the image registry', () => {
  it('that nothing answers for is named', async () => {
    expect(await check('127.0.0.1:1/ward/ml')).toMatchObject({
      code: 'registryAway',
      facts: { reason: expect.stringMatching(/^http:\/\/127\.0\.0\.1:1/) },
    });
  });

  it('is not looked at when nothing is pushed, or nothing runs in Docker', async () => {
    expect(await check('127.0.0.1:1/ward/ml', { MEDIWATCH_DOCKER_PUSH: 'false' })).toBeUndefined();
    expect(await check('127.0.0.1:1/ward/ml', { MEDIWATCH_DEPLOYMENT_TARGET: 'process' })).toBeUndefined();
  });

  it('with tokens: a login that may push differs from one that may not, a wrong one, and none', async () => {
    const registry = await tokenRegistry(['nurse']);
    const image = `${registry.host}/ward/ml`;
    const nurse = { username: 'nurse', source: join(dir, 'config.json') };
    const none = await check(image);
    expect(none).toEqual({ code: 'loginMissing', facts: { host: registry.host } });
    expect(findingText(none as Finding).remedy).toBe(`docker login ${registry.host}`);

    await dockerConfig({ auths: { [registry.host]: { auth: basic(PASSWORD) } } });
    expect(await check(image)).toMatchObject({ code: 'pushAllowed', facts: { name: 'ward/ml', login: nurse } });
    expect(registry.cancelled).toEqual(['DELETE /v2/ward/ml/blobs/uploads/7']);

    await dockerConfig({ auths: { [registry.host]: { auth: basic('wrong') } } });
    expect(await check(image)).toMatchObject({ code: 'pushRefused', facts: { login: nurse } });
    registry.close();

    const readOnly = await tokenRegistry([]);
    await dockerConfig({ auths: { [readOnly.host]: { auth: basic(PASSWORD) } } });
    const refused = await check(`${readOnly.host}/ward/ml`);
    expect(refused).toMatchObject({ code: 'pushRefused', facts: { login: nurse, status: 403 } });
    expect(findingText(refused as Finding).remedy).toContain('may write packages');
    readOnly.close();
  });

  it('takes the login from a mounted secret or a credential helper, and says which one gives none', async () => {
    const registry = await tokenRegistry(['nurse']);
    const image = `${registry.host}/ward/ml`;
    const secret = join(dir, 'password');
    const configured = { MEDIWATCH_DOCKER_USERNAME: 'nurse', MEDIWATCH_DOCKER_PASSWORD_FILE: secret };
    expect(await check(image, configured)).toMatchObject({ code: 'passwordUnreadable', facts: { path: secret } });
    await writeFile(secret, `${PASSWORD}\n`);
    const source = 'docker.username and docker.passwordFile';
    expect(await check(image, configured)).toMatchObject({ code: 'pushAllowed', facts: { login: { source } } });

    await dockerConfig({ credHelpers: { [registry.host]: 'ward' } });
    const program = 'docker-credential-ward';
    expect(await check(image)).toMatchObject({ code: 'credentialHelperFailed', facts: { program } });
    const answer = JSON.stringify({ Username: 'nurse', Secret: PASSWORD });
    await writeFile(join(dir, 'docker-credential-ward'), `#!/bin/sh\ncat >/dev/null\necho '${answer}'\n`, {
      mode: 0o755,
    });
    expect(await check(image)).toMatchObject({
      code: 'pushAllowed',
      facts: { login: { username: 'nurse', source: program } },
    });
    registry.close();
  });
});

const hasRegistry = (await execa('docker-registry', ['--version'], { reject: false })).exitCode === 0;

describe.skipIf(!hasRegistry)("Docker's own registry (skipped where docker-registry is not installed)", () => {
  it('takes pushes, and nothing is left of the one that was begun', async () => {
    const port = await freePort(new Set());
    const root = join(dir, 'images');
    await mkdir(root);
    const settings = `version: 0.1\nstorage: {filesystem: {rootdirectory: ${root}}}\nhttp: {addr: 127.0.0.1:${port}}\n`;
    await writeFile(join(dir, 'registry.yml'), settings);
    const server = execa('docker-registry', ['serve', join(dir, 'registry.yml')], { reject: false, stdio: 'ignore' });
    try {
      const image = `127.0.0.1:${port}/ward/ml`;
      const takes = async () => (await check(image))?.code === 'pushAllowed';
      await until(takes, { timeoutMs: 20_000, what: 'the registry to take a push' });
      const catalog = (await (await fetch(`http://127.0.0.1:${port}/v2/_catalog`)).json()) as {
        repositories: string[];
      };
      expect(catalog.repositories).toEqual([]);
    } finally {
      server.kill();
      await server;
    }
  });
});
