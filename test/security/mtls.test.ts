import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server } from 'node:tls';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../src/cli/exit.ts';
import { loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import { clientOptions, connectionOptions } from '../../src/systems/temporal.ts';
import { createWorkers } from '../../src/workers/roles.ts';
import { makeAuthority, makeCertificate } from '../support/certificates.ts';
import { mediwatch } from '../support/command.ts';
import { startTemporal, type TestTemporal } from '../support/temporal.ts';
import { quiet } from '../support/workers.ts';

const folder = mkdtempSync(join(tmpdir(), 'mediwatch-mtls-'));
const file = (name: string) => join(folder, name);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const authority = (name: string) => makeAuthority(folder, name);
const certificate = (name: string, issuer: string) => makeCertificate(folder, name, issuer);

let temporal: TestTemporal;
let proxy: Server;
/** Of the TLS proxy before Temporal, which demands a certificate of its clients. */
let address: string;
/** Names in the certificates of those that were let in. */
const admitted: string[] = [];

beforeAll(async () => {
  quiet();
  [temporal] = await Promise.all([startTemporal(), authority('ours'), authority('others')]);
  await Promise.all([certificate('server', 'ours'), certificate('worker', 'ours'), certificate('stranger', 'others')]);
  const [host = '', port] = temporal.address.split(':');
  const read = (name: string) => readFileSync(file(name));
  const pairs = { key: read('server.key'), cert: read('server.pem'), ca: read('ours.pem') };
  proxy = createServer({ ...pairs, requestCert: true, rejectUnauthorized: true, ALPNProtocols: ['h2'] }, (socket) => {
    admitted.push(String(socket.getPeerCertificate().subject.CN));
    const upstream = connect(Number(port), host);
    socket.pipe(upstream).pipe(socket);
    for (const end of [socket, upstream]) end.on('error', () => [socket, upstream].map((one) => one.destroy()));
  });
  proxy.on('tlsClientError', () => undefined);
  await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening));
  address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
});
afterAll(async () => {
  proxy.close();
  await temporal.stop();
});

const trusting = (ca: string) => ({ TEMPORAL_TLS_SERVER_CA_CERT_PATH: file(`${ca}.pem`) });
const being = (name: string) => ({
  TEMPORAL_TLS_CLIENT_CERT_PATH: file(`${name}.pem`),
  TEMPORAL_TLS_CLIENT_KEY_PATH: file(`${name}.key`),
});
const configOf = (env: Record<string, string>) =>
  loadConfig({ TEMPORAL_ADDRESS: address, MEDIWATCH_STACK_DIR: folder, ...env }, PROJECT_ROOT);

describe('with a client certificate', () => {
  it('a client reaches Temporal', async () => {
    const config = configOf({ ...trusting('ours'), ...being('worker') });
    const connection = await Connection.connect(connectionOptions(config));
    const client = new Client({ connection, ...clientOptions(config) });
    expect((await client.workflow.count()).count).toBe(0);
    expect(admitted).toContain('worker');
    await connection.close();
  });

  it('a worker reaches Temporal', async () => {
    const before = admitted.length;
    const connection = await NativeConnection.connect(
      connectionOptions(configOf({ ...trusting('ours'), ...being('worker') })),
    );
    await connection.workflowService.getSystemInfo({});
    expect(admitted.length).toBeGreaterThan(before);
    await connection.close();
  });

  it('the command reaches Temporal by a profile alone', async () => {
    const toml = `
[profile.clinic]
address = "${address}"
namespace = "default"
[profile.clinic.tls]
client_cert_path = "${file('worker.pem')}"
client_key_path = "${file('worker.key')}"
server_ca_cert_path = "${file('ours.pem')}"
`;
    writeFileSync(file('temporal.toml'), toml);
    const env = { TEMPORAL_CONFIG_FILE: file('temporal.toml'), TEMPORAL_PROFILE: 'clinic' };
    const { exitCode, stderr } = await mediwatch(env, 'queries');
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
  });
});

describe.each([
  ['no client certificate', () => trusting('ours'), 'does not accept the client certificate'],
  [
    'the certificate of another authority',
    () => ({ ...trusting('ours'), ...being('stranger') }),
    'does not accept the client certificate',
  ],
  ['another CA for the server', () => ({ ...trusting('others'), ...being('worker') }), 'is not trusted'],
  ['no TLS', () => ({}), 'speaks TLS'],
])('%s is named as the reason', (_, env, why) => {
  it('by the worker', async () => {
    const failure = await createWorkers(configOf(env())).catch((error: Error) => error.message);
    expect(failure).toContain(address);
    expect(failure).toContain(why);
  });

  it('by the command', async () => {
    const { exitCode, stderr } = await mediwatch({ TEMPORAL_ADDRESS: address, ...env() }, 'steward');
    expect(exitCode).toBe(EXIT.unreachable);
    expect(stderr).toContain(why);
  });
});

describe('settings', () => {
  const toml = '[profile.clinic]\naddress = "clinic:1"\nnamespace = "patients"\napi_key = "planted-key"\n';

  it('of a variable go before those of the file, and both before the profile', () => {
    writeFileSync(file('order.toml'), toml);
    const named = { TEMPORAL_CONFIG_FILE: file('order.toml'), TEMPORAL_PROFILE: 'clinic' };
    const { temporal } = loadConfig(named, folder);
    expect(temporal).toMatchObject({ address: 'clinic:1', namespace: 'patients', apiKey: 'planted-key' });
    writeFileSync(file('mediwatch.yaml'), 'temporal: { profile: clinic, address: "file:2" }\n');
    expect(loadConfig({ TEMPORAL_CONFIG_FILE: file('order.toml') }, folder).temporal).toMatchObject({
      ...{ address: 'file:2', namespace: 'patients' },
    });
    expect(loadConfig({ ...named, TEMPORAL_ADDRESS: 'variable:3' }, folder).temporal.address).toBe('variable:3');
    rmSync(file('mediwatch.yaml'));
  });

  it('leave the profile of the command line alone where none is named', () => {
    mkdirSync(file('temporalio'), { recursive: true });
    writeFileSync(file('temporalio/temporal.toml'), toml.replace('clinic', 'default'));
    const { temporal } = loadConfig({ XDG_CONFIG_HOME: folder }, folder);
    expect(temporal).toMatchObject({ address: '127.0.0.1:7233', namespace: 'default', apiKey: '' });
  });

  it.each([
    ['a profile that is not there', { TEMPORAL_PROFILE: 'nobody' }, 'nobody'],
    ['a file that is no TOML', { TEMPORAL_CONFIG_FILE: file('broken.toml') }, 'temporal.profile'],
  ])('are refused with %s, and no line of the file is shown', (_, env, why) => {
    writeFileSync(file('broken.toml'), '[profile.default]\napi_key = "planted-key\n');
    expect(() => loadConfig({ TEMPORAL_CONFIG_FILE: file('order.toml'), ...env }, folder)).toThrow(why);
    expect(() => loadConfig({ TEMPORAL_CONFIG_FILE: file('order.toml'), ...env }, folder)).not.toThrow('planted-key');
  });

  it.each([
    ['a certificate without its key', { TEMPORAL_TLS_CLIENT_CERT_PATH: file('worker.pem') }, 'go together'],
    ['a CA that cannot be read', { TEMPORAL_TLS_SERVER_CA_CERT_PATH: file('none.pem') }, 'none.pem'],
  ])('are refused with %s', (_, env, why) => {
    expect(() => connectionOptions(configOf(env))).toThrow(why);
  });

  it('turn TLS on with an API key, with metadata for gRPC beside it', () => {
    const env = { TEMPORAL_API_KEY: 'k', TEMPORAL_GRPC_META_TENANT: 'clinic' };
    expect(connectionOptions(configOf(env))).toMatchObject({ tls: true, apiKey: 'k', metadata: { tenant: 'clinic' } });
    expect(connectionOptions(configOf({ TEMPORAL_TLS: 'true' })).tls).toBeTruthy();
    // No TLS, no key; and loopback is never reached by way of a proxy.
    expect(connectionOptions(configOf({}))).toEqual({ address, channelArgs: { 'grpc.enable_http_proxy': 0 } });
  });
});
