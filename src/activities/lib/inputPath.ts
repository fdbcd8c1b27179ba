import { existsSync } from 'node:fs';
import { lstat, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, parse, relative, resolve, sep } from 'node:path';
import { type Config, fromRoot } from '../../config.ts';
import { failure } from '../../contracts/errors.ts';
import { embeddedLogs } from '../../systems/monitorInput.ts';

/** Characters with which a path is a pattern, as one of a log may be; Python's glob knows the same. */
const PATTERN = /[*?[]/;

/**
 * The absolute path of the `data` or `log` that an input names, right before it is opened.
 *
 * Whoever may start a workflow names paths, and must read nothing with them but data. So it lies below a declared folder
 * (`data.roots`, the project, that of the configured data or log) wherever links lead, not in a hidden folder, and not
 * in the stack's state; files are regular ones. What lies elsewhere is refused in the same way whether it is there or
 * not. What the settings name themselves is not asked.
 *
 * @throws {ApplicationFailure} PathRefused
 */
export async function inputPath(config: Config, field: 'data' | 'log', given: string): Promise<string> {
  const path = resolve(config.root, given);
  const setting = field === 'data' ? config.data.path : config.monitoring.log;
  if (given === setting || (setting !== '' && path === resolve(config.root, setting))) return path;
  const roots = await rootsOf(config, field, setting);
  const lies = async (found: string, isNamed: boolean) => {
    const real = await realOf(found);
    const isBelow = real !== null && roots.some((root) => holds(root, real, isNamed)) && (await isPlain(real));
    if (!isBelow) throw refused(field, given);
  };
  await lies(path, true);
  for (const entry of await entriesOf(path)) await lies(entry, false);
  return path;
}

function refused(field: string, given: string) {
  const why = 'does not name regular files below a folder that inputs may name';
  return failure('PathRefused', `"${field}" (${given}) ${why}. Nothing was read.`);
}

interface Root {
  folder: string;
  /** Folder below it that is no part of it. */
  but: string | null;
  /** Whether it may be named as a whole, and not only what is below it: the project holds more than data. */
  whole: boolean;
}

async function rootsOf(config: Config, field: 'data' | 'log', setting: string): Promise<Root[]> {
  const project = await realpathOr(config.root);
  const state = await realpathOr(fromRoot(config, config.stack.dir));
  // What is configured may be a link with a folder of its own. Neither folder stands for the whole disk.
  const configured = setting === '' ? [] : [resolve(config.root, setting)];
  const own = [...configured, ...(await Promise.all(configured.map(realpathOr)))];
  const near = own.map((one) => dirname(one)).filter((folder) => folder !== parse(folder).root);
  const logs = field === 'log' ? [embeddedLogs(config)] : [];
  const declared = config.data.roots.map((folder) => fromRoot(config, folder));
  const folders = await Promise.all([project, ...own, ...near, ...logs, ...declared].map(realpathOr));
  return folders.map((folder) => ({
    folder,
    but: relativeTo(folder, state) ? state : null,
    whole: folder !== project,
  }));
}

async function realpathOr(path: string): Promise<string> {
  return await realpath(path).catch(() => path);
}

/** The path from a folder to what lies below it; empty: it is the folder; null: it lies elsewhere. */
function relativeTo(folder: string, path: string): string | null {
  const between = relative(folder, path);
  return between === '..' || between.startsWith(`..${sep}`) || parse(between).root !== '' ? null : between;
}

function holds({ folder, but, whole }: Root, path: string, isNamed: boolean): boolean {
  const between = relativeTo(folder, path);
  if (between === null || (but !== null && relativeTo(but, path) !== null)) return false;
  return !isNamed || ((whole || between !== '') && !between.split(sep).some((part) => part.startsWith('.')));
}

/** Where a path leads, also one whose end is missing; null: to a link that leads nowhere. */
async function realOf(path: string): Promise<string | null> {
  const real = await realpath(path).catch(() => null);
  if (real !== null) return real;
  const link = await lstat(path).catch(() => null);
  if (link?.isSymbolicLink()) return null;
  const parent = await realOf(dirname(path));
  return parent && join(parent, basename(path));
}

/** Whether it is a regular file or a folder. One that is missing is neither, and is named as missing by who opens it. */
async function isPlain(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  return found === null || found.isFile() || found.isDirectory();
}

/** What a folder holds; of a pattern, all that is there where it looks: languages differ in what they match. */
async function entriesOf(path: string): Promise<string[]> {
  const isPattern = PATTERN.test(path) && !existsSync(path);
  const folder = isPattern ? dirname(path.slice(0, path.search(PATTERN) + 1)) : path;
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder) return [];
  const names = await readdir(folder, { recursive: !isPattern || dirname(path) !== folder });
  return names.map((name) => join(folder, name));
}
