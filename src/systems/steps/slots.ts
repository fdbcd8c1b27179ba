import { join, resolve } from 'node:path';
import type { Config } from '../../config.ts';
import { expandIfKnown, outputOf, placeholderValues } from './environment.ts';
import { cwdIn } from './place.ts';
import type { CommandSettings, StepCall } from './step.ts';

/** Places that may be taken by so many at once, each under a name. */
export interface Slots {
  /**
   * Waits for each in turn, first come, first served. All who ask for several must ask in one order.
   *
   * @returns releases them
   * @throws the signal's reason, when it is aborted while waiting; nothing is held then
   */
  take(wanted: ReadonlyArray<Slot | Take>, signal: AbortSignal): Promise<() => void>;
}

interface Slot {
  name: string;
  /** How many places there are. */
  limit: number;
  /** How many of them are taken; absent: one. Who wants more than there are gets all of them. */
  count?: number | undefined;
}

/** Waits for something that has places of its own, and gives what releases it. */
type Take = (signal: AbortSignal) => Promise<() => void>;

export function createSlots(): Slots {
  /** Those who asked for places, by their name: the first ones, as far as the places go, hold theirs, the others wait. */
  const lines = new Map<string, Waiting[]>();

  async function enter({ name, limit, count = 1 }: Slot, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    const { promise: entered, resolve: admit, reject } = Promise.withResolvers<void>();
    const line = lines.get(name) ?? [];
    lines.set(name, line);
    const own = { admit, count: Math.min(count, limit) };
    line.push(own);
    admitFirst(line, limit);

    const leave = () => {
      const place = line.indexOf(own);
      if (place < 0) return;
      line.splice(place, 1);
      admitFirst(line, limit);
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
        for (const one of wanted) taken.push(await (typeof one === 'function' ? one(signal) : enter(one, signal)));
        return release;
      } catch (error) {
        release();
        throw error;
      }
    },
  };
}

interface Waiting {
  admit: () => void;
  count: number;
}

/** Lets in the first of a line, as far as the places go; one who is in already does not mind. */
function admitFirst(line: readonly Waiting[], limit: number): void {
  let taken = 0;
  for (const { admit, count } of line) {
    taken += count;
    if (taken > limit) return;
    admit();
  }
}

/**
 * What a call has to wait for on this host: others that would write the same file, others of its step, its GPUs, and
 * slots of the worker, one for each core.
 */
export function slotsOf(config: Config, settings: CommandSettings, call: StepCall, takeGpus: Take): Array<Slot | Take> {
  const files = writtenBy(config, settings, call).map((path) => ({ name: `file ${path}`, limit: 1 }));
  // A proposal takes no time and must not wait behind trials.
  const host = call.step === 'suggest' ? [] : [{ name: 'host', limit: config.worker.slots, count: settings.cores }];
  const own =
    settings.slots === undefined
      ? []
      : [{ name: `${config.registry.registeredModel} ${settings.name}`, limit: settings.slots }];
  return [...files, ...own, takeGpus, ...host];
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
