import { createHash, randomBytes } from 'node:crypto';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execaNode } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  ArtifactCorrupt,
  ArtifactMissing,
  ArtifactStoreUnavailable,
  createArtifactStore,
} from '../../../src/systems/artifacts/index.ts';
import { type MlflowServer, startMlflow } from '../../support/mlflow.ts';

let server: MlflowServer;
/** New for each test. */
let dir: string;

beforeAll(async () => {
  server = await startMlflow();
}, 150_000);

afterAll(async () => {
  await server?.stop();
}, 30_000);

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mediwatch-store-'));
  await mkdir(join(dir, 'shared'));
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function writeFiles(name: string, files: Record<string, string | Uint8Array>): Promise<string> {
  const directory = join(dir, name);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
  return directory;
}

async function readFiles(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = await Promise.all(files.map((file) => readFile(file, 'base64')));
  return Object.fromEntries(files.map((file, index) => [file.slice(directory.length + 1), contents[index] as string]));
}

const sha256 = (content: string | Uint8Array) => createHash('sha256').update(content).digest('hex');

describe.each(['mlflow', 'folder'] as const)('the store with the %s backend', (kind) => {
  /** The store as one host sees it. */
  const host = (name: string) =>
    createArtifactStore({
      store: kind === 'mlflow' ? 'mlflow' : join(dir, 'shared'),
      mlflowUri: server.uri,
      // Every server has one of this name.
      experiment: 'Default',
      cacheDir: join(dir, name),
      timeoutMs: 20_000,
    });
  /** Where the bytes of a digest lie. */
  const objectFile = (digest: string) =>
    join(
      kind === 'mlflow' ? join(server.dir, 'artifacts', '0') : join(dir, 'shared'),
      'mediwatch/sha256',
      digest.slice(0, 2),
      digest,
    );

  test('gives another host the same files', async () => {
    const directory = await writeFiles('data', {
      'train.npy': randomBytes(3_000_000),
      'deep/er/größe 1.json': '{}',
      'empty.txt': '',
      'copy of empty.txt': '',
    });
    const progress: number[] = [];
    const ref = await host('a').putDirectory(directory, { onProgress: ({ doneBytes }) => progress.push(doneBytes) });
    expect(ref.sizeBytes).toBe(3_000_002);
    expect(ref.uri).toMatch(
      kind === 'mlflow' ? /^mlflow-artifacts:\/0\/mediwatch\/sha256\/../ : /^file:\/\/\/.*\/mediwatch\/sha256\/../,
    );
    expect(progress.at(-1)).toBe(3_000_002);

    const fetched = await host('b').fetchDirectory(ref);
    expect(await readFiles(fetched)).toEqual(await readFiles(directory));
  });

  test('gives the same reference for the same files, whoever stores them', async () => {
    const first = await writeFiles('first', { b: `2 ${kind}`, a: `1 ${kind}`, 'c/d': '3' });
    const second = await writeFiles('second', { 'c/d': '3', a: `1 ${kind}`, b: `2 ${kind}` });
    const ref = await host('a').putDirectory(first);
    expect(await host('b').putDirectory(second)).toEqual(ref);
    await writeFile(join(second, 'a'), 'other');
    expect((await host('b').putDirectory(second)).sha256).not.toBe(ref.sha256);
  });

  test('does not send what it has, and does not fetch what this host has stored', async () => {
    const directory = await writeFiles('data', { x: `known ${kind}` });
    const a = host('a');
    const ref = await a.putDirectory(directory);
    const before = await stat(objectFile(sha256(`known ${kind}`)));
    await host('b').putDirectory(directory);
    expect((await stat(objectFile(sha256(`known ${kind}`)))).mtimeMs).toBe(before.mtimeMs);
    await rm(objectFile(ref.sha256));
    await rm(directory, { recursive: true });
    expect(await readFile(join(await a.fetchDirectory(ref), 'x'), 'utf8')).toBe(`known ${kind}`);
  });

  test('refuses bytes that are not what the digest says, leaves nothing of them, and is cured by storing again', async () => {
    const directory = await writeFiles('data', { good: `good ${kind}`, bad: `bad ${kind}` });
    const ref = await host('a').putDirectory(directory);
    await writeFile(objectFile(sha256(`bad ${kind}`)), `BAD ${kind}`);
    const b = host('b');
    await expect(b.fetchDirectory(ref)).rejects.toThrow(ArtifactCorrupt);
    expect(await readdir(join(dir, 'b'))).toEqual([]);

    await host('a').putDirectory(directory, { overwrite: true });
    expect(await readFile(join(await b.fetchDirectory(ref), 'bad'), 'utf8')).toBe(`bad ${kind}`);
  });

  test('sends a file again of which a broken upload left the half', async () => {
    const content = `whole ${kind}`;
    const directory = await writeFiles('data', { file: content });
    await mkdir(dirname(objectFile(sha256(content))), { recursive: true });
    await writeFile(objectFile(sha256(content)), content.slice(0, 4));
    const ref = await host('a').putDirectory(directory);
    expect(await readFiles(await host('b').fetchDirectory(ref))).toEqual(await readFiles(directory));
  });

  test('says what is missing', async () => {
    const directory = await writeFiles('data', { file: `soon gone ${kind}` });
    const ref = await host('a').putDirectory(directory);
    await rm(objectFile(sha256(`soon gone ${kind}`)));
    await expect(host('b').fetchDirectory(ref)).rejects.toThrow(ArtifactMissing);
    const unknown = { uri: 'mlflow-artifacts:/elsewhere', sha256: '0'.repeat(64), sizeBytes: 1 };
    await expect(host('b').fetchDirectory(unknown)).rejects.toThrow(
      /mlflow-artifacts:\/elsewhere is not in the store of this host/,
    );
  });

  test.each(['../outside', '/outside', 'a/../../outside', 'a\\..\\outside', 'C:/outside', 'a//b', ''])(
    'refuses a manifest that names "%s"',
    async (path) => {
      const content = 'evil';
      const manifest = JSON.stringify({ version: 1, files: [{ path, sha256: sha256(content), size: content.length }] });
      for (const bytes of [content, manifest]) {
        await mkdir(dirname(objectFile(sha256(bytes))), { recursive: true });
        await writeFile(objectFile(sha256(bytes)), bytes);
      }
      const ref = { uri: 'mlflow-artifacts:/evil', sha256: sha256(manifest), sizeBytes: content.length };
      await expect(host('b').fetchDirectory(ref)).rejects.toThrow(ArtifactCorrupt);
      expect(await readdir(join(dir, 'b'))).toEqual([]);
    },
  );

  test('serves many at once, in one process and in several', async () => {
    const directory = await writeFiles('data', { one: randomBytes(400_000), two: randomBytes(300_000) });
    const refs = await Promise.all(['a', 'a', 'b', 'c'].map((name) => host(name).putDirectory(directory)));
    expect(new Set(refs.map(({ sha256 }) => sha256)).size).toBe(1);
    const ref = refs[0] as (typeof refs)[0];
    const [d, alsoD] = [host('d'), host('d')];
    const fetched = await Promise.all([d, d, d, alsoD, alsoD].map((store) => store.fetchDirectory(ref)));
    expect(new Set(fetched).size).toBe(1);
    expect(await readFiles(fetched[0] as string)).toEqual(await readFiles(directory));
    expect(await readdir(join(dir, 'd'))).toEqual([ref.sha256]);
  });

  test('survives a kill -9 in the middle of storing', async () => {
    const files = Array.from({ length: 150 }, (_, index) => [`f${index}`, randomBytes(100_000)]);
    const directory = await writeFiles('data', Object.fromEntries(files));
    const options = {
      store: kind === 'mlflow' ? 'mlflow' : join(dir, 'shared'),
      mlflowUri: server.uri,
      cacheDir: join(dir, 'a'),
      timeoutMs: 20_000,
    };
    const input = JSON.stringify({ options, directory });
    const storing = execaNode(join(import.meta.dirname, 'fixtures/put.ts'), { input, reject: false });
    storing.stdout.once('data', () => storing.kill('SIGKILL'));
    expect((await storing).signal).toBe('SIGKILL');

    const ref = await host('a').putDirectory(directory);
    expect(await readFiles(await host('b').fetchDirectory(ref))).toEqual(await readFiles(directory));
  }, 60_000);

  test('gives up when asked, and goes on afterwards', async () => {
    const directory = await writeFiles(
      'data',
      Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}`, randomBytes(300_000)])),
    );
    const controller = new AbortController();
    const reason = new Error('cancelled by the workflow');
    const storing = host('a').putDirectory(directory, {
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    });
    await expect(storing).rejects.toBe(reason);
    expect(await readdir(join(dir, 'a'))).toEqual([]);

    const ref = await host('a').putDirectory(directory);
    await expect(host('b').fetchDirectory(ref, { signal: controller.signal })).rejects.toBe(reason);
    expect(await readFiles(await host('b').fetchDirectory(ref))).toEqual(await readFiles(directory));
  });

  test('one caller that gives up does not disturb the others', async () => {
    const directory = await writeFiles('data', { big: randomBytes(5_000_000) });
    const ref = await host('a').putDirectory(directory);
    const b = host('b');
    const controller = new AbortController();
    const [impatient, patient] = [b.fetchDirectory(ref, { signal: controller.signal }), b.fetchDirectory(ref)];
    controller.abort(new Error('no longer needed'));
    await expect(impatient).rejects.toThrow('no longer needed');
    expect(await readFiles(await patient)).toEqual(await readFiles(directory));
  });

  test('remembers small values by name', async () => {
    const a = host('a');
    const key = `dataset/${kind}/größe?`;
    expect(await a.getKey(key)).toBeUndefined();
    await a.putKey(key, { rows: 3, ref: null });
    expect(await host('b').getKey(key)).toEqual({ rows: 3, ref: null });
    await a.putKey(key, ['other']);
    expect(await host('b').getKey(key)).toEqual(['other']);
    expect(await a.getKey(`${key}!`)).toBeUndefined();
  });

  test('takes half a value, as a broken upload may leave it, for none', async () => {
    await host('a').putKey(`half ${kind}`, { rows: 3 });
    const digest = sha256(`half ${kind}`);
    const root = kind === 'mlflow' ? join(server.dir, 'artifacts', '0') : join(dir, 'shared');
    await truncate(join(root, 'mediwatch/keys', digest.slice(0, 2), `${digest}.json`), 10);
    expect(await host('a').getKey(`half ${kind}`)).toBeUndefined();
  });
});

describe('the cache of a host', () => {
  const host = () =>
    createArtifactStore({
      store: join(dir, 'shared'),
      mlflowUri: server.uri,
      cacheDir: join(dir, 'cache'),
      timeoutMs: 5_000,
    });
  const entries = async () => (await readdir(join(dir, 'cache'))).sort();
  const usedHoursAgo = async (sha: string, hours: number) => {
    const then = new Date(Date.now() - hours * 3_600_000);
    await utimes(join(dir, 'cache', sha), then, then);
  };

  async function threeEntries() {
    const store = host();
    const refs = [];
    for (const name of ['one', 'two', 'three']) {
      refs.push(await store.putDirectory(await writeFiles(name, { file: name.padEnd(1_000) })));
    }
    return { store, shas: refs.map(({ sha256 }) => sha256) as [string, string, string], refs };
  }

  test('is trimmed to its limit, what was not used for longest first', async () => {
    const { store, shas, refs } = await threeEntries();
    for (const [index, sha] of shas.entries()) await usedHoursAgo(sha, 10 - index);
    // Using an entry counts.
    await store.fetchDirectory(refs[0] as (typeof refs)[0]);
    expect(await store.trimCache(2_000)).toEqual({ removed: 1, freedBytes: 1_000, keptBytes: 2_000 });
    expect(await entries()).toEqual([shas[0], shas[2]].sort());
  });

  test('keeps what was used within the hour, even over the limit', async () => {
    const { store, shas } = await threeEntries();
    await usedHoursAgo(shas[1], 2);
    expect(await store.trimCache(0)).toEqual({ removed: 1, freedBytes: 1_000, keptBytes: 2_000 });
    expect(await entries()).toEqual([shas[0], shas[2]].sort());
  });

  test('forgets what killed processes left, once it is a day old', async () => {
    const { store, shas } = await threeEntries();
    const cache = join(dir, 'cache');
    await mkdir(join(cache, 'incomplete-old'));
    await mkdir(join(cache, 'incomplete-new'));
    await usedHoursAgo('incomplete-old', 25);
    await store.trimCache(10_000);
    expect(await entries()).toEqual([...shas, 'incomplete-new'].sort());
  });

  test('fetches an entry again that somebody damaged', async () => {
    const { store, refs } = await threeEntries();
    const ref = refs[0] as (typeof refs)[0];
    const file = join(await store.fetchDirectory(ref), 'file');
    await chmod(file, 0o644);
    await truncate(file, 10);
    expect(await readFile(join(await store.fetchDirectory(ref), 'file'), 'utf8')).toBe('one'.padEnd(1_000));
  });

  test('holds files that steps cannot change', async () => {
    const { store, refs } = await threeEntries();
    const file = join(await store.fetchDirectory(refs[0] as (typeof refs)[0]), 'file');
    expect((await stat(file)).mode & 0o222).toBe(0);
  });

  test('trimming where nothing was cached yet removes nothing', async () => {
    expect(await host().trimCache(0)).toEqual({ removed: 0, freedBytes: 0, keptBytes: 0 });
  });
});

describe('what cannot be stored', () => {
  test('a link is refused by name', async () => {
    const directory = await writeFiles('data', { real: 'x' });
    await symlink('real', join(directory, 'link'));
    const store = createArtifactStore({
      store: join(dir, 'shared'),
      mlflowUri: '',
      cacheDir: join(dir, 'a'),
      timeoutMs: 5_000,
    });
    await expect(store.putDirectory(directory)).rejects.toThrow(/data\/link is neither a file nor a folder/);
    expect(await readdir(join(dir, 'a'))).toEqual([]);
  });

  test('a folder that is not mounted is not taken for an empty store, and serves once it is', async () => {
    const directory = await writeFiles('data', { real: 'x' });
    const store = createArtifactStore({
      store: join(dir, 'mount'),
      mlflowUri: '',
      cacheDir: join(dir, 'a'),
      timeoutMs: 5_000,
    });
    await expect(store.putDirectory(directory)).rejects.toThrow(ArtifactStoreUnavailable);
    await expect(store.getKey('k')).rejects.toThrow(/mount it, or make it/);
    await rename(join(dir, 'shared'), join(dir, 'mount'));
    expect((await store.putDirectory(directory)).sizeBytes).toBe(1);
  });

  test('an MLflow that is down is reported as retryable', async () => {
    const directory = await writeFiles('data', { real: 'x' });
    const store = createArtifactStore({
      store: 'mlflow',
      mlflowUri: 'http://127.0.0.1:9',
      cacheDir: join(dir, 'a'),
      timeoutMs: 2_000,
    });
    await expect(store.putDirectory(directory)).rejects.toMatchObject({ name: 'MlflowError', retryable: true });
    expect(await readdir(join(dir, 'a'))).toEqual([]);
  });
});
