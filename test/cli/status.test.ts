import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMlflow } from '../../src/systems/mlflow/index.ts';
import { type MlflowServer, startMlflow } from '../support/mlflow.ts';
import { startTemporal } from '../support/temporal.ts';
import { quiet } from '../support/workers.ts';
import { mediwatch, NOWHERE, startFakes } from './support.ts';

let mlflow: MlflowServer;
let temporal: Awaited<ReturnType<typeof startTemporal>>;
let fakes: Awaited<ReturnType<typeof startFakes>>;
let client: Client;
let env: Record<string, string>;
/** What the API answers to /health. */
let health: { status: number; body: object };
const api = createServer((_request, response) => {
  response.writeHead(health.status, { 'content-type': 'application/json' }).end(JSON.stringify(health.body));
});

const MODEL = 'MediWatchReadmit';
const serves = (version: string, model = MODEL) => ({
  status: 200,
  body: { model_name: model, model_version: version },
});

beforeAll(async () => {
  quiet();
  const listening = new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
  [mlflow, temporal] = await Promise.all([startMlflow(), startTemporal(), listening]);
  client = new Client({ connection: await Connection.connect({ address: temporal.address }) });
  fakes = await startFakes(temporal.address);
  env = {
    TEMPORAL_ADDRESS: temporal.address,
    MLFLOW_TRACKING_URI: mlflow.uri,
    MEDIWATCH_DEPLOYMENT_API_URL: `http://127.0.0.1:${(api.address() as AddressInfo).port}`,
  };
}, 150_000);
afterAll(async () => {
  api.close();
  await Promise.all([fakes.stop().then(() => temporal.stop()), client.connection.close(), mlflow.stop()]);
});

/** Registers versions with these test AUCs. */
async function register(...aucs: number[]) {
  const registry = createMlflow({ uri: mlflow.uri, timeoutMs: 20_000 });
  await registry.ensureRegisteredModel(MODEL);
  const experimentId = await registry.ensureExperiment('status');
  for (const auc of aucs) {
    const { runId } = await registry.createRun({ experimentId, name: 'run', tags: {} });
    const tags = { test_auc: String(auc) };
    await registry.createVersion({ name: MODEL, source: `runs:/${runId}/model`, runId, tags });
  }
  return registry;
}

describe('status', () => {
  it('before anything was made says how to begin', async () => {
    health = { status: 503, body: { reason: 'no version is in Production' } };
    const { code, out } = await mediwatch(['status'], { env });
    expect(code).toBe(0);
    expect(out).toContain('No version yet: a retrain makes the first ("mediwatch retrain --follow").');
    expect(out).toContain('no version is in Production');
  });

  it('shows versions with their AUC, what the API serves, whether both agree, and workflows', async () => {
    const registry = await register(0.6701, 0.6812, 0.69);
    await registry.transitionStage(MODEL, '1', 'Staging');
    await registry.transitionStage(MODEL, '2', 'Production');
    await registry.setAlias(MODEL, 'champion', '2');
    await registry.close();
    health = serves('2');
    await mediwatch(['retrain', '--id', 'ended', '--follow'], { env });
    await mediwatch(['retrain', '--id', 'goes-on', '--trigger', 'wait'], { env });

    const { code, out } = await mediwatch(['status'], { env });
    expect(code).toBe(0);
    expect(out).toMatch(/Production +version 2, test AUC 0\.6812, of .* @champion/);
    expect(out).toMatch(/Staging +version 1, test AUC 0\.6701/);
    expect(out).toMatch(/Newest +version 3, test AUC 0\.6900/);
    expect(out).toMatch(/API +version 2 at http/);
    expect(out).toContain('which is what is in Production');
    expect(out).toMatch(/Running\n +goes-on +running/);
    expect(out).toMatch(/Ended last\n +ended +completed/);

    const { out: json } = await mediwatch(['status', '--json'], { env });
    expect(JSON.parse(json)).toMatchObject({
      registeredModel: MODEL,
      registry: {
        production: { version: '2', testAuc: 0.6812 },
        staging: [{ version: '1' }],
        newest: { version: '3' },
      },
      api: { version: '2' },
      agrees: true,
      running: [{ workflowId: 'goes-on', workflow: 'retrain' }],
      recent: [{ workflowId: 'ended', state: 'completed' }],
      lock: [],
      problems: [],
    });
  });

  it('says when the API serves another version than Production, and what to do', async () => {
    health = serves('1');
    const { out } = await mediwatch(['status'], { env });
    expect(out).toContain('The API serves version 1, but version 2 is in Production');
    expect(out).toContain('mediwatch redeploy');
  });

  it('takes a version of another model with the same number for another one', async () => {
    health = serves('2', 'Churn');
    const { out } = await mediwatch(['status'], { env });
    expect(out).toMatch(/API +version 2 of Churn at http/);
    expect(out).toContain('The API serves version 2 of Churn, but version 2 is in Production');
  });

  it('shows who holds the lock of the model and who waits', async () => {
    const request = { token: 't', workflowId: 'goes-on', runId: 'r', purpose: 'promote version 3' };
    const queue = [request, { ...request, token: 'u', workflowId: 'other' }];
    const lock = await client.workflow.start('modelLock', {
      workflowId: `modelLock/${MODEL}`,
      taskQueue: 'mediwatch',
      args: [{ registeredModel: MODEL, queue }],
    });
    const { out } = await mediwatch(['status'], { env });
    expect(out).toMatch(/Lock +held by goes-on \(promote version 3\); 1 waiting/);
    await lock.terminate();
  });

  it('shows what the steward does, and when the schedules start next', async () => {
    await mediwatch(['schedules', 'apply'], { env });
    const { out } = await mediwatch(['status'], { env });
    expect(out).toMatch(/Drift +steward: no alert has come yet/);
    expect(out).toMatch(/Schedule +nightly-drift-check: next 2\d{3}-/);
    const { out: json } = await mediwatch(['status', '--json'], { env });
    expect(JSON.parse(json)).toMatchObject({
      steward: { exists: 'none' },
      schedules: expect.arrayContaining([expect.objectContaining({ name: 'nightly-retrain', workflow: 'retrain' })]),
    });
  });

  it('tells what it can when Temporal is away, and ends with 4', async () => {
    const { code, out } = await mediwatch(['status'], { env: { ...env, TEMPORAL_ADDRESS: NOWHERE } });
    expect(code).toBe(4);
    expect(out).toMatch(/Production +version 2/);
    expect(out).toContain(`Temporal does not answer at ${NOWHERE}`);
  });

  it('tells what it can when MLflow is away, and ends with 4', async () => {
    const { code, out } = await mediwatch(['status'], { env: { ...env, MLFLOW_TRACKING_URI: `http://${NOWHERE}` } });
    expect(code).toBe(4);
    expect(out).toMatch(/goes-on +running/);
    expect(out).toContain('mlflow.uri');
  });
});

describe('status ID', () => {
  it('of one that runs shows its stages and links', async () => {
    const { code, out } = await mediwatch(['status', 'goes-on'], { env });
    expect(code).toBe(0);
    expect(out).toMatch(/^goes-on {2}running, /);
    expect(out).toMatch(/✔ Prepare data .*101,766 rows/);
    expect(out).toMatch(/▸ Search hyperparameters/);
    expect(out).toMatch(/trials 7\/20 \(2 running, 1 failed\)/);
    expect(out).toMatch(/Temporal UI +http/);
  });

  it('of one that failed shows where and why', async () => {
    await mediwatch(['retrain', '--id', 'failed', '--trigger', 'fail', '--follow'], { env });
    const { code, out } = await mediwatch(['status', 'failed'], { env });
    expect(code).toBe(0);
    expect(out).toContain('In "Search hyperparameters": All 3 trials failed.');
    const { out: json } = await mediwatch(['status', 'failed', '--json'], { env });
    expect(JSON.parse(json)).toMatchObject({ state: 'failed', failure: { type: 'TooManyTrialsFailed' }, result: null });
  });

  it('of one that completed shows its result', async () => {
    const { out } = await mediwatch(['status', 'ended'], { env });
    expect(out).toContain('MediWatchReadmit version 4, test AUC 0.6843.');
  });
});
