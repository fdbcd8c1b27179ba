import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { projectCommit } from '../../src/systems/revision.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mediwatch-revision-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const git = async (...args: string[]) => {
  const identity = ['-c', 'user.name=ada', '-c', 'user.email=ada@example.org'];
  return (await execa('git', [...identity, ...args], { cwd: folder })).stdout;
};

it('a checkout is known by its commit, and by whether files differ from it', async () => {
  await git('init');
  await writeFile(join(folder, 'train.py'), 'print(1)\n');
  await git('add', '.');
  await git('commit', '-m', 'first');
  const commit = await git('rev-parse', 'HEAD');
  expect(await projectCommit(folder)).toBe(commit);
  await writeFile(join(folder, 'notes.txt'), 'not part of it');
  expect(await projectCommit(folder)).toBe(commit);
  await writeFile(join(folder, 'train.py'), 'print(2)\n');
  expect(await projectCommit(folder)).toBe(`${commit}-changed`);
});

it('what is no checkout, or has no commit, has none', async () => {
  expect(await projectCommit(folder)).toBeNull();
  expect(await projectCommit(join(folder, 'nowhere'))).toBeNull();
  await git('init');
  expect(await projectCommit(folder)).toBeNull();
});
