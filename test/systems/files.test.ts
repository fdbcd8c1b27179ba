import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { placeFile } from '../../src/systems/files.ts';

let dir: string;
let file: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'mediwatch-files-'));
  file = join(dir, 'folder', 'file');
});
afterEach(() => rm(dir, { recursive: true }));

const names = () => readdir(join(dir, 'folder'));

describe('a file that is placed', () => {
  it('is whole, however many of one process write it at once', async () => {
    const contents = Array.from({ length: 50 }, (_, number) => `${number} `.repeat(50_000));
    await Promise.all(contents.map((content) => placeFile(file, content)));
    expect(contents).toContain(await readFile(file, 'utf8'));
    expect(await names()).toEqual(['file']);
  });

  it('is of the first of many, and the others are told, when none is to be replaced', async () => {
    const placed = await Promise.allSettled(
      Array.from({ length: 50 }, (_, number) => placeFile(file, `${number}`, { ifThere: 'fail', mode: 0o600 })),
    );
    const winners = placed.flatMap(({ status }, number) => (status === 'fulfilled' ? [`${number}`] : []));
    expect(winners).toEqual([await readFile(file, 'utf8')]);
    const codes = placed.flatMap((one) => (one.status === 'rejected' ? [one.reason.code] : []));
    expect(new Set(codes)).toEqual(new Set(['EEXIST']));
    expect(await names()).toEqual(['file']);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('stays as it was when the new one is refused', async () => {
    await placeFile(file, 'before');
    const check = () => {
      throw new Error('not this one');
    };
    await expect(placeFile(file, 'after', { check })).rejects.toThrow('not this one');
    expect(await readFile(file, 'utf8')).toBe('before');
    expect(await names()).toEqual(['file']);
  });

  it('fails with the reason, and leaves nothing, when its folder is a file', async () => {
    await writeFile(join(dir, 'folder'), '');
    await expect(placeFile(file, 'text')).rejects.toThrow(/EEXIST|ENOTDIR/);
    expect(await readdir(dir)).toEqual(['folder']);
  });
});
