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
   * @returns gives them back
   * @throws the signal's reason, when it is aborted while waiting; nothing is held then
   */
  take(wanted: readonly Slot[], signal: AbortSignal): Promise<() => void>;
}

export interface Slot {
  name: string;
  /** How many may hold it at once. */
  limit: number;
}

export function createSlots(): Slots {
  const held = new Map<string, number>();
  const queues = new Map<string, Array<() => void>>();

  function release(name: string): void {
    const next = queues.get(name)?.shift();
    const others = (held.get(name) ?? 1) - 1;
    // The place goes over to the next in line without being free in between.
    if (next) next();
    else if (others > 0) held.set(name, others);
    else {
      // Every call may bring names of its own: those of its files.
      held.delete(name);
      queues.delete(name);
    }
  }

  async function takeOne({ name, limit }: Slot, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if ((held.get(name) ?? 0) < limit) {
      held.set(name, (held.get(name) ?? 0) + 1);
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const queue = queues.get(name) ?? [];
    queues.set(name, queue);
    queue.push(resolve);
    const leave = () => {
      const at = queue.indexOf(resolve);
      if (at < 0) return;
      queue.splice(at, 1);
      reject(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
    await promise.finally(() => signal.removeEventListener('abort', leave));
  }

  return {
    async take(wanted, signal) {
      const taken: string[] = [];
      const giveBack = () => {
        for (const name of taken.splice(0)) release(name);
      };
      try {
        for (const slot of wanted) {
          await takeOne(slot, signal);
          taken.push(slot.name);
        }
        return giveBack;
      } catch (error) {
        giveBack();
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
  });
  const cwd = cwdIn(config, project, settings);
  const paths = [outputs.file, outputs.directory, outputs.modelFile].flatMap((text) => {
    const path = text === undefined ? undefined : expandIfKnown(text, known);
    return path === undefined ? [] : [resolve(cwd, path)];
  });
  return [...new Set(paths)].sort();
}
