import { TAGS } from '../../contracts/names.ts';
import { tagIs } from './filter.ts';
import type { NewRun, RunCalls } from './runs.ts';
import type { Run } from './shapes.ts';
import type { CallOptions } from './transport.ts';

/**
 * The run of this key, which is made when there is none: a retried activity goes on in the run of its first attempt.
 *
 * When two attempts make one at the same moment, the older run stays and the other is deleted.
 */
export function ensureRunCall({ searchRuns, createRun, deleteRun }: RunCalls) {
  return async function ensureRun({ key, ...run }: NewRun & { key: string }, options: CallOptions = {}): Promise<Run> {
    const find = async () => {
      const orderBy = ['attributes.start_time ASC'];
      const runs = await searchRuns(run.experimentId, tagIs(TAGS.key, key), { orderBy, ...options });
      return runs.sort((a, b) => a.startTime - b.startTime || (a.runId < b.runId ? -1 : 1))[0];
    };
    const existing = await find();
    if (existing) return existing;
    const made = await createRun({ ...run, tags: { ...run.tags, [TAGS.key]: key } }, options);
    const oldest = (await find()) ?? made;
    if (oldest.runId !== made.runId) await deleteRun(made.runId, options);
    return oldest;
  };
}
