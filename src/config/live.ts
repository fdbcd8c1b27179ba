import { statSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { type Config, ConfigError, loadLocated } from '../config.ts';
import type { Environment } from './environment.ts';

/**
 * What a running process takes over from a changed file: all that it reads whenever it needs it. The rest, such as
 * addresses and ports, is what its connections and processes were made of.
 */
const AT_ONCE = [
  ...(['registry', 'training', 'data', 'search', 'promotion', 'approval', 'deployment', 'rollout', 'docker'] as const),
  ...(['steps', 'extraSteps', 'monitoring', 'driftGate', 'steward', 'schedules', 'models'] as const),
] as const satisfies ReadonlyArray<keyof Config>;

/** How often the file is looked at (ms). */
const LOOK_MS = 1_000;

/** Settings of a process that runs for long. */
export interface LiveSettings {
  /** In force now: a changed file is read into this very object. */
  readonly config: Config;
  /** Looks at the file now, instead of within a second. */
  refresh(): void;
}

export interface SettingsNews {
  /**
   * The file has changed and is in force.
   *
   * @param waiting sections that have changed as well, and need a restart
   */
  taken(waiting: string[]): void;
  /** The file has changed and cannot be used: the settings of before stay in force. */
  refused(error: ConfigError): void;
}

/**
 * Reads the settings, and again whenever their file changes.
 *
 * @throws {ConfigError} as `loadConfig`, at the first reading only
 */
export function liveSettings(env: Environment, cwd: string, news: SettingsNews): LiveSettings {
  const { config, file } = loadLocated(env, cwd);
  const own = { ...env, ...(file && { MEDIWATCH_CONFIG: file }) };
  let mark = file && markOf(file);

  const refresh = () => {
    const now = file && markOf(file);
    // An editor may take it away for a moment.
    if (!now || now === mark) return;
    mark = now;
    try {
      const fresh = loadLocated(own, cwd).config;
      if (fresh.digest !== config.digest) news.taken(takeOver(config, fresh));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      news.refused(error);
    }
  };
  if (file) setInterval(refresh, LOOK_MS).unref();
  return { config, refresh };
}

function markOf(file: string): string | null {
  const stats = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stats ? [stats.ino, stats.size, stats.mtimeNs].join() : null;
}

function takeOver(config: Config, fresh: Config): string[] {
  const known = new Set<string>([...AT_ONCE, 'digest']);
  const { experiment } = fresh.mlflow;
  const waiting = Object.keys(fresh).filter((name) => {
    const [before, after] = [config, fresh].map((all) => (all as Record<string, unknown>)[name]);
    const other = name === 'mlflow' ? { ...fresh.mlflow, experiment: config.mlflow.experiment } : after;
    return !known.has(name) && !isDeepStrictEqual(before, other);
  });
  for (const name of AT_ONCE) Object.assign(config, { [name]: fresh[name] });
  Object.assign(config, { digest: fresh.digest, mlflow: { ...config.mlflow, experiment } });
  return waiting;
}
