import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import type { Backend } from './backend.ts';
import { ArtifactMissing, ArtifactStoreUnavailable } from './errors.ts';
import { makeTemporary, sweepAbandoned } from './temporary.ts';

/** Keeps files in a folder that every host mounts. A file appears under its name only when it is complete. */
export function folderBackend(folder: string): Backend {
  const root = resolve(folder);
  const incoming = join(root, 'mediwatch', 'incoming');
  const uriOf = (path: string) => pathToFileURL(join(root, path)).href;

  // A mount that is missing must not be taken for an empty store, nor be filled behind the mount point's back.
  async function mounted(): Promise<void> {
    if (await stat(root).catch(isAbsent)) return;
    throw new ArtifactStoreUnavailable(
      `artifacts.store names the folder ${root}, which does not exist here: mount it, or make it.`,
    );
  }

  return {
    uriOf,
    async sizeOf(path) {
      await mounted();
      return (await stat(join(root, path)).catch(isAbsent))?.size;
    },
    async put(path, body, _sizeBytes, { signal }) {
      await mounted();
      const target = join(root, path);
      const temporary = makeTemporary(incoming);
      await Promise.all([mkdir(incoming, { recursive: true }), mkdir(dirname(target), { recursive: true })]);
      await sweepAbandoned(incoming);
      try {
        await pipeline(body(), createWriteStream(temporary, { flush: true }), { signal });
        await rename(temporary, target);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    },
    async get(path, read) {
      await mounted();
      const file = join(root, path);
      if (!(await stat(file).catch(isAbsent))) throw new ArtifactMissing(`There is no ${uriOf(path)}.`);
      return await read(createReadStream(file));
    },
    async list(path) {
      await mounted();
      const entries = (await readdir(join(root, path), { withFileTypes: true }).catch(isAbsent)) ?? [];
      return entries.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }));
    },
    async removeFolder(path) {
      await mounted();
      await rm(join(root, path), { recursive: true, force: true });
    },
    close: async () => undefined,
  };
}

function isAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}
