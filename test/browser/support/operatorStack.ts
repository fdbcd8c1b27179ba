import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import { createMlflow, type Mlflow } from '../../../src/systems/mlflow/index.ts';
import { openBrowser, type TestBrowser } from '../../support/browser.ts';
import { type Patient, patients, spread } from '../../support/population.ts';
import { sampleData } from '../../support/sampleData.ts';
import { createTestStack, type TestStack } from '../../support/stack.ts';
import { createTemporalUi, type TemporalUi } from './ui.ts';

const IMAGE = fileURLToPath(new URL('../fixtures/image', import.meta.url));

/** A whole stack of a small sample, a browser on its Temporal UI, and what shows that the UI says the truth. */
export interface OperatorStack {
  ui: TemporalUi;
  mlflow: Mlflow;
  client: Client;
  stack: TestStack;
  /** Repository of the images that are built. */
  repository: string;
  /** The version that answers at the API. */
  served(): Promise<string | undefined>;
  /** Lets the API predict for as many patients. */
  predict(count: number): Promise<void>;
  /** Registers a version whose file holds no model: only an API that loads it finds out. */
  registerBroken(model: string): Promise<string>;
  dispose(): Promise<void>;
}

/** @param options.real the real data and the gate as it is shipped, for pictures */
export async function openOperatorStack({ real = false } = {}): Promise<OperatorStack> {
  const stack = await createTestStack();
  const repository = `mediwatch-browser-test-${process.pid}`;
  const small = {
    MEDIWATCH_DATA_PATH: sampleData(stack.dir),
    MEDIWATCH_SEARCH_TRIALS: '2',
    // The way into Production is what is looked at, not how good a model of so few rows is.
    MEDIWATCH_PROMOTION_POLICY: 'always',
  };
  Object.assign(stack.env, real ? {} : small, {
    // One that says that it cannot load its model is given that long, as any other.
    MEDIWATCH_DEPLOYMENT_HEALTH_TIMEOUT: '40',
    MEDIWATCH_MONITORING_OUT_DIR: join(stack.dir, 'reports'),
    MEDIWATCH_DOCKER_IMAGE: repository,
    MEDIWATCH_DOCKER_PUSH: 'false',
    MEDIWATCH_DOCKER_BASE_IMAGE: 'scratch',
    MEDIWATCH_DOCKER_CONTEXT: IMAGE,
    MEDIWATCH_DOCKER_DOCKERFILE: `${IMAGE}/Dockerfile`,
    MEDIWATCH_DOCKER_BAKED_DOCKERFILE: `${IMAGE}/Dockerfile.withmodel`,
  });
  const { TEMPORAL_PORT, TEMPORAL_UI_PORT, MLFLOW_PORT, API_PORT } = stack.ports;
  const mlflowUrl = `http://127.0.0.1:${MLFLOW_PORT}`;
  const apiUrl = `http://127.0.0.1:${API_PORT}`;
  let browser: TestBrowser | undefined;
  let connection: Connection | undefined;
  const mlflow = createMlflow({ uri: mlflowUrl, timeoutMs: 30_000 });
  const dispose = async () => {
    await browser?.close();
    await connection?.close();
    await mlflow.close();
    await stack.dispose();
  };
  try {
    await stack.start().up();
    browser = await openBrowser('temporal-ui');
    connection = await Connection.connect({ address: `127.0.0.1:${TEMPORAL_PORT}` });
  } catch (error) {
    await dispose();
    throw error;
  }

  return {
    ui: createTemporalUi(browser, `http://127.0.0.1:${TEMPORAL_UI_PORT}`),
    mlflow,
    client: new Client({ connection }),
    stack,
    repository,
    async served() {
      const answer = await fetch(`${apiUrl}/health`);
      return ((await answer.json()) as { model_version?: string }).model_version;
    },
    async predict(count) {
      const records: Patient[] = spread(
        patients(() => true),
        count,
      );
      await send('POST', `${apiUrl}/predict`, JSON.stringify({ records }));
    },
    async registerBroken(model) {
      const [version] = await mlflow.listVersions(model);
      const run = await mlflow.getRun(version?.runId as string);
      const folder = `${run?.experimentId}/${run?.runId}/artifacts/broken`;
      const query = new URLSearchParams({ name: model, version: version?.version as string, path: 'MLmodel' });
      const description = await (await fetch(`${mlflowUrl}/model-versions/get-artifact?${query}`)).text();
      for (const [file, content] of Object.entries({ MLmodel: description, 'model.pkl': 'no model' })) {
        await send('PUT', `${mlflowUrl}/api/2.0/mlflow-artifacts/artifacts/${folder}/${file}`, content);
      }
      const source = `mlflow-artifacts:/${folder}`;
      const registration = JSON.stringify({ name: model, source, run_id: run?.runId });
      const answer = await send('POST', `${mlflowUrl}/api/2.0/mlflow/model-versions/create`, registration);
      return (answer as { model_version: { version: string } }).model_version.version;
    },
    dispose,
  };
}

async function send(method: 'POST' | 'PUT', url: string, body: string): Promise<unknown> {
  const answer = await fetch(url, { method, headers: { 'content-type': 'application/json' }, body });
  if (!answer.ok) throw new Error(`${url} answered with ${answer.status}: ${await answer.text()}`);
  const text = await answer.text();
  return text === '' ? null : JSON.parse(text);
}
