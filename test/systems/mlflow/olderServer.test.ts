import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROJECT_ROOT } from '../../../src/config.ts';
import { planPromotion, planRestore } from '../../../src/domain/registryMoves.ts';
import { createMlflow, type Mlflow } from '../../../src/systems/mlflow/index.ts';
import { applyChanges, readSnapshot } from '../../../src/systems/mlflow/registryChanges.ts';
import { recordedFiles } from '../../../src/systems/mlflow/versionFiles.ts';
import { type MlflowServer, startMlflow } from '../../support/mlflow.ts';
import { VENV_WITHIN_MS, venvOf } from '../../support/venv.ts';

/** What is asked of a server works with the oldest one too, which lacks logged models and answers in older forms. */
let server: MlflowServer;
let mlflow: Mlflow;
let experimentId: string;
let dir: string;

beforeAll(async () => {
  const venv = await venvOf(join(PROJECT_ROOT, 'examples/scripts-project/requirements.txt'));
  dir = await mkdtemp(join(tmpdir(), 'mediwatch-older-'));
  server = await startMlflow({ python: join(venv, 'bin/python') });
  mlflow = createMlflow({ uri: server.uri, timeoutMs: 20_000 });
  experimentId = await mlflow.ensureExperiment('older');
}, VENV_WITHIN_MS + 150_000);

afterAll(async () => {
  await mlflow?.close();
  await server?.stop();
  await rm(dir, { recursive: true, force: true });
}, 30_000);

test('it tells its version', async () => {
  expect(await mlflow.health()).toBe('2.13.2');
});

test('runs keep values over the limits of one request, and are found by their key', async () => {
  const wanted = { experimentId, name: 'run', key: "retrain/it's 1", tags: { colour: 'blue' } };
  const made = await Promise.all([mlflow.ensureRun(wanted), mlflow.ensureRun(wanted)]);
  const runId = made[0].runId;
  expect(made[1].runId).toBe(runId);
  const metrics = Object.fromEntries(Array.from({ length: 1_200 }, (_, index) => [`m${index}`, index / 7]));
  const params = { long: 'x'.repeat(9_000), nested: { depth: 3 } };
  await mlflow.logBatch(runId, { metrics, params, tags: { note: 'y'.repeat(9_000) } });
  await mlflow.updateRun(runId, { status: 'FINISHED', endTime: 2_000 });
  const run = await mlflow.getRun(runId);
  expect(run).toMatchObject({ status: 'FINISHED', endTime: 2_000, metrics, params: { nested: '{"depth":3}' } });
  expect(run?.tags).toMatchObject({ colour: 'blue', note: 'y'.repeat(5_000) });
  const [found] = await mlflow.searchRuns([experimentId], 'metrics.m7 = 1', { orderBy: ['metrics.m7 DESC'] });
  expect(found?.runId).toBe(runId);
});

test('files of a run come back, one that is missing is reported by name', async () => {
  const { runId } = await mlflow.createRun({ experimentId, name: 'files' });
  await mlflow.logArtifact(runId, 'model/a b.txt', 'text');
  expect(await mlflow.getArtifactText(runId, 'model/a b.txt')).toBe('text');
  const [file] = await mlflow.downloadArtifacts(runId, 'model', dir);
  expect(await readFile(file as string, 'utf8')).toBe('text');
  await expect(mlflow.getArtifactText(runId, 'model/gone')).rejects.toThrow(/"model\/gone" of run/);
});

test('it has no logged models, which is no error', async () => {
  const { runId } = await mlflow.createRun({ experimentId, name: 'none' });
  expect(await mlflow.loggedModels({ experimentId, runId })).toEqual([]);
});

test('one version is made of a run’s model for a key, and stages and aliases move with it and back', async () => {
  const name = 'Older "model"';
  const { runId, artifactUri } = await mlflow.createRun({ experimentId, name: 'registered' });
  const version = { name, source: `runs:/${runId}/model`, runId, modelId: null };
  const made = await Promise.all(Array.from({ length: 5 }, () => mlflow.ensureVersion({ ...version, key: 'a' })));
  expect(new Set(made.map((one) => one.version))).toEqual(new Set([made[0]?.version]));
  expect(made[0]).toMatchObject({ status: 'READY', source: `${artifactUri}/model`, tags: { 'mediwatch.key': 'a' } });
  const first = made[0]?.version as string;
  const { version: second } = await mlflow.ensureVersion({ ...version, key: 'b' });

  const promote = async (number: string) => {
    const before = await readSnapshot(mlflow, name);
    await applyChanges(mlflow, name, planPromotion(before, number, 'Production'));
  };
  await promote(first);
  const before = await readSnapshot(mlflow, name);
  await promote(second);
  const listed = await mlflow.listVersions(name);
  expect(listed.map(({ version: number, stage, aliases }) => [number, stage, aliases])).toEqual([
    [second, 'Production', ['champion']],
    [first, 'Staging', ['previous']],
  ]);
  expect((await mlflow.getByAlias(name, 'previous'))?.version).toBe(first);
  await applyChanges(mlflow, name, planRestore(await readSnapshot(mlflow, name), before));
  expect(await mlflow.getVersion(name, first)).toMatchObject({ stage: 'Production', aliases: ['champion'] });
  expect(await mlflow.getByAlias(name, 'previous')).toBeUndefined();
});

test('the files of a version are recorded with their digests, and one that changed is named', async () => {
  const { runId } = await mlflow.createRun({ experimentId, name: 'files of a version' });
  for (const path of ['MLmodel', 'a b/ä.txt', 'a.txt']) await mlflow.logArtifact(runId, `model/${path}`, path);
  const wanted = { name: 'Recorded', source: `runs:/${runId}/model`, runId, modelId: null, key: 'files' };
  const made = await mlflow.ensureVersion(wanted);
  expect(await mlflow.compareFiles(made)).toEqual({ code: 'unrecorded' });
  const recorded = await mlflow.recordFiles(made);
  expect(recorded?.files?.replaceAll(/^[0-9a-f]{64} {2}/gm, '')).toBe('MLmodel\na b/ä.txt\na.txt\n');

  const known = (await mlflow.getVersion(made.name, made.version)) ?? made;
  expect(recordedFiles(known)).toEqual(recorded);
  expect(await mlflow.compareFiles(known)).toEqual({ code: 'same', digest: recorded?.digest });
  await mlflow.logArtifact(runId, 'model/a b/ä.txt', 'other');
  await mlflow.logArtifact(runId, 'model/added', '');
  expect(await mlflow.compareFiles(known)).toEqual({ code: 'changed', files: ['a b/ä.txt', 'added'] });
  // What was recorded stays, whatever the files are now.
  expect(await mlflow.recordFiles(known)).toEqual(recorded);
});
