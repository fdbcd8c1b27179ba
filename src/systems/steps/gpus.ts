import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { gpuList, namedGpus } from '../../config/gpus.ts';
import type { Config } from '../../config.ts';
import { environmentOf, variablesOf } from '../processes/environment.ts';
import { DEFAULT_GRACE_MS, killTrees } from '../processes/killTree.ts';
import { GPUS_VARIABLE, processTable } from '../processes/processTable.ts';
import type { Variables } from './environment.ts';
import { invalidSetting } from './errors.ts';
import { createSlots } from './slots.ts';
import type { CommandSettings } from './step.ts';

/** GPUs of one call of a step. */
export interface TakenGpus {
  ids: readonly string[];
  /** Shows the processes of the call in the process table as those that have them. */
  mark: Variables;
  release(): void;
}

/** The GPUs of this host: each is of one step at a time. */
export interface Gpus {
  /**
   * Waits until so many are free, first come, first served. One is free when no living process of any worker of this
   * user has it; what a dead worker has left is ended.
   *
   * @throws {StepProblem} InvalidConfig, when the host has fewer
   */
  take(settings: Pick<CommandSettings, 'name' | 'gpus'>, signal: AbortSignal): Promise<TakenGpus>;
}

/** How often is looked whether a GPU has become free (ms). */
const POLL_MS = 200;

/** @param list asked once, by the first step that wants a GPU */
export function createGpus(list: () => Promise<readonly string[]>): Gpus {
  const held = new Set<string>();
  const line = createSlots();
  let known: Promise<readonly string[]> | undefined;

  async function choose(all: readonly string[], count: number, signal: AbortSignal): Promise<TakenGpus> {
    for (;;) {
      if (all.length - held.size >= count) {
        const { owner, inUse } = await gpusInUse();
        const ids = all.filter((id) => !held.has(id) && !inUse.has(id)).slice(0, count);
        if (ids.length === count) {
          for (const id of ids) held.add(id);
          const release = () => {
            for (const id of ids) held.delete(id);
          };
          return { ids, mark: { [GPUS_VARIABLE]: `${owner}:${ids.join()}` }, release };
        }
      }
      await delay(POLL_MS, undefined, { signal });
    }
  }

  return {
    async take({ name, gpus: count = 0 }, signal) {
      if (count === 0) return { ids: [], mark: {}, release: () => {} };
      known ??= list();
      const all = await known;
      if (count > all.length) throw invalidSetting.tooFewGpus(name, count, all);
      // Whoever wants several waits for them, and is not overtaken for ever by those who want one.
      const next = await line.take([{ name: 'next', limit: 1 }], signal);
      return await choose(all, count, signal).finally(next);
    },
  };
}

/** GPUs that processes of living workers have; what dead workers have left is ended first. */
async function gpusInUse(): Promise<{ owner: string; inUse: ReadonlySet<string> }> {
  const table = await processTable();
  const living = new Map(table.map(({ pid, start }) => [`${pid}/${start}`, pid]));
  const inUse = new Set<string>();
  const left = new Set<string>();
  for (const { tag, gpus } of table) {
    const [worker = '', ids = ''] = gpus?.split(':') ?? [];
    if (living.has(worker)) for (const id of ids.split(',')) inUse.add(id);
    else if (gpus !== undefined && tag !== undefined) left.add(tag);
  }
  const trees = [...left].map((tag) => ({ tag }));
  if (trees.length > 0) await killTrees(trees, DEFAULT_GRACE_MS);
  const [owner = ''] = [...living].find(([, pid]) => pid === process.pid) ?? [];
  return { owner, inUse };
}

/** A driver that hangs is not waited for (ms). */
const ASK_MS = 5_000;

/** The GPUs of this host; none where nvidia-smi is missing or does not answer. */
export async function gpusOf(
  { gpus }: Pick<Config['worker'], 'gpus'>,
  env: Readonly<Variables> = process.env,
): Promise<string[]> {
  const named = namedGpus(gpus);
  if (named) return named;
  // Whoever started the worker gave it these; -1 is the usual way to give it none.
  if (env.CUDA_VISIBLE_DEVICES !== undefined) return gpuList(env.CUDA_VISIBLE_DEVICES).filter((id) => id !== '-1');
  const asked = execa('nvidia-smi', ['--query-gpu=index', '--format=csv,noheader'], {
    env: environmentOf(['computing'], [], env),
    extendEnv: false,
    timeout: ASK_MS,
    reject: false,
  });
  const answer = await Promise.race([asked, delay(ASK_MS, undefined, { ref: false })]);
  return answer && !answer.failed ? gpuList(answer.stdout.replaceAll('\n', ',')).filter((id) => /^\d+$/.test(id)) : [];
}

/** Whether any step of any model wants a GPU: only then is it our business who sees which. */
export function usesGpus(config: Config): boolean {
  return [config, ...Object.values(config.models)].some(({ steps, extraSteps }) =>
    [...Object.values(steps), ...extraSteps].some(({ gpus = 0 }) => gpus > 0),
  );
}

/** Variables that show a step its own GPUs and no other. What it passes or sets itself goes before "none". */
export function gpuVariables({ image, passEnv }: CommandSettings, ids: readonly string[]): Variables {
  const hidden = image ? { NVIDIA_VISIBLE_DEVICES: 'void' } : { CUDA_VISIBLE_DEVICES: '' };
  if (ids.length === 0) return Object.keys(hidden).some((name) => name in variablesOf(passEnv)) ? {} : hidden;
  // Docker gives a container these alone, which are numbered from 0 on in it.
  if (image) return { CUDA_VISIBLE_DEVICES: undefined, NVIDIA_VISIBLE_DEVICES: undefined };
  // CUDA would number them by their speed, nvidia-smi and Docker by their slot.
  const order = process.env.CUDA_VISIBLE_DEVICES === undefined ? { CUDA_DEVICE_ORDER: 'PCI_BUS_ID' } : {};
  return { CUDA_VISIBLE_DEVICES: ids.join(), ...order };
}
