import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readDocument } from './config/document.ts';
import { type Environment, layEnvironment } from './config/environment.ts';
import { parseAll } from './config/parse.ts';
import { ConfigError, type PlaceOf, type Problem, wrongSettings } from './config/problems.ts';
import { hidePatterns, rememberSecrets } from './config/redaction.ts';
import type { Config } from './config/schema.ts';
import { ownSecrets, secretsOf } from './config/secrets.ts';

export { KNOWN_VARIABLES, settingPaths, variableOf } from './config/environment.ts';
export { canScore, forModel, gatewayOf, isDeclared, modelNames } from './config/models.ts';
export { ConfigError } from './config/problems.ts';
export type { Config } from './config/schema.ts';

/** The checkout's own folder: home of the bundled data, Python package and default `mediwatch.yaml`. */
export const PROJECT_ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
/** Folder from which Python imports the bundled package. */
export const PYTHON_ROOT = join(PROJECT_ROOT, 'python');
/** The Python that set-up makes for it; `worker.python` names another one. */
export const BUNDLED_PYTHON = join(PYTHON_ROOT, '.venv', 'bin', 'python');

/**
 * Reads `mediwatch.yaml` (or the file that `MEDIWATCH_CONFIG` names) and lays the environment over it.
 *
 * @param env the environment; `MEDIWATCH_<SECTION>_<KEY>` overrides `section.key`
 * @param cwd folder that is searched for `mediwatch.yaml`; the project's own is used when it has none
 * @throws {ConfigError} naming each wrong setting
 */
export function loadConfig(env: Environment, cwd: string): Config {
  return loadLocated(env, cwd).config;
}

/** The settings, and where each comes from. */
export interface Located {
  config: Config;
  /** The file that was read; null when there is none. */
  file: string | null;
  /** As they were written. */
  settings: Record<string, unknown>;
  placeOf: PlaceOf;
}

/** @throws {ConfigError} as `loadConfig` */
export function loadLocated(env: Environment, cwd: string): Located {
  const file = configFile(env, cwd);
  const document = readDocument(file);
  const layered = layEnvironment(document.settings, env);
  const placeOf: PlaceOf = (path, part) => layered.placeOf(path) ?? document.placeOf(path, part);
  const root = file ? dirname(file) : PROJECT_ROOT;
  rememberSecrets(secretsOf(layered.settings, env, root));
  const parsed = parseAll(layered.settings, { root, digest: document.digest, env, placeOf });
  const problems: Problem[] = [...document.problems, ...layered.problems, ...parsed.problems];
  if (problems.length > 0 || !parsed.config) throw wrongSettings(problems, cwd);
  const logins = [parsed.config, ...Object.values(parsed.config.models)].map(({ mlflow }) => mlflow.password);
  rememberSecrets([...ownSecrets(fromRoot(parsed.config, parsed.config.stack.dir)), ...logins]);
  hidePatterns(parsed.config.logs.hide);
  return { config: parsed.config, file: document.file, settings: layered.settings, placeOf };
}

/** Resolves a path of the configuration against the folder of `mediwatch.yaml`. */
export function fromRoot(config: Config, path: string): string {
  return isAbsolute(path) ? path : resolve(config.root, path);
}

/** Scripts of our `package.json` that read `mediwatch.yaml` on behalf of whoever calls them. */
const SCRIPTS = ['start', 'worker'];

/**
 * The folder in which somebody typed the command that runs here. npm starts its scripts in the folder of `package.json`
 * and leaves the other one in `INIT_CWD`. What npm started starts others, which have these variables as well: only a
 * process in the project's own folder was moved there.
 *
 * @param cwd folder in which this process runs
 */
export function startFolder(env: Environment, cwd: string): string {
  const isMoved = SCRIPTS.includes(env.npm_lifecycle_event ?? '') && cwd === PROJECT_ROOT;
  return isMoved ? (env.INIT_CWD ?? cwd) : cwd;
}

function configFile(env: Environment, cwd: string): string | undefined {
  const named = env.MEDIWATCH_CONFIG;
  if (named) {
    const path = resolve(cwd, named);
    if (!existsSync(path)) throw new ConfigError(`MEDIWATCH_CONFIG names ${path}, which does not exist.`);
    return path;
  }
  return [resolve(cwd, 'mediwatch.yaml'), resolve(PROJECT_ROOT, 'mediwatch.yaml')].find((path) => existsSync(path));
}
