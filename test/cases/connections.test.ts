import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { translate } from '../../src/activities/lib/translate.ts';
import { proxyFor, readNetwork } from '../../src/config/network.ts';
import { FAILURES, type FailureType } from '../../src/contracts/errors.ts';
import { openContext } from '../../src/doctor/context.ts';
import { mlflowClientsCheck } from '../../src/doctor/mlflowClients.ts';
import { openBackend } from '../../src/systems/artifacts/index.ts';
import { artifactStoreOptions } from '../../src/systems/artifacts/options.ts';
import { withMlflow } from '../../src/systems/mlflow/withMlflow.ts';
import { StepError } from '../../src/systems/processes/errors.ts';
import { makeAuthority, makeCertificate } from '../support/certificates.ts';
import { type Clients, clientsOf, outcomeOf, startAsking, withVariables } from './support/mlflowClients.ts';
import { type Fake, startFake, startProxy } from './support/mlflowFake.ts';

const folder = mkdtempSync(join(tmpdir(), 'mediwatch-connections-'));
const file = (name: string) => join(folder, name);
const python = startAsking();
const clients: Clients = clientsOf(python);
let [plain, secure, mutual]: Fake[] = [];
let [http, https, strict]: Array<{ port: number; close(): void }> = [];

beforeAll(async () => {
  await makeAuthority(folder, 'ours');
  await makeAuthority(folder, 'others');
  await makeCertificate(folder, 'mlflow', 'ours');
  await makeCertificate(folder, 'client', 'ours');
  writeFileSync(file('client-both.pem'), readFileSync(file('client.pem')) + String(readFileSync(file('client.key'))));
  const pair = { key: readFileSync(file('mlflow.key')), cert: readFileSync(file('mlflow.pem')) };
  plain = await startFake();
  secure = await startFake(pair);
  mutual = await startFake({
    ...pair,
    requestCert: true,
    rejectUnauthorized: true,
    ca: readFileSync(file('ours.pem')),
  });
  const login = `Basic ${Buffer.from('me:p@ss%').toString('base64')}`;
  http = await startProxy(() => plain?.port ?? 0);
  https = await startProxy(() => secure?.port ?? 0);
  strict = await startProxy(() => plain?.port ?? 0, login);
});
afterAll(async () => {
  await python.stop();
  for (const server of [plain, secure, mutual, http, https, strict]) server?.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  rmSync(file('mediwatch.yaml'), { force: true });
  for (const one of ['.mlflow', '.netrc']) rmSync(file(one), { recursive: true, force: true });
  for (const fake of [plain, secure, mutual]) {
    if (!fake) continue;
    fake.seen.length = 0;
    fake.answer = undefined;
  }
});

const at = (fake: Fake | undefined, login = '') => `://${login}127.0.0.1:${fake?.port}`;
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

interface Case {
  variables: () => Record<string, string>;
  /** Of mediwatch.yaml, section mlflow. */
  settings?: () => string;
  server?: () => Fake | undefined;
  sees?: { authorization?: string; certificate?: string; byProxy?: boolean };
}

const over = (variable: string, pem: string): Case => ({
  variables: () => ({ MLFLOW_TRACKING_URI: `https${at(secure)}`, [variable]: file(pem) }),
  server: () => secure,
});
const PROXIED = 'http://mlflow.test';

const CASES: Record<string, Case> = {
  'user and password in the address': {
    variables: () => ({ MLFLOW_TRACKING_URI: `http${at(plain, 'ops:p%40ss@')}` }),
    sees: { authorization: basic('ops:p@ss') },
  },
  'a password with a % that begins no encoding': {
    variables: () => ({ MLFLOW_TRACKING_URI: `http${at(plain, 'ops:100%25,50%@')}` }),
    sees: { authorization: basic('ops:100%,50%') },
  },
  'a user of the file and a password of a variable': {
    variables: () => ({ MEDIWATCH_MLFLOW_PASSWORD: 'pässword' }),
    settings: () => `{uri: "http${at(plain)}", username: ops}`,
    sees: { authorization: basic('ops:pässword') },
  },
  'a token': {
    variables: () => ({ MEDIWATCH_MLFLOW_TOKEN: 'token', MLFLOW_TRACKING_URI: `http${at(plain)}` }),
    sees: { authorization: 'Bearer token' },
  },
  'a token, and a user without a password': {
    variables: () => ({
      ...{ MLFLOW_TRACKING_TOKEN: 'token', MLFLOW_TRACKING_USERNAME: 'ops' },
      MLFLOW_TRACKING_URI: `http${at(plain)}`,
    }),
    sees: { authorization: 'Bearer token' },
  },
  "MLflow's own file of credentials": {
    variables: () => {
      mkdirSync(file('.mlflow'));
      const lines = ['[other]', 'x=1', '[mlflow]', 'mlflow_tracking_username = ops', 'mlflow_tracking_password = 50%%'];
      writeFileSync(file('.mlflow/credentials'), lines.join('\n'));
      return { MLFLOW_TRACKING_URI: `http${at(plain)}` };
    },
    sees: { authorization: basic('ops:50%') },
  },
  'a netrc file of other hosts, a macro and this one': {
    variables: () => {
      const lines = ['# logins', 'machine other.test login x password y', 'macdef init', 'machine 127.0.0.1', '', ''];
      writeFileSync(file('.netrc'), [...lines, 'machine 127.0.0.1', '  login ops', '  password "p\\"s #1"'].join('\n'));
      return { MLFLOW_TRACKING_URI: `http${at(plain)}` };
    },
    sees: { authorization: basic('ops:p"s #1') },
  },
  'a netrc file that NETRC names, with a login for any host': {
    variables: () => {
      writeFileSync(file('logins'), 'machine other.test login x password y\ndefault login ops password any\n');
      return { MLFLOW_TRACKING_URI: `http${at(plain)}`, NETRC: file('logins') };
    },
    sees: { authorization: basic('ops:any') },
  },
  'a netrc file goes before a login that is set': {
    variables: () => {
      writeFileSync(file('.netrc'), 'default login ops password netrc\n');
      return { MLFLOW_TRACKING_URI: `http${at(plain, 'ops:set@')}` };
    },
    sees: { authorization: basic('ops:netrc') },
  },
  "MLflow's variable for authorities": over('MLFLOW_TRACKING_SERVER_CERT_PATH', 'ours.pem'),
  'mlflow.caFile': {
    variables: () => ({}),
    settings: () => `{uri: "https${at(secure)}", caFile: ours.pem}`,
    server: () => secure,
  },
  'authorities of requests': over('REQUESTS_CA_BUNDLE', 'ours.pem'),
  'authorities of curl': over('CURL_CA_BUNDLE', 'ours.pem'),
  'authorities of OpenSSL': over('SSL_CERT_FILE', 'ours.pem'),
  'authorities of Node': over('NODE_EXTRA_CA_CERTS', 'ours.pem'),
  'authorities of OpenSSL and of Node': {
    ...over('NODE_EXTRA_CA_CERTS', 'ours.pem'),
    variables: () => ({
      ...{ SSL_CERT_FILE: file('others.pem'), NODE_EXTRA_CA_CERTS: file('ours.pem') },
      MLFLOW_TRACKING_URI: `https${at(secure)}`,
    }),
  },
  'no check of certificates': {
    variables: () => ({ MLFLOW_TRACKING_URI: `https${at(secure)}`, MLFLOW_TRACKING_INSECURE_TLS: '1' }),
    server: () => secure,
  },
  'a certificate of our own': {
    variables: () => ({ MLFLOW_TRACKING_CLIENT_CERT_PATH: file('client-both.pem') }),
    settings: () => `{uri: "https${at(mutual)}", caFile: ours.pem}`,
    server: () => mutual,
    sees: { certificate: 'client' },
  },
  'a proxy, and a server on loopback': {
    variables: () => ({ http_proxy: `http${at(strict as Fake)}`, MLFLOW_TRACKING_URI: `http${at(plain)}` }),
    sees: { byProxy: false },
  },
  'a proxy for everything, with a login': {
    variables: () => ({ ALL_PROXY: `http${at(strict as Fake, 'me:p%40ss%25@')}`, MLFLOW_TRACKING_URI: PROXIED }),
    sees: { byProxy: true },
  },
  'a proxy without a scheme, and other hosts without it': {
    variables: () => ({
      ...{ HTTP_PROXY: `127.0.0.1:${http?.port}`, NO_PROXY: 'elsewhere.test, 10.0.0.0/8' },
      MLFLOW_TRACKING_URI: PROXIED,
    }),
    sees: { byProxy: true },
  },
  'a tunnel to a server of an authority of our own': {
    variables: () => ({ HTTPS_PROXY: `http${at(https as Fake)}`, MLFLOW_TRACKING_TOKEN: 'token' }),
    settings: () => '{uri: "https://mlflow.test", caFile: ours.pem}',
    server: () => secure,
    sees: { authorization: 'Bearer token', byProxy: true },
  },
};

describe.each(Object.entries(CASES))('%s', (_, { variables, settings, server = () => plain, sees = {} }) => {
  it.each(Object.keys(clients))('reach MLflow through the client of: %s', async (name) => {
    if (settings) writeFileSync(file('mediwatch.yaml'), `mlflow: ${settings()}\n`);
    await withVariables(variables(), folder, async (config) => {
      expect(await clients[name]?.(config)).toBeNull();
      const { seen = [] } = server() ?? {};
      expect(seen.length).toBeGreaterThan(0);
      for (const one of seen) expect(one).toMatchObject(sees);
    });
  });
});

it.each([
  ['http://mlflow.corp.example:5000', 'corp.example', false],
  ['http://mlflow.corp.example:5000', '.corp.example', false],
  ['http://mlflow.corp.example:5000', '*.corp.example', false],
  ['http://mlflow.corp.example:5000', 'mlflow.corp.example:5000', false],
  ['http://mlflow.corp.example:5000', 'mlflow.corp.example:5001', true],
  ['http://mlflow.corp.example:5000', 'corp', true],
  ['http://notcorp.example', 'corp.example', true],
  ['http://10.1.2.3', '10.0.0.0/8', false],
  ['http://11.1.2.3', '10.0.0.0/8,12.0.0.0/99', true],
  ['http://mlflow', '*', false],
  ['http://localhost', '', false],
  ['http://127.3.2.1', '', false],
  ['http://[::1]:5000', '', false],
])('%s with NO_PROXY=%s goes by the proxy: %s', (address, NO_PROXY, goes) => {
  const network = readNetwork({ http_proxy: 'proxy:3128', NO_PROXY });
  expect(proxyFor(address, network)).toBe(goes ? 'http://proxy:3128' : undefined);
});

it('mlflow.timeout, and the variable of MLflow for it, is the patience of every client', async () => {
  await withVariables({ MLFLOW_HTTP_REQUEST_TIMEOUT: '7' }, folder, async ({ mlflow }) => {
    expect(mlflow.timeout).toBe(7);
  });
  writeFileSync(file('mediwatch.yaml'), 'mlflow: {timeout: 2.5}\n');
  const { mlflowVariables } = await import('../../src/systems/mlflow/variables.ts');
  await withVariables({}, folder, async (config) => {
    expect(mlflowVariables(config)).toMatchObject({ MLFLOW_HTTP_REQUEST_TIMEOUT: '3' });
  });
});

describe('a refusal is final and says what to do:', () => {
  const json = (error_code: string, message: string) => JSON.stringify({ error_code, message });
  const nginx = (title: string) => `<html>\r\n<head><title>${title}</title></head>\r\n<body>${title}</body></html>`;

  it.each<[string, Fake['answer'], FailureType]>([
    [
      'a login that is wrong',
      { status: 401, body: 'You are not authenticated.', type: 'text/plain' },
      'MlflowLoginRefused',
    ],
    ['what an account may not do', { status: 403, body: json('PERMISSION_DENIED', 'no') }, 'MlflowLoginRefused'],
    [
      'a page of a proxy that forbids it',
      { status: 403, body: nginx('403 Forbidden'), type: 'text/html' },
      'MlflowLoginRefused',
    ],
    [
      'a host check',
      { status: 403, body: 'Invalid Host header - possible DNS rebinding attack', type: 'text/plain' },
      'MlflowRefused',
    ],
    [
      'a body that is too large for a proxy',
      { status: 413, body: nginx('413 Request Entity Too Large'), type: 'text/html' },
      'MlflowBodyTooLarge',
    ],
    ['another server', { status: 200, body: nginx('Welcome'), type: 'text/html' }, 'MlflowRefused'],
    ['a parameter that is wrong', { status: 400, body: json('INVALID_PARAMETER_VALUE', 'no') }, 'MlflowRefused'],
  ])('%s', async (_, answer, type) => {
    await refused(answer, type, false);
  });

  it.each<[string, Fake['answer']]>([
    ['an error of the server', { status: 500, body: json('INTERNAL_ERROR', 'disk full') }],
    ['a proxy without its server', { status: 502, body: nginx('502 Bad Gateway'), type: 'text/html' }],
    ['a server that starts', { status: 503, body: nginx('503 Service Unavailable'), type: 'text/html' }],
    ['too many requests', { status: 429, body: json('REQUEST_LIMIT_EXCEEDED', 'slow down') }],
  ])('an outage is tried again: %s', async (_, answer) => {
    await refused(answer, 'MlflowUnavailable', true);
  });

  async function refused(answer: Fake['answer'], type: FailureType, retryable: boolean): Promise<void> {
    if (plain) plain.answer = answer;
    await withVariables({ MLFLOW_TRACKING_URI: `http${at(plain)}` }, folder, async (config) => {
      const { MLFLOW_TRACKING_URI = '' } = process.env;
      const env = { ...process.env, MLFLOW_TRACKING_URI };
      const found = {
        worker: await outcomeOf(withMlflow(config, async (mlflow) => await mlflow.experimentIds())),
        steps: await python.ask('steps', env),
        API: await python.ask('api', env),
        // The run is not found either: the same answer to everything.
        upload: await python.ask('upload', env),
      };
      for (const [client, outcome] of Object.entries(found)) {
        expect({ client, ...outcome }).toMatchObject({ client, type, retryable });
        const { message } = translate(new StepError({ field: null, ...outcome } as never));
        expect(message.endsWith(FAILURES[type].next)).toBe(true);
      }
    });
  }

  it.each<[number, FailureType]>([
    [401, 'MlflowLoginRefused'],
    [413, 'MlflowBodyTooLarge'],
  ])('a proxy that takes calls, and answers %i to a file', async (status, type) => {
    if (plain) plain.answer = { status, body: nginx(`${status}`), type: 'text/html', method: 'PUT' };
    await withVariables({ MLFLOW_TRACKING_URI: `http${at(plain)}` }, folder, async (config) => {
      const { experiment: _, ...place } = artifactStoreOptions(config);
      const backend = openBackend(place);
      const sent = backend.put('a/b', () => Readable.from(['a']), 1, {});
      for (const outcome of [await outcomeOf(sent), await python.ask('upload', { ...process.env })]) {
        expect(outcome).toMatchObject({ type, retryable: false });
      }
      await backend.close();
    });
  });

  it('a certificate of an authority that nobody named', async () => {
    await withVariables({ MLFLOW_TRACKING_URI: `https${at(secure)}` }, folder, async (config) => {
      for (const [name, ask] of Object.entries(clients)) {
        if (name === 'script') continue;
        const outcome = await ask(config);
        expect({ name, ...outcome }).toMatchObject({ name, type: 'MlflowUntrusted', retryable: false });
      }
    });
  });

  it('a proxy that asks for a login', async () => {
    const variables = { HTTP_PROXY: `http${at(strict as Fake)}`, MLFLOW_TRACKING_URI: PROXIED };
    await withVariables(variables, folder, async (config) => {
      for (const name of ['worker', 'pool', 'API']) {
        const outcome = await clients[name]?.(config);
        expect({ name, ...outcome }).toMatchObject({ name, type: 'MlflowLoginRefused', retryable: false });
      }
    });
  });

  it('an experiment that was deleted', async () => {
    await withVariables({ MLFLOW_TRACKING_URI: `http${at(plain)}` }, folder, async (config) => {
      const found = [
        await outcomeOf(withMlflow(config, async (mlflow) => await mlflow.ensureExperiment('deleted'))),
        await python.ask('deleted', { ...process.env }),
      ];
      for (const outcome of found) {
        expect(outcome).toMatchObject({ type: 'ExperimentDeleted', retryable: false });
        expect(outcome?.message).toContain('mlflow experiments restore --experiment-id 7');
      }
    });
  });
});

it('the doctor asks as steps and API do, where that may differ', async () => {
  const look = async (variables: Record<string, string>) => {
    let codes: unknown[] = [];
    await withVariables(variables, folder, async (config) => {
      const context = openContext(config, process.env, new AbortController().signal);
      codes = (await mlflowClientsCheck.run(context)).map(({ code, facts }) => [
        code,
        (facts as { type?: string }).type,
      ]);
      await context.close();
    });
    return codes;
  };
  const uri = `https${at(secure)}`;
  expect(await look({ MLFLOW_TRACKING_URI: uri, NODE_EXTRA_CA_CERTS: file('ours.pem') })).toEqual([
    ['mlflowTakesClients', undefined],
  ]);
  expect(await look({ MLFLOW_TRACKING_URI: `http${at(plain)}` })).toEqual([]);
});
