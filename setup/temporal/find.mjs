import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { environmentOf } from '../environment.mjs';
import { cacheDir, isProgram, programs } from '../paths.mjs';
import { SetupProblem } from '../problem.mjs';

/** The release that set-up gets, and the oldest that will do. */
export const VERSION = '1.5.1';
const OLDEST_CLI = [1, 5];
/** A build from source calls itself 0.0.0-DEV; the server inside tells how old it is. */
const OLDEST_SERVER = [1, 29];

/**
 * Finds the Temporal program: on the PATH, then where set-up keeps it.
 *
 * @returns {Promise<string | undefined>} its path; undefined: there is none that is new enough
 */
export async function findTemporal(env) {
  for (const path of [...programs('temporal', env), cachedTemporal(env)]) {
    if (isProgram(path) && (await isNewEnough(path))) return path;
  }
  return undefined;
}

/** Moves a program into the cache, whole or not at all, once it has shown that it runs. */
export async function keepTemporal(program, env) {
  chmodSync(program, 0o755);
  if (!(await isNewEnough(program)))
    throw new SetupProblem(`The Temporal program that was got does not run: ${program}`);
  const path = cachedTemporal(env);
  mkdirSync(dirname(path), { recursive: true });
  renameSync(program, path);
}

function cachedTemporal(env) {
  return join(cacheDir(env), `temporal-${VERSION}-${process.platform}-${process.arch}`);
}

async function isNewEnough(path) {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { env: environmentOf(), timeout: 20_000 });
    const [, cli, server] = stdout.match(/version (\d+\.\d+)\S* \(Server (\d+\.\d+)/) ?? [];
    return atLeast(cli, OLDEST_CLI) || (stdout.includes('0.0.0-DEV') && atLeast(server, OLDEST_SERVER));
  } catch {
    return false;
  }
}

function atLeast(version, [oldestMajor, oldestMinor]) {
  const [major, minor] = (version ?? '0.0').split('.').map(Number);
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}
