import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { upstreamRule } from '../../src/gateway/allowed.ts';
import { gatewayOptions } from '../../src/gateway/gateway.ts';
import { ensureAdminToken, readAdminToken } from '../../src/systems/adminToken.ts';
import { createProcessTarget } from '../../src/systems/deployment/process.ts';
import { createThrottle } from '../../src/systems/throttle.ts';
import { folderWith } from '../config/support.ts';
import { startServer } from '../gateway/fixtures/server.ts';
import { closeGateway, openGateway, type TestGateway } from '../gateway/support.ts';

const run = promisify(execFile);
const asAnother = process.platform === 'linux' && process.getuid?.() === 0;
/** Another account of this host. */
const ANOTHER = ['--reuid', '65534', '--regid', '65534', '--clear-groups'];
const EVIL = { key: 'evil', model: 'Readmit', version: '1' };

let gateway: TestGateway;
let tokenFile: string;
let url: string;
beforeAll(async () => {
  const dir = await mkdtemp(join(tmpdir(), 'mediwatch-admin-'));
  // As a folder of a project is: others can enter it.
  await chmod(dir, 0o755);
  tokenFile = join(dir, 'gateway', 'admin-token');
  gateway = await openGateway({ dir, adminPort: { port: 0, hosts: ['127.0.0.1', 'gateway'], tokenFile } });
  url = gateway.adminPortUrl ?? '';
});
afterAll(() => closeGateway(gateway));

const token = async () => (await readFile(tokenFile, 'utf8')).trim();
const socketPath = () => gateway.adminUrl.slice('unix:'.length);

/** Calls the admin port, with its token unless told otherwise. */
async function call(method: 'GET' | 'POST' | 'PUT', path: string, headers: Record<string, string> = {}, body?: object) {
  const answer = await request(url + path, {
    method,
    headers: { authorization: `Bearer ${await token()}`, 'content-type': 'application/json', ...headers },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: answer.statusCode, text: await answer.body.text() };
}

describe.runIf(asAnother)('another user of the host', () => {
  const attack = (...args: string[]) =>
    run('setpriv', [...ANOTHER, process.execPath, '-e', ...args]).then(
      ({ stdout }) => stdout.trim(),
      (error: Error & { stderr?: string }) => error.stderr ?? error.message,
    );

  test('cannot open the socket, nor look into its folder', async () => {
    const socket =
      "require('net').connect(process.argv[1]).once('connect', () => console.log('in')).once('error', (e) => console.log(e.code))";
    expect(await attack(socket, socketPath())).toBe('EACCES');
    const list = "try { console.log(require('fs').readdirSync(process.argv[1])) } catch (e) { console.log(e.code) }";
    expect(await attack(list, join(gateway.dir, 'gateway'))).toBe('EACCES');
    expect((await stat(socketPath())).mode & 0o777).toBe(0o600);
  });

  test('starts no process, moves no traffic and reads no status by the port, since the token is not theirs', async () => {
    const post = `fetch(process.argv[1], { method: process.argv[2], headers: { 'content-type': 'application/json' },
      ...(process.argv[3] && { body: process.argv[3] }) }).then((answer) => console.log(answer.status))`;
    expect(await attack(post, `${url}/instances`, 'POST', JSON.stringify(EVIL))).toBe('401');
    expect(await attack(post, `${url}/upstreams/evil`, 'PUT', JSON.stringify(EVIL))).toBe('401');
    expect(await attack(post, `${url}/status`, 'GET')).toBe('401');
    const read =
      "try { console.log(require('fs').readFileSync(process.argv[1], 'utf8')) } catch (e) { console.log(e.code) }";
    expect(await attack(read, tokenFile)).toBe('EACCES');
    expect((await gateway.admin('GET', '/upstreams')).body.upstreams).toEqual([]);
  });
});

describe('the admin API', () => {
  test('has no port unless the settings ask for one', async () => {
    const options = gatewayOptions(loadConfig({}, folderWith('')), { child: () => undefined } as never);
    expect(options.adminPort).toBeUndefined();
  });

  test('answers who has the token, and the client of deployment workers reads it from its file', async () => {
    expect((await call('GET', '/status')).status).toBe(200);
    const target = createProcessTarget({ adminUrl: url, tokenFile });
    expect(await target.serving()).toBeNull();
    await target.close();
    expect((await call('GET', '/status', { authorization: 'Bearer guessed' })).status).toBe(401);
  });

  test.each([
    ['an Origin, such as the browser sends for a page', { origin: 'http://127.0.0.1:8000' }],
    ['the Origin of a page without one', { origin: 'null' }],
    ['a foreign host name, which a page resolves to our address', { host: 'evil.example:8001' }],
  ])('refuses %s, also with the token', async (_, headers) => {
    expect((await call('POST', '/instances', headers, EVIL)).status).toBe(403);
    expect((await gateway.admin('GET', '/instances')).body.instances).toEqual([]);
  });

  test('refuses a page at its socket, too', async () => {
    const dispatcher = new Agent({ connect: { socketPath: socketPath() } });
    const { statusCode, body } = await request('http://localhost/status', { dispatcher, headers: { origin: 'null' } });
    expect(statusCode).toBe(403);
    await body.dump();
    await dispatcher.close();
  });

  test('takes no environment for an API process', async () => {
    const { status, text } = await call('POST', '/instances', {}, { ...EVIL, env: { LD_PRELOAD: '/tmp/evil.so' } });
    expect(status).toBe(400);
    expect(text).toContain('env');
  });

  test('is opened by one gateway only, and again after one that was killed', async () => {
    await expect(openGateway({ dir: gateway.dir })).rejects.toThrow('Another gateway listens on');
    const dir = await mkdtemp(join(tmpdir(), 'mediwatch-admin-'));
    const again = await openGateway({ dir });
    await again.close();
    await writeFile(join(dir, 'gateway', 'admin.sock'), 'left');
    await closeGateway(await openGateway({ dir }));
  });

  test('shows what serves by its own knowledge, whatever the upstream says of itself', async () => {
    const liar = await startServer({ version: '99' });
    await gateway.admin('PUT', '/upstreams/liar', { model: 'Readmit', version: '7', url: liar.url });
    await gateway.admin('POST', '/traffic', { key: 'liar' });
    expect((await gateway.admin('GET', '/status')).body.active.version).toBe('7');
    const answer = await gateway.api('GET', '/health');
    expect(answer.body.model_version).toBe('99');
    expect(answer.headers['x-mediwatch-version']).toBe('7');
    await gateway.admin('DELETE', '/upstreams/liar?force=true');
    await liar.close();
  });
});

describe('a port beyond loopback', () => {
  const load = (stack: string) => () => loadConfig({}, folderWith(`stack: {bind: 0.0.0.0, ${stack}}\n`));

  test('is refused without TLS, unless the settings say that the token may be read', () => {
    expect(load('apiAdminPort: 8001')).toThrow('stack.apiAdminPort: would listen on 0.0.0.0 without TLS');
    expect(load('apiAdminPort: 8001, adminTokenInClear: true')).not.toThrow();
    expect(load('apiAdminPort: 8001, adminCertFile: c.pem, adminKeyFile: k.pem')).not.toThrow();
  });

  test('is none for the API alone: its socket is enough', () => {
    expect(load('apiPort: 8000')().deployment.adminUrl).toMatch(/^unix:\/.*\/gateway\/admin\.sock$/);
  });
});

test('the port speaks TLS with a certificate', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'mediwatch-admin-'));
  const [certFile, keyFile] = [join(dir, 'cert.pem'), join(dir, 'key.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    keyFile,
    '-out',
    certFile,
    ...subject,
  ]);
  const tls = { cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8') };
  const secure = await openGateway({ dir, adminPort: { port: 0, tokenFile: join(dir, 'token'), tls } });
  const dispatcher = new Agent({ connect: { ca: tls.cert } });
  const headers = { authorization: `Bearer ${await readAdminToken(join(dir, 'token'))}` };
  expect(secure.adminPortUrl).toMatch(/^https:/);
  const { statusCode, body } = await request(`${secure.adminPortUrl}/status`, { dispatcher, headers });
  expect(statusCode).toBe(200);
  await body.dump();
  await dispatcher.close();
  await closeGateway(secure);
});

describe('the file with the token', () => {
  test('is made for its owner only, and refused when others can read it', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'mediwatch-token-'));
    const file = join(dir, 'token');
    const made = await ensureAdminToken(file);
    expect(made).toMatch(/^[0-9a-f]{64}$/);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await ensureAdminToken(file)).toBe(made);
    for (const mode of [0o644, 0o640]) {
      await chmod(file, mode);
      await expect(readAdminToken(file)).rejects.toThrow('others than its owner can read it');
    }
    await rm(dir, { recursive: true });
  });
});

describe('an upstream that the gateway did not start', () => {
  const rule = (env: Record<string, string>) => {
    const allows = upstreamRule(loadConfig(env, '/nowhere'));
    return (address: string) => allows({ ...EVIL, url: `http://${address}` });
  };
  const docker = { MEDIWATCH_DEPLOYMENT_TARGET: 'docker' };

  test('is none for the target process', () => {
    expect(['127.0.0.1:40000', '172.17.0.2:8000'].map(rule({}))).toEqual([false, false]);
  });

  test('is a container where Docker puts it, and neither MLflow, Temporal nor the metadata of a cloud', () => {
    const allows = rule({ ...docker, MLFLOW_TRACKING_URI: 'http://127.0.0.1:45000' });
    expect(['172.17.0.2:8000', '127.0.0.1:40000'].map(allows)).toEqual([true, true]);
    const others = [
      '127.0.0.1:5000',
      '127.0.0.1:7233',
      '127.0.0.1:8233',
      '127.0.0.1:45000',
      '169.254.169.254',
      '172.17.0.2:5000',
      '10.0.0.5:8000',
      'localhost:22',
      '[::1]:5432',
    ];
    expect(others.filter(allows)).toEqual([]);
  });

  test('is the container of its key in the network of the settings', () => {
    const allows = rule({ ...docker, MEDIWATCH_DOCKER_NETWORK: 'services' });
    expect(['mediwatch-evil:8000', 'mlflow:8000', 'mediwatch-other:8000'].map(allows)).toEqual([true, false, false]);
  });

  test('is refused by the admin API otherwise', async () => {
    const strict = await openGateway({ allows: () => false });
    const answer = await strict.admin('PUT', '/upstreams/evil', {
      ...EVIL,
      key: undefined,
      url: 'http://127.0.0.1:5000',
    });
    expect(answer).toMatchObject({
      status: 403,
      body: { error: 'The settings do not let requests be sent to http://127.0.0.1:5000.' },
    });
    await closeGateway(strict);
  });
});

test('whoever guesses tokens gets slower, and a right one at the same address still gets its turn', async () => {
  const throttle = createThrottle({ free: 2, windowMs: 60_000, waitMs: 100, waiting: 3 });
  for (let guess = 0; guess < 2; guess += 1) throttle.wrong('::1');
  const admitted = await Promise.all(Array.from({ length: 20 }, () => throttle.admit('::1')));
  expect(admitted.filter(Boolean)).toHaveLength(3);
  expect(await throttle.admit('::1')).toBe(true);
  expect(await throttle.admit('::2')).toBe(true);
});
