import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createArtifactStore } from '../../src/systems/artifacts/index.ts';

let dir: string;
let forged: string[];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mediwatch-pointers-'));
  forged = [];
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const host = (name: string, keyFile?: string) =>
  createArtifactStore({
    store: dir,
    mlflowUri: '',
    cacheDir: join(dir, name, 'cache'),
    timeoutMs: 5_000,
    onForged: (key) => forged.push(key),
    ...(keyFile && { keyFile }),
  });

/** Where the store keeps the value of a key, for whoever can write to it. */
function fileOf(key: string): string {
  const digest = createHash('sha256').update(key).digest('hex');
  return join(dir, 'mediwatch', 'keys', digest.slice(0, 2), `${digest}.json`);
}

it('a pointer that somebody put into the store is ignored, told, and replaced by the next one', async () => {
  const store = host('a');
  await store.putKey('dataset/other', { sha256: 'poisoned' });
  const [content, hmac] = [JSON.stringify({ key: 'dataset/1', value: 'poisoned' }), '0'.repeat(64)];
  const { hmac: valid } = JSON.parse(await readFile(fileOf('dataset/other'), 'utf8'));
  const attempts = [
    content,
    JSON.stringify({ content, hmac }),
    JSON.stringify({ content, hmac: valid }),
    JSON.stringify({ content, hmac: createHash('sha256').update(content).digest('hex') }),
    await readFile(fileOf('dataset/other'), 'utf8'),
    '{"content": ',
  ];
  for (const text of attempts) {
    await mkdir(dirname(fileOf('dataset/1')), { recursive: true });
    await writeFile(fileOf('dataset/1'), text);
    expect(await store.getKey('dataset/1')).toBeUndefined();
  }
  expect(forged).toEqual(attempts.map(() => 'dataset/1'));
  await store.putKey('dataset/1', { sha256: 'ours' });
  expect(await host('a').getKey('dataset/1')).toEqual({ sha256: 'ours' });
});

it('a host believes another one with which it shares the key file, and no other', async () => {
  const keyFile = join(dir, 'shared-key');
  await writeFile(keyFile, 'correct horse battery staple\n');
  await host('a', keyFile).putKey('dataset/1', 1);
  expect(await host('b', keyFile).getKey('dataset/1')).toBe(1);
  expect(await host('c').getKey('dataset/1')).toBeUndefined();
  await writeFile(keyFile, '');
  await expect(host('b', keyFile).getKey('dataset/1')).rejects.toThrow('artifacts.keyFile');
});

it('the key is made once, for its owner only, also by many at once', async () => {
  await Promise.all(Array.from({ length: 5 }, (_, number) => host('a').putKey(`dataset/${number}`, number)));
  const file = join(dir, 'a', 'artifact-key');
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  for (const number of [0, 1, 2, 3, 4]) expect(await host('a').getKey(`dataset/${number}`)).toBe(number);
});
