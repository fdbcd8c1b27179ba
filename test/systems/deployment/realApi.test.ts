import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Config, loadConfig, PROJECT_ROOT } from '../../../src/config.ts';
import { createGateway, type Gateway, gatewayOptions } from '../../../src/gateway/gateway.ts';
import { checkSecret } from '../../../src/systems/checkSecret.ts';
import { createProcessTarget } from '../../../src/systems/deployment/process.ts';
import type { DeploymentTarget } from '../../../src/systems/deployment/target.ts';
import { verifyCandidate } from '../../../src/systems/deployment/verify.ts';
import { send } from '../../gateway/support.ts';
import { type MlflowServer, startMlflow } from '../../support/mlflow.ts';

const MODEL = 'Small';
const REGISTER = fileURLToPath(new URL('../../gateway/fixtures/register_versions.py', import.meta.url));

let mlflow: MlflowServer;
let dir: string;
let config: Config;
let gateway: Gateway;
let target: DeploymentTarget;

beforeAll(async () => {
  mlflow = await startMlflow();
  dir = await mkdtemp(join(tmpdir(), 'mediwatch-real-'));
  config = loadConfig({ MEDIWATCH_MLFLOW_URI: mlflow.uri, MEDIWATCH_STACK_DIR: dir }, dir);
  await execa(join(PROJECT_ROOT, 'python/.venv/bin/python'), [REGISTER, mlflow.uri, MODEL, '2']);
  gateway = await createGateway({ ...gatewayOptions(config, pino({ level: 'silent' })), apiPort: 0 });
  target = createProcessTarget({ adminUrl: gateway.adminUrl });
}, 240_000);

afterAll(async () => {
  await target?.close();
  await gateway?.close();
  await mlflow?.stop();
  await rm(dir, { recursive: true, force: true });
}, 60_000);

async function deploy(version: string) {
  const candidate = await target.start({ key: `deploy-${version}`, model: MODEL, version });
  const { checks } = await verifyCandidate({
    ...candidate,
    secret: checkSecret(config),
    require: ['version', 'schema', 'prediction'],
    example: [],
    healthTimeoutMs: 90_000,
    maxPredictMs: 5_000,
    staticPaths: ['/docs'],
    state: () => target.state(candidate.key),
  });
  return { checks, ...(await target.shift(candidate.key, 1)) };
}

const predict = async () =>
  (await send('POST', `${gateway.apiUrl}/predict`, { records: [{ age: 70, visits: 2 }] })).body.model_version;

/** Predicts one record after the other; gives the version of each answer. */
function predictUntilStopped() {
  let stopped = false;
  const answers = (async () => {
    const versions: string[] = [];
    while (!stopped) versions.push(await predict());
    return versions;
  })();
  return {
    stop: () => {
      stopped = true;
      return answers;
    },
  };
}

test('two versions of the real API are deployed one after the other, each verified before traffic moves, and no request fails', async () => {
  const first = await deploy('1');
  expect(first.previous).toBeNull();
  expect(first.checks.map(({ name }) => name)).toEqual(['health', 'schema', 'warm-up', 'predict', 'static /docs']);
  expect(await predict()).toBe('1');

  const client = predictUntilStopped();
  const second = await deploy('2');
  expect(second.previous).toBe('deploy-1');
  expect(await predict()).toBe('2');
  await target.stop('deploy-1', { drainMs: 5_000 });
  const answers = await client.stop();
  expect(new Set(answers)).toEqual(new Set(['1', '2']));
  expect(await target.state('deploy-1')).toEqual({ state: 'absent' });
  expect(await target.serving()).toEqual({ key: 'deploy-2', model: MODEL, version: '2' });

  const log = (await readFile(join(dir, 'predictions', 'predictions.csv'), 'utf8')).trim().split('\n');
  // The header and the predictions of this test: verification leaves no trace.
  expect(log).toHaveLength(1 + 2 + answers.length);
}, 240_000);

test('a version that the registry does not have is waited for, with the reason of the API, and never serves', async () => {
  const candidate = await target.start({ key: 'absent-version', model: MODEL, version: '99' });
  const enough = new AbortController();
  const verified = verifyCandidate({
    ...candidate,
    secret: checkSecret(config),
    require: ['version', 'schema', 'prediction'],
    example: [],
    healthTimeoutMs: 90_000,
    maxPredictMs: 5_000,
    staticPaths: [],
    state: () => target.state(candidate.key),
    onProgress: (what) => /503: .*99/.test(what) && enough.abort(new Error(what)),
    signal: enough.signal,
  });
  await expect(verified).rejects.toThrow();
  expect(enough.signal.aborted).toBe(true);
  await expect(target.shift(candidate.key, 1)).rejects.toThrow(/not running: starting/);
  await target.stop(candidate.key, { drainMs: 0 });
  expect((await target.serving())?.version).toBe('2');
}, 120_000);
