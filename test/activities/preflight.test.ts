import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { preflight } from '../../src/activities/preflight.ts';
import { type Config, loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import { createProcessTarget } from '../../src/systems/deployment/process.ts';
import { createMlflow } from '../../src/systems/mlflow/index.ts';
import { closeGateway, openGateway, type TestGateway } from '../gateway/support.ts';
import { type MlflowServer, startMlflow } from '../support/mlflow.ts';

const MODEL = 'Small';
const REGISTER = fileURLToPath(new URL('../gateway/fixtures/register_versions.py', import.meta.url));
let mlflow: MlflowServer;
let gateway: TestGateway;
let config: Config;
let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mediwatch-preflight-'));
  [mlflow, gateway] = await Promise.all([startMlflow(), openGateway()]);
  const python = process.env.MEDIWATCH_TEST_PYTHON ?? join(PROJECT_ROOT, 'python/.venv/bin/python');
  await execa(python, [REGISTER, mlflow.uri, MODEL, '1']);
  const env = { MLFLOW_TRACKING_URI: mlflow.uri, MEDIWATCH_STACK_DIR: dir };
  config = loadConfig({ ...env, MEDIWATCH_DEPLOYMENT_ADMIN_URL: gateway.adminUrl }, PROJECT_ROOT);
}, 150_000);
afterAll(async () => {
  await Promise.all([mlflow.stop(), closeGateway(gateway), rm(dir, { recursive: true })]);
});

async function findings({ version = '1', adminUrl = gateway.adminUrl } = {}) {
  const client = createMlflow({ uri: mlflow.uri, timeoutMs: 5_000 });
  const target = createProcessTarget({ adminUrl });
  try {
    return await preflight({ config, mlflow: client, target, registeredModel: MODEL, version });
  } finally {
    await Promise.all([client.close(), target.close()]);
  }
}

it('of a version that can be deployed has no problem', async () => {
  expect(await findings()).toMatchObject([
    {
      code: 'modelFileAvailable',
      facts: { registeredModel: MODEL, version: '1', file: expect.stringMatching(/^model\.\w+$/) },
    },
    { code: 'targetAnswers', facts: { version: null } },
    { code: expect.stringMatching(/^diskSpace/), facts: { freeBytes: expect.any(Number) } },
  ]);
});

it('names the version that the registry does not have', async () => {
  const unknown = { code: 'versionUnknown', facts: { registeredModel: MODEL, version: '7', uri: mlflow.uri } };
  expect(await findings({ version: '7' })).toContainEqual(unknown);
});

it('says that the gateway does not answer', async () => {
  const adminUrl = 'http://127.0.0.1:1';
  expect(await findings({ adminUrl })).toContainEqual({
    code: 'targetAway',
    facts: { message: expect.stringContaining(adminUrl), adminUrl: config.deployment.adminUrl },
  });
});

it('says that MLflow does not answer', async () => {
  await mlflow.kill9();
  const [registry] = await findings();
  expect(registry).toMatchObject({ code: 'mlflowAway', facts: { message: expect.stringContaining(mlflow.uri) } });
});
