import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MockActivityEnvironment } from '@temporalio/testing';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDeploymentActivities, createImageActivities } from '../../src/activities/deployment.ts';
import { translated } from '../../src/activities/lib/translate.ts';
import { createRegistryActivities } from '../../src/activities/registry.ts';
import { createTrainingActivities } from '../../src/activities/training.ts';
import { type Config, loadConfig, PROJECT_ROOT } from '../../src/config.ts';
import { TAGS } from '../../src/contracts/names.ts';
import type { Dataset } from '../../src/contracts/training.ts';
import { openContext } from '../../src/doctor/context.ts';
import { modelCheck } from '../../src/doctor/registry.ts';
import { judgePromotion } from '../../src/domain/promotionGate.ts';
import { createArtifactStore } from '../../src/systems/artifacts/index.ts';
import { createDockerSystem } from '../../src/systems/docker/index.ts';
import { fetchModelFile } from '../../src/systems/docker/modelFile.ts';
import { createMlflow, type Mlflow } from '../../src/systems/mlflow/index.ts';
import { mlflowOptions } from '../../src/systems/mlflow/options.ts';
import { createTransport } from '../../src/systems/mlflow/transport.ts';
import { createTrainingProcesses, type TrainingProcesses } from '../../src/workers/trainingProcesses.ts';
import { type MlflowServer, startMlflow } from '../support/mlflow.ts';
import { sampleData } from '../support/sampleData.ts';
import { quiet } from '../support/workers.ts';

const MODEL = 'Attacked';
const PYTHON = process.env.MEDIWATCH_TEST_PYTHON ?? join(PROJECT_ROOT, 'python/.venv/bin/python');
const REGISTER_EVIL = fileURLToPath(new URL('./fixtures/register_evil.py', import.meta.url));
const SECRET = 'planted-9d4f';

let folder: string;
let config: Config;
let server: MlflowServer;
let mlflow: Mlflow;
let processes: TrainingProcesses;
let dataset: Dataset;
/** AUC that the training of the good version recorded. */
let auc: number;

beforeAll(async () => {
  quiet();
  process.env.MLFLOW_TRACKING_TOKEN = SECRET;
  [folder, server] = await Promise.all([mkdtemp(join(tmpdir(), 'mediwatch-models-')), startMlflow()]);
  await writeFile(join(folder, 'mediwatch.yaml'), `registry:\n  registeredModel: ${MODEL}\nworker:\n  slots: 1\n`);
  await mkdir(join(folder, 'store'));
  // Anybody may write to one folder, and look into the one around it.
  await mkdir(join(folder, 'open'));
  await chmod(join(folder, 'open'), 0o777);
  await chmod(folder, 0o755);
  config = loadConfig({ MEDIWATCH_MLFLOW_URI: server.uri }, folder);
  mlflow = createMlflow(mlflowOptions(config));
  processes = await createTrainingProcesses(config);
  await makeVersion('good');
  const arguments_ = [REGISTER_EVIL, server.uri, MODEL, `models:/${MODEL}/1`, folder];
  await execa(PYTHON, arguments_, { env: { GIT_PYTHON_REFRESH: 'quiet' } });
}, 240_000);
afterAll(async () => {
  delete process.env.MLFLOW_TRACKING_TOKEN;
  await processes?.close();
  await mlflow?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const call = <Input, Result>(activity: (input: Input) => Promise<Result>, input: Input): Promise<Result> =>
  new MockActivityEnvironment().run(activity as (input: unknown) => Promise<Result>, input);

function training(of: Config = config) {
  const options = { mlflowUri: server.uri, cacheDir: join(folder, 'cache'), timeoutMs: 30_000 };
  const store = createArtifactStore({ store: join(folder, 'store'), ...options });
  const { runner, codeDigest } = processes;
  return translated(
    createTrainingActivities({ config: of, mlflow, store, runner, codeDigest, client: undefined as never }),
  );
}
const registry = (of: Config = config) => translated(createRegistryActivities({ config: of, mlflow }));

/** Trains and registers a version, as a retrain does. */
async function makeVersion(key: string): Promise<void> {
  const data = sampleData(folder);
  dataset = await call(training().prepareDataset, { registeredModel: MODEL, data, seed: 1, force: false });
  const subject = { registeredModel: MODEL };
  const { runId } = await call(registry().openRun, { key, purpose: 'retrain', subject, trigger: null });
  const params = { max_iter: 10 };
  const request = { registeredModel: MODEL, dataset, data, model: 'hgb', params, seed: 1, runId, key, trials: [] };
  const trained = await call(training().trainModel, request);
  auc = trained.metrics.test_auc as number;
  const made = { registeredModel: MODEL, key, trained, model: 'hgb', dataset: dataset.ref, seed: 1 };
  await call(registry().registerVersion, { ...made, trigger: null, driftReport: null });
}

function compare(challenger: string, champion: string | null, of: Config = config) {
  const contest = { dataset: dataset.ref, registeredModel: MODEL, challenger, champion, rules: [] };
  return call(training(of).compareVersions, contest);
}

describe('a registered model that attacks whatever loads it', () => {
  it('changes no score, sees no secret, leaves nothing, and is named before it serves', async () => {
    const both = await compare('2', '1');
    const alone = await compare('1', null);
    // The evil one predicts as the good one does: its score is that of its predictions.
    expect(both.challenger.test_auc).toBeCloseTo(auc, 9);
    expect(both.champion?.test_auc).toBeCloseTo(auc, 9);
    expect(alone.challenger.test_auc).toBeCloseTo(auc, 9);

    const seen = await readFile(join(folder, 'open', 'seen'), 'utf8');
    expect(seen).toContain('PATH');
    expect(seen).not.toMatch(new RegExp(`${SECRET}|MLFLOW|MEDIWATCH|PYTHONPATH`));
    if (process.getuid?.() === 0) expect(await readdir(folder)).not.toContain('outside');
    expect(await strays()).toEqual([]);

    expect(both.needs?.['2']?.map(({ code }) => code)).toEqual(['write', 'write', 'network', 'network', 'process']);
    const challenger = { version: '2', tags: {}, createdAt: 0 };
    const judged = { policy: 'always', floor: true, requiredTags: {}, rolledBack: null, force: false, now: 0 } as const;
    const judgement = judgePromotion({ ...judged, rules: [], challenger, champion: '1', comparison: both });
    expect(judgement).toMatchObject({ promote: false, verdict: { code: 'needsTooMuch', version: '2' } });
  });

  it('was registered by somebody else: its digest is recorded at the first evaluation, which says so', async () => {
    const other = (await mlflow.getVersion(MODEL, '2'))?.tags;
    expect(other?.[TAGS.digest]).toMatch(/^[0-9a-f]{64}$/);
    await mlflow.setVersionTags(MODEL, '2', { [TAGS.digest]: '' });
    expect(await compare('1', '2')).toMatchObject({ firstRecorded: ['2'] });
    expect(await compare('1', '2')).not.toHaveProperty('firstRecorded');
    expect((await mlflow.getVersion(MODEL, '2'))?.tags[TAGS.digest]).toBe(other?.[TAGS.digest]);
  });
});

it('a strict site loads only what it lists', async () => {
  const file = join(folder, 'trusted');
  const { digest } = (await mlflow.recordFiles((await mlflow.getVersion(MODEL, '1')) as never)) ?? {};
  const strict: Config = { ...config, registry: { ...config.registry, trustedDigests: file } };
  const strictly = { ...strict, models: { [MODEL]: strict } };
  await writeFile(file, '# nothing yet\n');
  await expect(compare('1', null, strictly)).rejects.toMatchObject({
    type: 'ModelUntrusted',
    nonRetryable: true,
    message: expect.stringContaining(String(digest)),
  });
  await writeFile(file, `${digest}  reviewed in November\n`);
  expect((await compare('1', null, strictly)).challenger.test_auc).toBeCloseTo(auc, 9);
  // A champion that is not listed is not scored.
  expect((await compare('1', '2', strictly)).championProblem).toContain('is not trusted');
});

describe('a file that was changed after the registration', () => {
  let file: string;
  let content: Buffer;
  beforeAll(async () => {
    const { tags } = (await mlflow.getVersion(MODEL, '1')) ?? {};
    const names = await readdir(join(server.dir, 'artifacts'), { recursive: true });
    const digest = /^([0-9a-f]{64}) {2}model\.pkl$/m.exec(tags?.[TAGS.files] ?? '')?.[1];
    for (const name of names.filter((name) => name.endsWith('model.pkl'))) {
      const path = join(server.dir, 'artifacts', name);
      const { stdout } = await execa('sha256sum', [path]);
      if (stdout.startsWith(String(digest))) file = path;
    }
    content = await readFile(file);
    await mlflow.transitionStage(MODEL, '1', 'Production');
  });
  const changed = async () => await writeFile(file, Buffer.concat([content, Buffer.from('.')]));
  const restored = async () => await writeFile(file, content);
  const refusal = {
    type: 'ModelChanged',
    nonRetryable: true,
    message: expect.stringMatching(/model\.pkl.*changed|model\.pkl of models/),
  };
  const of = () => {
    const system = createDockerSystem(config);
    return { config, target: { serving: async () => null } as never, images: system.images, mlflow: system.mlflow };
  };
  const shipper = { open: () => ({ close: () => undefined }) } as never;

  it('is refused by the evaluation, a redeploy, a rollback, an image and the API, and found by the doctor', async () => {
    const deployment = translated(createDeploymentActivities({ of, shipper }));
    const images = translated(createImageActivities({ of, shipper }));
    const version = { registeredModel: MODEL, version: '1' };
    const doctor = async () => {
      const context = openContext(config, {}, new AbortController().signal);
      return await modelCheck.run(context).finally(() => context.close());
    };
    expect(await doctor()).toMatchObject([{ code: 'modelFileAvailable', facts: { digest: expect.any(String) } }]);
    expect(await served()).toBe('loaded 1');
    await changed();
    try {
      await expect(compare('1', null)).rejects.toMatchObject(refusal);
      await expect(call(deployment.preflight, version)).rejects.toMatchObject(refusal);
      await expect(call(registry().describeVersion, { ...version, toServe: true })).rejects.toMatchObject(refusal);
      await expect(call(images.bakeImage, version)).rejects.toMatchObject(refusal);
      expect(await served()).toMatch(/ModelChanged: model\.pkl/);
      expect(await doctor()).toMatchObject([{ code: 'modelFilesChanged', facts: { files: ['model.pkl'] } }]);
      // What does not serve it may still describe it.
      expect(await call(registry().describeVersion, version)).toMatchObject({ version: '1' });
    } finally {
      await restored();
    }
    expect((await compare('1', null)).challenger.test_auc).toBeCloseTo(auc, 9);
  });
});

it('a file that an image takes from the run is compared too', async () => {
  const baked: Config = { ...config, docker: { ...config.docker, option: 'baked', push: false } };
  const { runId } = await mlflow.createRun({ experimentId: '0', name: 'beside' });
  await mlflow.logArtifact(runId, 'model/MLmodel', 'flavors: { lightgbm: { data: model.lgb } }');
  await mlflow.logArtifact(runId, 'model_pipeline.joblib', 'as it was');
  const trained = { runId, modelUri: `runs:/${runId}/model`, modelId: null, metrics: {} };
  const about = { registeredModel: 'Beside', key: 'beside', model: 'lgb', dataset: dataset.ref, seed: null };
  const made = { ...about, trained, trigger: null, driftReport: null };
  const { version } = await call(registry({ ...baked, models: {} }).registerVersion, made);
  const found = await mlflow.getVersion('Beside', version);
  const transport = createTransport(mlflowOptions(config));
  const fetch = () =>
    fetchModelFile({ mlflow, transport }, { version: found as never, file: join(folder, 'model_pipeline.joblib') });
  await fetch();
  expect(await readFile(join(folder, 'model_pipeline.joblib'), 'utf8')).toBe('as it was');
  await mlflow.logArtifact(runId, 'model_pipeline.joblib', 'as it was not');
  await expect(fetch()).rejects.toMatchObject({ type: 'ModelChanged' });
  await transport.close();
});

/** What the bundled API makes of version 1. */
async function served(): Promise<string> {
  const code = [
    'import os',
    'from mediwatch_training.serving.model import load_served_model',
    'from mediwatch_training.serving.settings import Settings',
    'try:',
    '    print("loaded", load_served_model(Settings.from_environment(os.environ)).version)',
    'except Exception as error:',
    '    print(f"{type(error).__name__}: {error}")',
  ];
  const env = {
    PYTHONPATH: join(PROJECT_ROOT, 'python'),
    MLFLOW_TRACKING_URI: server.uri,
    MLFLOW_MODEL_NAME: MODEL,
    MLFLOW_MODEL_VERSION: '1',
  };
  return (await execa(PYTHON, ['-c', code.join('\n')], { env })).stdout;
}

/** Processes of models whose folder is gone. */
async function strays(): Promise<string[]> {
  const found = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const folder = await readlink(`/proc/${pid}/cwd`).catch(() => '');
    if (/mediwatch-model-.*\(deleted\)$/.test(folder)) found.push(pid);
  }
  return found;
}
