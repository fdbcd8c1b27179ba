import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createMlflow, type Mlflow, MlflowError } from '../../../src/systems/mlflow/index.ts';
import { type MlflowServer, startMlflow } from '../../support/mlflow.ts';

let server: MlflowServer;
let mlflow: Mlflow;
let experimentId: string;

beforeAll(async () => {
  server = await startMlflow();
  mlflow = createMlflow({ uri: server.uri, timeoutMs: 20_000 });
  experimentId = await mlflow.ensureExperiment('runs of the tests');
}, 150_000);

afterAll(async () => {
  await mlflow?.close();
  await server?.stop();
}, 30_000);

test('health tells the version of the server', async () => {
  expect(await mlflow.health()).toMatch(/^\d+\.\d+\.\d+/);
});

describe('experiments', () => {
  test('are made once, by however many at once', async () => {
    const ids = await Promise.all(Array.from({ length: 10 }, () => mlflow.ensureExperiment('made at once')));
    expect(new Set(ids).size).toBe(1);
    expect(await mlflow.ensureExperiment('made at once')).toBe(ids[0]);
  });

  test('that were deleted are reported with the way to restore them', async () => {
    const id = await mlflow.ensureExperiment('deleted');
    const body = JSON.stringify({ experiment_id: id });
    const headers = { 'content-type': 'application/json' };
    await fetch(`${server.uri}/api/2.0/mlflow/experiments/delete`, { method: 'POST', headers, body });
    const attempt = mlflow.ensureExperiment('deleted');
    await expect(attempt).rejects.toThrow(`mlflow experiments restore --experiment-id ${id}`);
    await expect(attempt).rejects.toMatchObject({ retryable: false });
  });
});

describe('runs', () => {
  test('keep what was logged, over MLflow’s limits for one request', async () => {
    const { runId } = await mlflow.createRun({ experimentId, name: 'logged', tags: { colour: 'blue' } });
    const metrics = Object.fromEntries(Array.from({ length: 1_200 }, (_, index) => [`m${index}`, index / 7]));
    const params = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`p${index}`, index]));
    await mlflow.logBatch(runId, {
      metrics: { ...metrics, none: null, undefinedByZero: Number.NaN },
      params: { ...params, long: 'x'.repeat(9_000), nested: { depth: 3 } },
      tags: { note: 'y'.repeat(9_000), quoted: `it's "so"` },
    });
    const run = await mlflow.getRun(runId);
    expect(run?.metrics).toEqual(metrics);
    expect(Object.keys(run?.params ?? {})).toHaveLength(152);
    expect(run?.params).toMatchObject({ p7: '7', long: 'x'.repeat(6_000), nested: '{"depth":3}' });
    expect(run?.tags).toMatchObject({ colour: 'blue', note: 'y'.repeat(5_000), quoted: `it's "so"` });
  });

  test('logged again by a retry stay as they are', async () => {
    const { runId } = await mlflow.createRun({ experimentId, name: 'logged twice' });
    const values = { metrics: { auc: 0.7 }, params: { depth: 3 }, tags: { a: 'b' } };
    await mlflow.logBatch(runId, values);
    await mlflow.logBatch(runId, values);
    expect(await mlflow.getRun(runId)).toMatchObject({ metrics: { auc: 0.7 }, params: { depth: '3' } });
  });

  test('that end have an end, and are nested in their parent', async () => {
    const parent = await mlflow.createRun({ experimentId, name: 'parent' });
    const child = await mlflow.createRun({ experimentId, name: 'child', parentRunId: parent.runId, startTime: 1_000 });
    await mlflow.updateRun(child.runId, { status: 'FINISHED', endTime: 2_000 });
    const run = await mlflow.getRun(child.runId);
    expect(run).toMatchObject({ name: 'child', status: 'FINISHED', startTime: 1_000, endTime: 2_000 });
    expect(run?.tags['mlflow.parentRunId']).toBe(parent.runId);
    await mlflow.updateRun(child.runId, { status: 'RUNNING' });
    expect(await mlflow.getRun(child.runId)).toMatchObject({ status: 'RUNNING' });
  });

  test('are found by filter, order and number, over several pages', async () => {
    const id = await mlflow.ensureExperiment('searched');
    for (const score of [1, 3, 2]) {
      const { runId } = await mlflow.createRun({ experimentId: id, name: `score ${score}` });
      await mlflow.logBatch(runId, { metrics: { score } });
    }
    const orderBy = ['metrics.score DESC'];
    const names = async (filter: string, maxResults?: number) =>
      (await mlflow.searchRuns(id, filter, { orderBy, ...(maxResults && { maxResults }) })).map(({ name }) => name);
    expect(await names('')).toEqual(['score 3', 'score 2', 'score 1']);
    expect(await names('metrics.score < 3', 1)).toEqual(['score 2']);
  });

  test('deleted are not found, and deleting again is no error', async () => {
    const { runId } = await mlflow.createRun({ experimentId, name: 'short-lived', tags: { mark: 'gone' } });
    expect((await mlflow.findRunByTag(experimentId, 'mark', 'gone'))?.runId).toBe(runId);
    await mlflow.deleteRun(runId);
    await mlflow.deleteRun('0'.repeat(32));
    expect(await mlflow.findRunByTag(experimentId, 'mark', 'gone')).toBeUndefined();
    expect(await mlflow.getRun(runId)).toMatchObject({ deleted: true });
    expect(await mlflow.getRun('0'.repeat(32))).toBeUndefined();
  });

  test('of one key are one run for every attempt', async () => {
    const wanted = { experimentId, key: "retrain/trial-3's", name: 'trial 3', tags: { trial: '3' } };
    const first = await mlflow.ensureRun(wanted);
    const again = await mlflow.ensureRun(wanted);
    expect(again.runId).toBe(first.runId);
    expect(again.tags).toMatchObject({ trial: '3', 'mediwatch.key': wanted.key });
  });

  test('of one key made at the same moment come down to one', async () => {
    const wanted = { experimentId, key: 'at once', name: 'at once' };
    await Promise.all(Array.from({ length: 5 }, () => mlflow.ensureRun(wanted)));
    const settled = await mlflow.ensureRun(wanted);
    const runs = await mlflow.searchRuns(experimentId, "tags.`mediwatch.key` = 'at once'");
    expect(runs.map(({ runId }) => runId)).toContain(settled.runId);
    expect((await mlflow.ensureRun(wanted)).runId).toBe(settled.runId);
  });

  test('of an experiment that does not exist are refused, with what MLflow says', async () => {
    const attempt = mlflow.createRun({ experimentId: '424242', name: 'lost' });
    await expect(attempt).rejects.toThrow(MlflowError);
    await expect(attempt).rejects.toThrow(
      /POST \/api\/2\.0\/mlflow\/runs\/create on MLflow at .* answered 404 RESOURCE_DOES_NOT_EXIST: .*424242/,
    );
    await expect(attempt).rejects.toMatchObject({ status: 404, code: 'RESOURCE_DOES_NOT_EXIST', retryable: false });
  });

  test('have pages in the UI', () => {
    expect(mlflow.links.runUrl('3', 'ab')).toBe(`${server.uri}/#/experiments/3/runs/ab`);
    expect(mlflow.links.experimentUrl('3')).toBe(`${server.uri}/#/experiments/3`);
    expect(mlflow.links.versionUrl('My Model', '7')).toBe(`${server.uri}/#/models/My%20Model/versions/7`);
  });
});

describe('artifacts of a run', () => {
  test('come back as they were stored, one or a whole folder', async () => {
    const { runId } = await mlflow.createRun({ experimentId, name: 'with artifacts' });
    await mlflow.logArtifact(runId, 'report.html', '<h1>Größe</h1>');
    await mlflow.logArtifact(runId, 'model/inner folder/data.bin', new Uint8Array([0, 255, 10]));
    await mlflow.logArtifact(runId, 'model/MLmodel', 'flavors: {}');

    expect(await mlflow.getArtifactText(runId, 'report.html')).toBe('<h1>Größe</h1>');
    const listed = await mlflow.listArtifacts(runId);
    expect(listed.map(({ path, isDirectory }) => [path, isDirectory]).sort()).toEqual([
      ['model', true],
      ['report.html', false],
    ]);

    const directory = await mkdtemp(join(tmpdir(), 'mediwatch-artifacts-'));
    try {
      const files = await mlflow.downloadArtifacts(runId, 'model', directory);
      expect(files.map((file) => relative(directory, file)).sort()).toEqual([
        'model/MLmodel',
        'model/inner folder/data.bin',
      ]);
      expect([...(await readFile(join(directory, 'model/inner folder/data.bin')))]).toEqual([0, 255, 10]);
      await mlflow.downloadArtifacts(runId, 'report.html', directory);
      expect(await readFile(join(directory, 'report.html'), 'utf8')).toContain('Größe');
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('that do not exist are reported by name', async () => {
    const { runId } = await mlflow.createRun({ experimentId, name: 'without artifacts' });
    expect(await mlflow.listArtifacts(runId)).toEqual([]);
    for (const path of ['nothing.txt', 'no/such/file']) {
      const attempt = mlflow.getArtifactText(runId, path);
      await expect(attempt).rejects.toThrow(`MLflow has no artifact "${path}" of run ${runId}.`);
      await expect(attempt).rejects.toMatchObject({ retryable: false });
    }
    await expect(mlflow.logArtifact('0'.repeat(32), 'a', 'b')).rejects.toThrow(/MLflow has no run 0+/);
  });
});
