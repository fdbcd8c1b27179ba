import { createHash } from 'node:crypto';
import { access, readdir, readFile } from 'node:fs/promises';
import { findPackageJSON } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import { placeFile } from './systems/files.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Folders of `src` whose code runs in the workflow sandbox. */
const BUNDLED = ['workflows', 'domain', 'words', 'contracts'];
/** Packages that this code imports, which lint limits to these, and the one that bundles it. */
const PACKAGES = ['@temporalio/workflow', '@temporalio/common', 'zod', 'fastest-levenshtein'];
const BUNDLER = '@temporalio/worker';

/** Module with the payload converter, and with the workflow code's failure converter. */
export const payloadConverterPath = join(ROOT, 'src', 'contracts', 'payloads.ts');

/** Workflow code as one file. */
export interface WorkflowBundle {
  /** Names the code: the same on every host, and another one when a workflow might run differently. */
  buildId: string;
  codePath: string;
}

/**
 * Bundles the workflow code once for its content: bundling takes seconds, looking it up a few milliseconds.
 *
 * @param cacheDir folder for bundles; made when it is missing. Earlier ones stay there: runs that began with them go on
 *   with them.
 */
export async function workflowBundle(cacheDir: string): Promise<WorkflowBundle> {
  const buildId = await workflowDigest(ROOT);
  const known = await bundleOf(cacheDir, buildId);
  if (known) return known;
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(ROOT, 'src', 'workflows', 'index.ts'),
    payloadConverterPath,
    failureConverterPath: payloadConverterPath,
    logger: SILENT,
  });
  const codePath = pathOf(cacheDir, buildId);
  // Two workers may bundle at once.
  await placeFile(codePath, code);
  return { buildId, codePath };
}

/** The bundle that this host made for a build id, if it did. */
export async function bundleOf(cacheDir: string, buildId: string): Promise<WorkflowBundle | undefined> {
  const codePath = pathOf(cacheDir, buildId);
  return access(codePath).then(
    () => ({ buildId, codePath }),
    () => undefined,
  );
}

const pathOf = (cacheDir: string, buildId: string) => join(cacheDir, `workflows-${buildId}.js`);

/** Digest of the sources and of the versions of all packages of which the bundle consists. */
export async function workflowDigest(root: string): Promise<string> {
  const packages = await installed(PACKAGES, join(root, 'package.json'));
  const { version } = await manifest(BUNDLER, join(root, 'package.json'));
  const hash = createHash('sha256').update([`${BUNDLER}@${version}`, ...[...packages].sort()].join('\n'));
  for (const folder of BUNDLED) {
    const names = await readdir(join(root, 'src', folder), { recursive: true });
    for (const name of names.filter((name) => name.endsWith('.ts')).sort()) {
      hash.update(`\n${folder}/${name}\n`).update(await readFile(join(root, 'src', folder, name)));
    }
  }
  return hash.digest('hex').slice(0, 16);
}

/** Names and versions of packages and of all that they depend on. */
async function installed(names: string[], importer: string, found = new Set<string>()): Promise<Set<string>> {
  for (const name of names) {
    const { version, dependencies, path } = await manifest(name, importer);
    const known = found.has(`${name}@${version}`);
    found.add(`${name}@${version}`);
    if (!known) await installed(Object.keys(dependencies), path, found);
  }
  return found;
}

async function manifest(name: string, importer: string) {
  const path = findPackageJSON(name, importer);
  if (!path) throw new Error(`The package ${name} is not installed: run "npm ci".`);
  const { version, dependencies = {} } = JSON.parse(await readFile(path, 'utf8')) as {
    version: string;
    dependencies?: Record<string, string>;
  };
  return { version, dependencies, path };
}

const ignore = () => undefined;
const SILENT = { log: ignore, trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };
