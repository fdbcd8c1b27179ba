import { appendFile, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { workflowBundle, workflowDigest } from '../../src/bundle.ts';
import { TEST_BUNDLES } from '../support/workers.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** A package that no workflow imports, beside those of which the bundle is made. */
const PACKAGES: Record<string, string[]> = {
  '@temporalio/worker': ['webpack'],
  '@temporalio/workflow': ['@temporalio/common', 'nexus-rpc'],
  '@temporalio/common': ['long'],
  'nexus-rpc': [],
  long: [],
  zod: [],
  'fastest-levenshtein': [],
  webpack: [],
  fastify: [],
};

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'mediwatch-bundle-'));
  for (const folder of ['workflows', 'domain', 'words', 'contracts', 'stack']) {
    await cp(join(ROOT, 'src', folder), join(root, 'src', folder), { recursive: true });
  }
  await writeFile(join(root, 'package.json'), '{}');
  for (const name of Object.keys(PACKAGES)) await install(name, '1.0.0');
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function install(name: string, version: string): Promise<void> {
  const path = join(root, 'node_modules', name, 'package.json');
  const dependencies = Object.fromEntries((PACKAGES[name] ?? []).map((dependency) => [dependency, '*']));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, JSON.stringify({ name, version, main: 'index.js', dependencies }));
}

it.each([
  'zod',
  'fastest-levenshtein',
  '@temporalio/workflow',
  '@temporalio/common',
  'nexus-rpc',
  'long',
  '@temporalio/worker',
])('another version of %s makes another bundle', async (name) => {
  const before = await workflowDigest(root);
  await install(name, '1.0.1');
  expect(await workflowDigest(root)).not.toBe(before);
});

it.each(['fastify', 'webpack'])(
  'another version of %s, which is not in the bundle, leaves it as it is',
  async (name) => {
    const before = await workflowDigest(root);
    await install(name, '1.0.1');
    expect(await workflowDigest(root)).toBe(before);
  },
);

it('a change of workflow code makes another bundle, and one of other code does not', async () => {
  const before = await workflowDigest(root);
  await appendFile(join(root, 'src', 'stack', 'main.ts'), '// changed');
  expect(await workflowDigest(root)).toBe(before);
  await appendFile(join(root, 'src', 'words', 'news.ts'), '// changed');
  expect(await workflowDigest(root)).not.toBe(before);
});

it('the bundle consists of packages that its digest covers, and of no others', async () => {
  const { codePath } = await workflowBundle(TEST_BUNDLES);
  const modules = (await readFile(codePath, 'utf8')).matchAll(/"\.\/node_modules\/((?:@[^/"]+\/)?[^/"]+)\//g);
  const bundled = new Set([...modules].map(([, name]) => name));
  expect([...bundled].toSorted()).toEqual([
    '@temporalio/common',
    '@temporalio/workflow',
    'fastest-levenshtein',
    'long',
    'ms',
    'nexus-rpc',
    'zod',
  ]);
});
