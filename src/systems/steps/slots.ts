import { join, resolve } from 'node:path';
import type { Config } from '../../config.ts';
import { expandIfKnown, outputOf, placeholderValues } from './environment.ts';
import { cwdIn } from './place.ts';
import type { CommandSettings, StepCall } from './step.ts';

/** Places that may be taken by so many at once, each under a name. */
export interface Slots {
  /**
   * Waits for a place of each name in turn, first come, first served. All who ask for several must ask in one order.
   *
   * @returns releases them
   * @throws the signal's reason, when it is aborted while waiting; nothing is held then
   */
  take(wanted: readonly Slot[], signal: AbortSignal): Promise<() => void>;
}

interface Slot {
  name: string;
  /** How many may hold it at once. */
  limit: number;
}

export function createSlots(): Slots {
  /** Those who asked for a place, by its name: the first ones, as many as may, hold one, and the others wait. */
  const lines = new Map<string, Array<() => void>>();

  async function enter({ name, limit }: Slot, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const { promise: entered, resolve, reject } = Promise.withResolvers<void>();
    const line = lines.get(name) ?? [];
    lines.set(name, line);
    if (line.push(resolve) <= limit) resolve();

    const leave = () => {
      const place = line.indexOf(resolve);
      if (place < 0) return;
      line.splice(place, 1);
      // Now the one at this place may hold it, too; one who held it before does not mind.
      line[limit - 1]?.();
      // Every call may bring names of its own: those of its files.
      if (line.length === 0) lines.delete(name);
    };
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop);
    try {
      await entered;
      return leave;
    } catch (error) {
      leave();
      throw error;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  return {
    async take(wanted, signal) {
      const taken: Array<() => void> = [];
      const release = () => {
        for (const leave of taken) leave();
      };
      try {
        for (const slot of wanted) taken.push(await enter(slot, signal));
        return release;
      } catch (error) {
        release();
        throw error;
      }
    },
  };
}

/**
 * What a call has to wait for on this host: others that would write the same file, others of its step, and a slot of
 * the worker.
 */
export function slotsOf(config: Config, settings: CommandSettings, call: StepCall): Slot[] {
  const files = writtenBy(config, settings, call).map((path) => ({ name: `file ${path}`, limit: 1 }));
  // A proposal takes no time and must not wait behind trials.
  const host = call.step === 'suggest' ? [] : [{ name: 'host', limit: config.worker.slots }];
  const own =
    settings.slots === undefined
      ? []
      : [{ name: `${config.registry.registeredModel} ${settings.name}`, limit: settings.slots }];
  return [...files, ...own, ...host];
}

/** The paths of `outputs` as they will be once the call has its place, each once, in one order for all calls. */
function writtenBy(config: Config, settings: CommandSettings, call: StepCall): string[] {
  const { outputs, isolate } = settings;
  const { workDir } = call;
  const isolated = isolate !== 'none';
  const project = isolated ? join(workDir, 'project') : config.root;
  const known = placeholderValues({
    config,
    // The run that is opened for the call, and the data set of an isolated one, are of no other call either.
    input: { runId: workDir, ...call.input, ...(isolated && { datasetDir: workDir }) },
    project,
    workDir,
    output: outputOf(call),
    runId: undefined,
    trackingUri: config.mlflow.uri,
  });
  const cwd = cwdIn(config, project, settings);
  const paths = [outputs.file, outputs.directory, outputs.modelFile].flatMap((text) => {
    const path = text === undefined ? undefined : expandIfKnown(text, known);
    return path === undefined ? [] : [resolve(cwd, path)];
  });
  return [...new Set(paths)].sort();
}
