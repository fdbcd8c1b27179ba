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
}

/** File systems keep times less precisely than we measure them (ms). */
const PRECISION_MS = 2_000;

export function ranResult({ pathOf, ...facts }: Facts): Ran {
  return {
    ...facts,
    async written(setting, path) {
      const place = `${facts.settings.name}.outputs.${setting}`;
      const found = pathOf(path);
      const stats = await stat(found).catch(() => undefined);
      if (!stats) throw stepFailed(`The command ended well but did not write ${found} (${place}).`);
      if (stats.isFile() && stats.mtimeMs < facts.startedAt - PRECISION_MS) {
        throw stepFailed(`${found} (${place}) is of an earlier run: the command ended well but did not write it.`);
      }
      return found;
    },
  };
}
