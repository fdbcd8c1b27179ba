import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { planPromotion, planRestore } from '../../../src/domain/registryMoves.ts';
import { createMlflow, type Mlflow } from '../../../src/systems/mlflow/index.ts';
import { applyChanges, readSnapshot } from '../../../src/systems/mlflow/registryChanges.ts';
import { type MlflowServer, startMlflow } from '../../support/mlflow.ts';

let server: MlflowServer;
let mlflow: Mlflow;
let runId: string;
let source: string;
let name: string;
let count = 0;

beforeAll(async () => {
  server = await startMlflow();
  mlflow = createMlflow({ uri: server.uri, timeoutMs: 20_000 });
}, 150_000);

beforeEach(async () => {
  count += 1;
  name = `Model ${count} of "tests"`;
  const experimentId = await mlflow.ensureExperiment('versions');
  const run = await mlflow.createRun({ experimentId, name: `run ${count}` });
  runId = run.runId;
  source = `${run.artifactUri}/model`;
});

afterAll(async () => {
  await mlflow?.close();
  await server?.stop();
}, 30_000);

describe('registering a version', () => {
  test('ten times at once with the same key makes one version', async () => {
    const wanted = { name, key: 'retrain/1', source, runId, tags: { test_auc: '0.68' } };
    const versions = await Promise.all(Array.from({ length: 10 }, () => mlflow.ensureVersion(wanted)));
    const listed = await mlflow.listVersions(name);
    expect(listed).toHaveLength(1);
    expect(new Set(versions.map(({ version }) => version))).toEqual(new Set([listed[0]?.version]));
    expect(listed[0]).toMatchObject({
      status: 'READY',
      runId,
      source,
      tags: { test_auc: '0.68', 'mediwatch.key': 'retrain/1' },
    });
  });

  test('from the path of a run stores where the files lie, as MLflow’s own client does', async () => {
    const { version } = await mlflow.ensureVersion({ name, key: 'a', source: `runs:/${runId}/model`, runId });
    expect(await mlflow.getVersion(name, version)).toMatchObject({ source, runId });
  });

  test('again with the same key gives the same version, with another key another one', async () => {
    const first = await mlflow.ensureVersion({ name, key: 'a', source, runId });
    const again = await mlflow.ensureVersion({ name, key: 'a', source, runId });
    const other = await mlflow.ensureVersion({ name, key: 'b', source, runId });
    expect([first.version, again.version, other.version]).toEqual(['1', '1', '2']);
  });

  test('adopts the version that the run has registered by itself', async () => {
    await mlflow.ensureRegisteredModel(name, 'made by a script');
    const own = await mlflow.createVersion({ name, source, runId, tags: { from: 'script' } });
    const adopted = await mlflow.ensureVersion({ name, key: 'a', source, runId, tags: { test_auc: '0.7' } });
    expect(adopted.version).toBe(own.version);
    expect(adopted.tags).toEqual({ from: 'script', test_auc: '0.7', 'mediwatch.key': 'a' });
    expect((await mlflow.ensureVersion({ name, key: 'a', source, runId })).version).toBe(own.version);
    expect(await mlflow.listVersions(name)).toHaveLength(1);
  });

  test('removes what an attempt that was killed has left, unless somebody uses it', async () => {
    await mlflow.ensureRegisteredModel(name);
    const tags = { 'mediwatch.key': 'a' };
    for (let number = 0; number < 3; number++) await mlflow.createVersion({ name, source, runId, tags });
    await mlflow.setAlias(name, 'mine', '3');
    expect((await mlflow.ensureVersion({ name, key: 'a', source, runId })).version).toBe('1');
    expect((await mlflow.listVersions(name)).map(({ version }) => version)).toEqual(['3', '1']);
  });

  test('from a source that MLflow refuses fails with its reason', async () => {
    const attempt = mlflow.ensureVersion({ name, key: 'a', source: 'file:///etc', runId });
    await expect(attempt).rejects.toMatchObject({ status: 400, retryable: false });
    await expect(attempt).rejects.toThrow(/Invalid model version source/);
  });
});

describe('versions', () => {
  test('are listed newest first, over all pages, with aliases, stage and tags', async () => {
    await mlflow.ensureRegisteredModel(name);
    for (let number = 1; number <= 5; number++) {
      await mlflow.createVersion({
        name,
        source,
        runId,
        description: `number ${number}`,
        tags: { number: String(number) },
      });
    }
    await mlflow.setAlias(name, 'champion', '2');
    await mlflow.setAlias(name, 'prod-eu', '2');
    await mlflow.transitionStage(name, '2', 'Production');

    const paged = await mlflow.searchVersions(`name = '${name}'`, { pageSize: 2 });
    expect(paged.map(({ version }) => version)).toEqual(['5', '4', '3', '2', '1']);
    const listed = await mlflow.listVersions(name);
    expect(listed.map(({ version }) => version)).toEqual(['5', '4', '3', '2', '1']);
    const second = listed.find(({ version }) => version === '2');
    expect(second).toMatchObject({
      stage: 'Production',
      description: 'number 2',
      tags: { number: '2' },
      runId,
      source,
    });
    expect(second?.aliases.sort()).toEqual(['champion', 'prod-eu']);
    expect(second?.createdAt).toBeGreaterThan(Date.now() - 600_000);
    expect(await mlflow.listVersions('No such model')).toEqual([]);
  });

  test('are found by tag, number and alias', async () => {
    const { version } = await mlflow.ensureVersion({ name, key: 'a', source, runId });
    await mlflow.setVersionTags(name, version, { verdict: "won't do", 'mediwatch.note': 'x' });
    expect((await mlflow.findVersionByTag(name, 'verdict', "won't do"))?.version).toBe(version);
    expect(await mlflow.findVersionByTag(name, 'verdict', 'other')).toBeUndefined();
    await mlflow.setAlias(name, 'champion', version);
    expect((await mlflow.getByAlias(name, 'champion'))?.version).toBe(version);
    expect((await mlflow.getVersion(name, version))?.aliases).toEqual(['champion']);
    await mlflow.deleteAlias(name, 'champion');
    await mlflow.deleteAlias(name, 'champion');
    expect(await mlflow.getByAlias(name, 'champion')).toBeUndefined();
    expect(await mlflow.getByAlias('No such model', 'champion')).toBeUndefined();
  });

  test('deleted are gone, and deleting again is no error', async () => {
    const { version } = await mlflow.ensureVersion({ name, key: 'a', source, runId });
    await mlflow.deleteVersion(name, version);
    await mlflow.deleteVersion(name, version);
    expect(await mlflow.getVersion(name, version)).toBeUndefined();
    expect((await mlflow.ensureVersion({ name, key: 'a', source, runId })).version).toBe('2');
  });
});

describe('the registry', () => {
  const promote = async (version: string, stage: 'Production' | 'Staging' | 'None') =>
    await applyChanges(mlflow, name, planPromotion(await readSnapshot(mlflow, name), version, stage));

  test('swaps Production in one step and keeps the replaced version in Staging', async () => {
    for (const key of ['a', 'b', 'c']) await mlflow.ensureVersion({ name, key, source, runId });
    await promote('1', 'Production');
    await promote('2', 'Production');
    await promote('3', 'Production');
    expect(await readSnapshot(mlflow, name)).toEqual({
      versions: [
        { version: '3', registryStage: 'Production' },
        { version: '2', registryStage: 'Staging' },
        { version: '1', registryStage: 'Archived' },
      ],
      aliases: { champion: '3', previous: '2' },
    });
  });

  test('comes back to a snapshot, and keeps aliases that are not ours', async () => {
    for (const key of ['a', 'b', 'c']) await mlflow.ensureVersion({ name, key, source, runId });
    await promote('1', 'Production');
    await promote('2', 'Staging');
    await mlflow.setAlias(name, 'prod-eu', '1');
    const before = await readSnapshot(mlflow, name);
    await promote('3', 'Production');
    await applyChanges(mlflow, name, planRestore(await readSnapshot(mlflow, name), before));
    expect(await readSnapshot(mlflow, name)).toEqual(before);
    expect((await mlflow.getByAlias(name, 'prod-eu'))?.version).toBe('1');
  });
});
