import { chmod, mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import type { ArtifactRef } from '../../contracts/training.ts';
import type { Backend, TransferOptions } from './backend.ts';
import type { Cache } from './cache.ts';
import { writeDigested } from './digest.ts';
import { ArtifactCorrupt, ArtifactMissing } from './errors.ts';
import { decodeManifest, type ManifestFile } from './manifest.ts';
import { objectPath } from './paths.ts';
import { CONCURRENCY } from './progress.ts';

/** Somebody may be storing the same file again while it is read, which not every place does in one step. */
const DOWNLOADS = 3;

/** Downloads all files of a reference into the cache, each verified by its digest. */
export async function fetchDirectory(
  backend: Backend,
  cache: Cache,
  ref: ArtifactRef,
  { signal }: TransferOptions,
): Promise<string> {
  const cached = await cache.find(ref);
  if (cached !== undefined) return cached;
  const staged = await cache.stage();
  try {
    const files = await fetchManifest(backend, cache, ref, { signal });
    await Readable.from(files).forEach(
      async (file: ManifestFile, options) => {
        const target = join(staged, file.path);
        await mkdir(dirname(target), { recursive: true });
        await fetchObject(backend, file.sha256, target, options ?? {});
        await chmod(target, 0o400);
      },
      { concurrency: CONCURRENCY, ...(signal && { signal }) },
    );
    return await cache.admit(staged, ref.sha256);
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    signal?.throwIfAborted();
    throw error;
  }
}

async function fetchManifest(
  backend: Backend,
  cache: Cache,
  { uri, sha256 }: ArtifactRef,
  options: TransferOptions,
): Promise<ManifestFile[]> {
  const staged = await cache.stage();
  const file = join(staged, 'manifest.json');
  try {
    await fetchObject(backend, sha256, file, options);
    return decodeManifest(await readFile(file, 'utf8'), uri).files;
  } catch (error) {
    if (!(error instanceof ArtifactMissing)) throw error;
    throw new ArtifactMissing(`The artifact ${uri} is not in the store of this host: ${error.message}`, {
      cause: error,
    });
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
}

async function fetchObject(backend: Backend, sha256: string, file: string, options: TransferOptions): Promise<void> {
  const path = objectPath(sha256);
  let found: string | undefined;
  for (let count = 0; count < DOWNLOADS && found !== sha256; count++) {
    const digest = await backend.get(path, async (body) => await writeDigested(body, file, options.signal), options);
    found = digest.sha256;
  }
  if (found === sha256) return;
  throw new ArtifactCorrupt(`${backend.uriOf(path)} holds bytes with the digest ${found}; nothing of it was used.`);
}
