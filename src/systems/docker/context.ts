import { createHash } from 'node:crypto';
import { chmod, copyFile, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, sep } from 'node:path';
import dockerignore from '@balena/dockerignore';
import { sha256OfFile } from '../digests.ts';
import { DockerError } from './errors.ts';

/** The files of a build, in a folder of their own. */
interface BuildContext {
  folder: string;
  /** SHA-256 of the Dockerfile and of the names and contents of all files. */
  sha256: string;
}

/** A file that the checkout does not have, at a path of the context. */
export interface ExtraFile {
  path: string;
  file: string;
}

/** Never part of an image, and too large to look through. */
const NEVER = new Set(['.git', 'node_modules']);

/**
 * Copies what a build needs into a temporary folder, lets `body` build there, and removes it: the checkout stays as it
 * is, two builds do not meet, and Docker is sent no more than that.
 *
 * What is left out is said by `<Dockerfile>.dockerignore`, or else by `.dockerignore` in the context, with either of
 * Docker's builders.
 *
 * @param options.context folder whose files are taken
 * @param options.dockerfile the Dockerfile; it may lie anywhere
 * @param options.extra files that are added, not subject to what is ignored
 * @throws {DockerError} InvalidConfig, when the folder or the Dockerfile is missing
 */
export async function withContext<Result>(
  { context, dockerfile, extra = [] }: { context: string; dockerfile: string; extra?: readonly ExtraFile[] },
  body: (context: BuildContext) => Promise<Result>,
): Promise<Result> {
  const hash = createHash('sha256').update(await readDockerfile(dockerfile));
  const taken = (await filesOf(context, await ignoreRules(context, dockerfile))).map((path) => ({
    path,
    file: join(context, path),
  }));
  const folder = await mkdtemp(join(tmpdir(), 'mediwatch-build-'));
  try {
    for (const { path, file } of [...taken, ...extra].sort((a, b) => (a.path < b.path ? -1 : 1))) {
      const target = join(folder, path);
      await mkdir(dirname(target), { recursive: true });
      hash.update(`\0${path}\0${await copy(file, target)}`);
    }
    for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
      if (entry.isDirectory()) await chmod(join(entry.parentPath, entry.name), 0o755);
    }
    return await body({ folder, sha256: hash.digest('hex') });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Copies a file, or a link as the link that it is; gives what tells its content from another. */
async function copy(file: string, target: string): Promise<string> {
  if ((await lstat(file)).isSymbolicLink()) {
    const to = await readlink(file);
    await symlink(to, target);
    return `-> ${to}`;
  }
  await copyFile(file, target);
  // An image's user is nobody of this host: our umask, or a checkout for its owner alone, must not lock it out.
  await chmod(target, (await lstat(file)).mode & 0o100 ? 0o755 : 0o644);
  return await sha256OfFile(target);
}

async function readDockerfile(dockerfile: string): Promise<string> {
  try {
    return await readFile(dockerfile, 'utf8');
  } catch (error) {
    throw new DockerError('InvalidConfig', `The Dockerfile ${dockerfile} cannot be read.`, error);
  }
}

async function ignoreRules(context: string, dockerfile: string): Promise<(path: string) => boolean> {
  for (const file of [`${dockerfile}.dockerignore`, join(context, '.dockerignore')]) {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) return dockerignore.default().add(text.split(/\r?\n/)).createFilter();
  }
  return () => true;
}

/** Paths with `/`, relative to the context. */
async function filesOf(context: string, isTaken: (path: string) => boolean): Promise<string[]> {
  const files: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      const name = relative(context, path).split(sep).join('/');
      if (entry.isDirectory() && !NEVER.has(entry.name)) await walk(path);
      else if ((entry.isFile() || entry.isSymbolicLink()) && isTaken(name)) files.push(name);
    }
  };
  try {
    await walk(context);
  } catch (error) {
    throw new DockerError('InvalidConfig', `The build context ${context} cannot be read.`, error);
  }
  return files;
}
