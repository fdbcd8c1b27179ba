import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Config, loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import { createGateway, type Gateway, gatewayOptions } from '../../src/gateway/gateway.ts';
import { checkHeader, checkSecret } from '../../src/systems/checkSecret.ts';
import { createProcessTarget } from '../../src/systems/deployment/process.ts';
import type { DeploymentTarget } from '../../src/systems/deployment/target.ts';
import { type MlflowServer, startMlflow } from '../support/mlflow.ts';
import { until } from '../support/until.ts';

const MODEL = 'Small';
const REGISTER = fileURLToPath(new URL('../gateway/fixtures/register_versions.py', import.meta.url));
const BODY = JSON.stringify({ records: [{ age: 70, visits: 2 }] });
const JSON_BODY = { 'content-type': 'application/json' };

let mlflow: MlflowServer;
let dir: string;
let config: Config;
let gateway: Gateway;
let target: DeploymentTarget;
/** Of the API itself, past the gateway. */
let apiUrl: string;

beforeAll(async () => {
  mlflow = await startMlflow();
  dir = await mkdtemp(join(tmpdir(), 'mediwatch-monitoring-'));
  config = loadConfig({ MEDIWATCH_MLFLOW_URI: mlflow.uri, MEDIWATCH_STACK_DIR: dir }, dir);
  await execa(join(PROJECT_ROOT, 'python/.venv/bin/python'), [REGISTER, mlflow.uri, MODEL, '1']);
  gateway = await createGateway({ ...gatewayOptions(config, pino({ level: 'silent' })), apiPort: 0 });
  target = createProcessTarget({ adminUrl: gateway.adminUrl });
  apiUrl = (await target.start({ key: 'first', model: MODEL, version: '1' })).url;
  await until(async () => (await target.state('first')).state === 'running', { timeoutMs: 90_000, what: 'the API' });
  await target.shift('first', 1);
  await predict(JSON_BODY);
}, 240_000);

afterAll(async () => {
  await target?.close();
  await gateway?.close();
  await mlflow?.stop();
  await rm(dir, { recursive: true, force: true });
}, 60_000);

/** Sends a prediction through the gateway with curl, which sets the headers that no fetch may set. */
async function predict(headers: Record<string, string>, url = gateway.apiUrl): Promise<number> {
  const flags = Object.entries(headers).flatMap(([name, value]) => ['--header', `${name}: ${value}`]);
  const shown = ['--output', '/dev/null', '--write-out', '%{http_code}'];
  const { stdout } = await execa('curl', ['--silent', ...shown, ...flags, '--data', BODY, `${url}/predict`]);
  return Number(stdout);
}

/** Lines of the prediction log, without its header. */
async function logged(): Promise<number> {
  return (await readFile(join(dir, 'predictions', 'predictions.csv'), 'utf8')).trim().split('\n').length - 1;
}

test.each([
  ['of a name that was led here', { ...JSON_BODY, host: 'evil.example:8000' }, 403],
  ['of another origin', { ...JSON_BODY, origin: 'http://evil.example' }, 403],
  ['of another port of this host', { ...JSON_BODY, origin: 'http://localhost:3000' }, 403],
  ['that asks nobody first', { 'content-type': 'text/plain', origin: 'http://evil.example' }, 403],
  ['that is no JSON', { 'content-type': 'application/x-www-form-urlencoded' }, 415],
  [
    'of a name that was led here, which says it is another',
    { ...JSON_BODY, host: 'evil.example', 'x-forwarded-host': 'localhost' },
    403,
  ],
])('a page %s cannot predict, and leaves nothing in the log', async (_page, headers, status) => {
  const before = await logged();
  expect(await predict(headers)).toBe(status);
  expect(await predict(headers, apiUrl)).toBe(status);
  expect(await logged()).toBe(before);
});

test('only the secret of the gateway keeps a prediction out of the log', async () => {
  const before = await logged();
  expect(await predict({ ...JSON_BODY, ...checkHeader('1') })).toBe(200);
  expect(await logged()).toBe(before + 1);
  expect(await predict({ ...JSON_BODY, ...checkHeader(checkSecret(config)) })).toBe(200);
  expect(await logged()).toBe(before + 1);
});

test.skipIf(process.getuid?.() !== 0)('another user of this host cannot read that secret', async () => {
  checkSecret(config);
  const asNobody = ['--reuid', '65534', '--regid', '65534', '--clear-groups', 'cat', join(dir, 'check-secret')];
  await execa('chmod', ['755', dir]);
  const { exitCode, stderr } = await execa('setpriv', asNobody, { reject: false });
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining('Permission denied')]);
});

test('why an API has no model is told to the gateway and not to whoever asks the API', async () => {
  const { url } = await target.start({ key: 'absent', model: MODEL, version: '99' });
  const reason = async () => (await target.state('absent')).reason ?? '';
  await until(async () => (await reason()).includes(mlflow.uri), { timeoutMs: 60_000, what: 'the reason' });
  const anonymous = await (await fetch(`${url}/health`)).text();
  expect(JSON.parse(anonymous)).toEqual({ status: 'unavailable', model_name: MODEL, model_source: 'mlflow' });
  await target.stop('absent', { drainMs: 0 });
});
