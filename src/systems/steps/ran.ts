import { stat } from 'node:fs/promises';
import type { Metrics } from '../../contracts/training.ts';
import { stepFailed } from './errors.ts';
import type { CommandSettings } from './settings.ts';

/** A command that ended well, before its folders are removed. */
export interface Ran {
  settings: CommandSettings;
  /** What it wrote to MEDIWATCH_RESULT; undefined: nothing. */
  result: unknown;
  /** The numbers that `outputs.pattern` found in its output. */
  printed: Metrics;
  /** The folder that was `{output}`. */
  output: string;
  /** MLflow run that was opened for it. */
  runId: string | undefined;
  /** Unix time (ms). */
  startedAt: number;
  /** Unix time (ms). */
  endedAt: number;
  /**
   * Where a path of `outputs` lies.
   *
   * @throws {StepError} when there is nothing, or only what an earlier run has left
   */
  written(setting: 'file' | 'directory' | 'modelFile', path: string): Promise<string>;
  /** Runs another command where this one ran. */
  runMore(command: readonly string[], env?: Record<string, string>): Promise<void>;
}

interface Facts extends Omit<Ran, 'written'> {
  pathOf(text: string): string;
  /** What {@link lookAt} found before it began. */
  before: ReadonlyMap<string, string>;
}

/**
 * The files that lie where a command is to write, each with a mark that changes when it is written. Their times alone
 * do not tell: a copy of the project is as new as the command, and another call may have ended a moment ago.
 */
export async function lookAt(paths: readonly string[]): Promise<Map<string, string>> {
  const marks = await Promise.all(paths.map(async (path) => [path, await markOf(path)] as const));
  return new Map(marks.flatMap(([path, mark]) => (mark === undefined ? [] : [[path, mark]])));
}

async function markOf(path: string): Promise<string | undefined> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  // A folder is not written itself when a file in it is.
  return stats?.isFile() ? [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join() : undefined;
}

export function ranResult({ pathOf, before, ...facts }: Facts): Ran {
  return {
    ...facts,
    async written(setting, path) {
      const place = `${facts.settings.name}.outputs.${setting}`;
      const found = pathOf(path);
      const isThere = await stat(found).catch(() => undefined);
      if (!isThere) throw stepFailed(`The command ended well but did not write ${found} (${place}).`);
      if (before.has(found) && before.get(found) === (await markOf(found))) {
        throw stepFailed(`${found} (${place}) is of an earlier run: the command ended well but did not write it.`);
      }
      return found;
    },
  };
}
