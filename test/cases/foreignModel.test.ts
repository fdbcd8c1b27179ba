import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MockActivityEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { translated } from '../../src/activities/lib/translate.ts';
import { createRegistryActivities } from '../../src/activities/registry.ts';
import { createReportActivities } from '../../src/activities/training/report.ts';
import { type Config, loadConfig } from '../../src/config.ts';
import { REPORT_FILES } from '../../src/contracts/report.ts';
import type { Dataset } from '../../src/contracts/training.ts';
import { createArtifactStore } from '../../src/systems/artifacts/index.ts';
import { createMlflow, type Mlflow } from '../../src/systems/mlflow/index.ts';
import { mlflowOptions } from '../../src/systems/mlflow/options.ts';
import { createTrainingProcesses, type TrainingProcesses } from '../../src/workers/trainingProcesses.ts';
import { mediwatch, NOWHERE } from '../cli/support.ts';
import { type MlflowServer, startMlflow } from '../support/mlflow.ts';
import { quiet } from '../support/workers.ts';

const MODEL = 'Tides';
/** What only our own models have: kind, libraries, scores and settings of the bundled trainer. */
const OURS = /\bhgb\b|histogram gradient|scikit-learn|sklearn|patient|readmi|test AUC|\bAUC\b|probabilit/i;
let folder: string;
let server: MlflowServer;
let mlflow: Mlflow;
let config: Config;
let processes: TrainingProcesses;
const sha256 = 'a'.repeat(64);
const dataset: Dataset = {
  ref: { uri: 'file:///nowhere', sha256, sizeBytes: 1 },
  ...{ rows: null, groups: null, positives: null, splits: null, features: null, sourceSha256: sha256 },
};

beforeAll(async () => {
  quiet();
  folder = mkdtempSync(join(tmpdir(), 'mediwatch-foreign-'));
  server = await startMlflow();
  const command = ['python', 'train.py'];
  const settings = {
    registry: { registeredModel: MODEL },
    steps: { prepare: { skip: true }, trial: { command }, train: { command } },
    search: { metric: 'mean_error_cm', direction: 'minimize' },
    promotion: { rules: [{ metric: 'mean_error_cm', direction: 'lower', maxLoss: 0 }] },
    deployment: { target: 'none' },
    worker: { slots: 1 },
  };
  writeFileSync(join(folder, 'mediwatch.yaml'), stringify(settings));
  config = loadConfig({ MEDIWATCH_MLFLOW_URI: server.uri }, folder);
  mlflow = createMlflow(mlflowOptions(config));
  processes = await createTrainingProcesses(config);
  for (const [id, error] of [
    ['first', 4.2],
    ['second', 3.9],
  ] as const)
    await register(id, error);
}, 180_000);
afterAll(async () => {
  await processes?.close();
  await mlflow?.close();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const run = <Input, Result>(activity: (input: Input) => Promise<Result>, input: Input): Promise<Result> =>
  new MockActivityEnvironment().run(activity as (input: unknown) => Promise<Result>, input);

/** A version whose model is of a flavour that nobody here knows, as its own training logged it. */
async function register(id: string, error: number): Promise<void> {
  const registry = translated(createRegistryActivities({ config, mlflow }));
  const subject = { registeredModel: MODEL, model: 'hgb' };
  const { runId } = await run(registry.openRun, {
    key: `${id}/run/retrain`,
    purpose: 'retrain',
    subject,
    trigger: 'by hand',
  });
  await mlflow.logBatch(runId, { params: { moons: 3 }, metrics: { mean_error_cm: error } });
  const flavors = {
    flavors: {
      harmonics: { version: '7.1' },
      python_function: { loader_module: 'harmonics', python_version: '3.12.4' },
    },
  };
  await mlflow.logArtifact(runId, 'model/MLmodel', stringify(flavors));
  await mlflow.logArtifact(runId, 'model/requirements.txt', 'harmonics==7.1\nnumpy==1.26.4\nlunar>=2\n');
  const trained = { runId, modelUri: `runs:/${runId}/model`, metrics: { mean_error_cm: error } };
  const made = { registeredModel: MODEL, key: id, trained, model: 'hgb', dataset: dataset.ref };
  const { version } = await run(registry.registerVersion, {
    ...made,
    seed: null,
    trigger: 'by hand',
    driftReport: null,
  });
  await run(registry.promoteVersion, { registeredModel: MODEL, version, registryStage: 'Production' });
  await run(registry.closeRun, { runId, status: 'FINISHED', tags: { 'mediwatch.promoted': version } });
}

test('its registry tags say its own kind, and nothing of ours', async () => {
  const { tags } = (await mlflow.getVersion(MODEL, '2')) ?? {};
  expect(tags).toMatchObject({ 'mediwatch.model': 'harmonics', mean_error_cm: '3.9' });
  expect(Object.keys(tags ?? {})).not.toContain('mediwatch.split');
  expect(JSON.stringify(tags)).not.toMatch(OURS);
});

test('its report has its kind, the versions that it declares, and its scores', async () => {
  const store = createArtifactStore({
    ...{ store: join(folder, 'store'), mlflowUri: server.uri, cacheDir: join(folder, 'cache'), timeoutMs: 30_000 },
  });
  const { runner, codeDigest } = processes;
  const systems = { config, mlflow, store, runner, codeDigest, client: undefined as never };
  const lineage = {
    workflowId: 'retrain-1',
    workflowUrl: '',
    trigger: 'by hand',
    startedAt: '2026-01-31T02:00:00.000Z',
  };
  await run(translated(createReportActivities(systems)).writeReport, {
    ...{ registeredModel: MODEL, version: '2', champion: '1', dataset, model: 'hgb', params: null },
    search: { trials: [], metric: '', direction: 'minimize', space: null },
    lineage: { ...lineage, data: 'tides.csv', seed: 42 },
    ...{ driftReport: null, outcome: null },
  });
  const { runId } = (await mlflow.getVersion(MODEL, '2')) ?? {};
  const page = (await mlflow.getArtifactText(runId as string, REPORT_FILES.page)) ?? '';
  const text = page
    .replace(/<style[\s\S]*?<\/style>/g, ' ')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ');
  for (const known of ['harmonics', '7.1', '3.12.4', '1.26.4', '3.9', '4.2', 'moons']) expect(text).toContain(known);
  expect(text).not.toMatch(OURS);
}, 120_000);

test.each([
  [
    ['compare', '1', '2'],
    ['mean_error_cm', '3.9', '4.2', 'harmonics'],
  ],
  [['status'], ['version 2']],
  [['history', '--production'], []],
  [['history'], ['3.9', 'harmonics']],
])('mediwatch %s says what is known of it, and no more', async (args, known) => {
  const env = {
    MEDIWATCH_CONFIG: join(folder, 'mediwatch.yaml'),
    MEDIWATCH_MLFLOW_URI: server.uri,
    TEMPORAL_ADDRESS: NOWHERE,
  };
  const { out } = await mediwatch(args, { env, cwd: folder });
  for (const text of known) expect(out).toContain(text);
  expect(out).not.toMatch(OURS);
  expect(out).not.toMatch(/undefined|null|NaN/);
});
