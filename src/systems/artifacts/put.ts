import { createReadStream } from 'node:fs';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import type { ArtifactRef } from '../../contracts/training.ts';
import type { Backend, TransferOptions } from './backend.ts';
import type { Cache } from './cache.ts';
import { sha256Of, writeDigested } from './digest.ts';
import { encodeManifest, type ManifestFile, totalSize } from './manifest.ts';
import { objectPath } from './paths.ts';
import { CONCURRENCY, type Progress } from './progress.ts';
import { filesBelow } from './tree.ts';

export interface PutOptions extends TransferOptions {
  onProgress?: ((progress: Progress) => void) | undefined;
  /** Stores every file again even when the store has it: the cure for a store whose files were damaged. */
  overwrite?: boolean;
}

/** Stores all files of a directory, those first and the manifest last, so that a manifest stands for a whole set. */
export async function putDirectory(
  backend: Backend,
  cache: Cache,
  directory: string,
  { signal, onProgress, overwrite = false }: PutOptions,
): Promise<ArtifactRef> {
  const staged = await cache.stage();
  try {
    const files = await copyTo(staged, directory, signal);
    const manifest = Buffer.from(encodeManifest(files));
    const sha256 = sha256Of(manifest);
    const path = objectPath(sha256);

    const isStored = async (object: string, size: number) =>
      !overwrite && (await backend.sizeOf(object, { signal })) === size;
    if (!(await isStored(path, manifest.byteLength))) {
      const distinct = [...new Map(files.map((file) => [file.sha256, file])).values()];
      const totalBytes = totalSize(distinct);
      let doneBytes = 0;
      await Readable.from(distinct).forEach(
        async (file: ManifestFile, options) => {
          const object = objectPath(file.sha256);
          const body = () => createReadStream(join(staged, file.path));
          // A file of another size is what an upload left that broke off.
          if (!(await isStored(object, file.size))) await backend.put(object, body, file.size, options ?? {});
          doneBytes += file.size;
          onProgress?.({ doneBytes, totalBytes });
        },
        { concurrency: CONCURRENCY, ...(signal && { signal }) },
      );
      await backend.put(path, () => Readable.from([manifest]), manifest.byteLength, { signal });
    }
    await cache.admit(staged, sha256);
    return { uri: backend.uriOf(path), sha256, sizeBytes: totalSize(files) };
  } catch (error) {
    await rm(staged, { recursive: true, force: true });
    signal?.throwIfAborted();
    throw error;
  }
}

/** Copies first and stores the copy: what the digest says is what is stored, even if somebody writes meanwhile. */
async function copyTo(staged: string, directory: string, signal: AbortSignal | undefined): Promise<ManifestFile[]> {
  const files: ManifestFile[] = [];
  for (const { path } of await filesBelow(directory)) {
    const target = join(staged, path);
    await mkdir(dirname(target), { recursive: true });
    const { sha256, sizeBytes } = await writeDigested(createReadStream(join(directory, path)), target, signal);
    // Steps read the cache; none may change what others read.
    await chmod(target, 0o400);
    files.push({ path, sha256, size: sizeBytes });
  }
  return files;
}
