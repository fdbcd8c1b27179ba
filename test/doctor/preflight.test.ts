import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Config, loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import { problemsInWords } from '../../src/doctor/finding.ts';
import { preflight } from '../../src/doctor/preflight.ts';
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
  expect(await findings()).toEqual([
    { level: 'ok', text: expect.stringMatching(/version 1 of Small: model\.\w+ can be downloaded/) },
    { level: 'ok', text: 'nothing serves now' },
    { level: 'ok', text: expect.stringContaining('GiB free') },
  ]);
});

it('names the version that there is not', async () => {
  expect(problemsInWords(await findings({ version: '7' }))).toContain('Small has no version 7 at http');
});

it('says that the gateway does not answer', async () => {
  const words = problemsInWords(await findings({ adminUrl: 'http://127.0.0.1:1' }));
  expect(words).toContain('The API gateway at http://127.0.0.1:1 cannot be reached');
});

it('says that MLflow does not answer', async () => {
  await mlflow.kill9();
  expect(problemsInWords(await findings())).toMatch(/nothing listens there.*check that MLflow runs/);
});
