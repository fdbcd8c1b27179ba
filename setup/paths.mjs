import { accessSync, constants, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** Where parts lie that several checkouts share; outlives the checkout. */
export function cacheDir(env) {
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, 'mediwatch');
  const parent = process.platform === 'darwin' ? join('Library', 'Caches') : '.cache';
  return join(homedir(), parent, 'mediwatch');
}

/** The environment without the checkout's own programs: npm must not run on the Node that it is about to replace. */
export function outsideEnvironment(env) {
  const inside = join(ROOT, 'node_modules') + sep;
  const path = (env.PATH ?? '').split(delimiter).filter((folder) => folder && !`${folder}${sep}`.startsWith(inside));
  return { ...env, PATH: path.join(delimiter) };
}

/** Every program of that name on the PATH, the first one first. */
export function programs(name, env) {
  const folders = (env.PATH ?? '').split(delimiter).filter(Boolean);
  return folders.map((folder) => join(folder, name)).filter(isProgram);
}

/** Whether the path is a file that can be run. */
export function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
