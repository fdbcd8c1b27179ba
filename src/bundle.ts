import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';
import { placeFile } from './systems/files.ts';

const SOURCE = fileURLToPath(new URL('.', import.meta.url));
/** Folders whose code runs in the workflow sandbox. */
const BUNDLED = ['workflows', 'domain', 'words', 'contracts'];

/** Module with the payload converter, for workers and clients alike. */
export const payloadConverterPath = join(SOURCE, 'contracts', 'payloads.ts');

/**
 * Gives the workflow code as one file, bundled once for its content: bundling takes seconds, looking it up a few
 * milliseconds.
 *
 * @param cacheDir folder for bundles; made when it is missing
 * @returns path of the bundle
 */
export async function workflowBundle(cacheDir: string): Promise<string> {
  const path = join(cacheDir, `workflows-${await sourceDigest()}.js`);
  if (
    await readFile(path).then(
      () => true,
      () => false,
    )
  )
    return path;
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(SOURCE, 'workflows', 'index.ts'),
    payloadConverterPath,
    logger: SILENT,
  });
  // Two workers may bundle at once.
  await placeFile(path, code);
  return path;
}

async function sourceDigest(): Promise<string> {
  const hash = createHash('sha256').update(createRequire(import.meta.url)('@temporalio/worker/package.json').version);
  for (const folder of BUNDLED) {
    const names = await readdir(join(SOURCE, folder), { recursive: true });
    for (const name of names.filter((name) => name.endsWith('.ts')).sort()) {
      hash.update(name).update(await readFile(join(SOURCE, folder, name)));
    }
  }
  return hash.digest('hex').slice(0, 16);
}

const ignore = () => undefined;
const SILENT = { log: ignore, trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };
