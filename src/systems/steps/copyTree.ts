import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, readdir, readlink, symlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';

interface CopyOptions {
  /** Folders and files that are left out, by absolute path. */
  leaveOut?: readonly string[];
  signal: AbortSignal;
}

/** Names that no program misses in a copy: history, and caches. */
const LEFT_OUT = new Set(['.git', '__pycache__']);
/** Names of folders that are large, and read only by convention: the copy has a link to them. */
const LINKED = new Set(['node_modules']);

/**
 * Copies a project. Files share their blocks with the originals where the file system can do so, until one of the two
 * is changed; virtual environments are linked. Links inside the project stay links inside the copy.
 */
export async function copyTree(from: string, to: string, { leaveOut = [], signal }: CopyOptions): Promise<void> {
  const root = { from, to };
  const copyFolder = async (folder: string, target: string): Promise<void> => {
    await mkdir(target, { recursive: true });
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      signal.throwIfAborted();
      const [source, copy] = [join(folder, entry.name), join(target, entry.name)];
      if (LEFT_OUT.has(entry.name) || leaveOut.includes(source)) continue;
      if (entry.isSymbolicLink()) await copyLink(source, copy, root);
      else if (entry.isDirectory()) {
        const isLinked = LINKED.has(entry.name) || (await isVenv(source));
        await (isLinked ? symlink(source, copy) : copyFolder(source, copy));
      } else if (entry.isFile()) await copyFile(source, copy, constants.COPYFILE_FICLONE);
    }
  };
  await copyFolder(from, to);
}

/** Copies a data set of the cache so that its reader may change it: the cache's own files are read only. */
export async function copyWritable(from: string, to: string, signal: AbortSignal): Promise<void> {
  await copyTree(from, to, { signal });
  for (const entry of await readdir(to, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) await chmod(join(entry.parentPath, entry.name), 0o644);
  }
}

async function copyLink(source: string, copy: string, root: { from: string; to: string }): Promise<void> {
  const target = await readlink(source);
  const absolute = resolve(dirname(source), target);
  const inside = relative(root.from, absolute);
  const isInside = !inside.startsWith('..') && !isAbsolute(inside);
  await symlink(isInside ? join(root.to, inside) : absolute, copy);
}

async function isVenv(folder: string): Promise<boolean> {
  return (await readdir(folder)).includes('pyvenv.cfg');
}
