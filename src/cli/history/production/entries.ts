import { TAGS } from '../../../contracts/names.ts';
import { ProductionEntry } from '../../../contracts/registry.ts';
import { parseJson } from '../../../contracts/text.ts';
import type { ModelVersion } from '../../../systems/mlflow/index.ts';

type Tagged = Pick<ModelVersion, 'version' | 'tags'>;

/** The history of Production as the tags of all versions hold it, oldest first. What is no entry is passed over. */
export function entriesOf(versions: readonly Tagged[]): ProductionEntry[] {
  return versions
    .flatMap(({ tags }) => Object.entries(tags).filter(([name]) => name.startsWith(TAGS.production)))
    .flatMap(([, value]) => ProductionEntry.safeParse(parseJson(value)).data ?? [])
    .sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

/** What was in Production at a moment. */
export interface Moment {
  /** Null: nothing, as far as the history tells. */
  version: string | null;
  /** The change that put it there; null for what was there before the history begins. */
  since: ProductionEntry | null;
  /** The change that ended it; null when it is still there. */
  until: ProductionEntry | null;
}

/** @param time Unix time (ms) */
export function momentOf(entries: readonly ProductionEntry[], time: number): Moment {
  const since = entries.findLast(({ at }) => Date.parse(at) <= time) ?? null;
  const until = entries.find(({ at }) => Date.parse(at) > time) ?? null;
  return { version: since ? since.version : (until?.replaced ?? null), since, until };
}

/** Whether an entry does not follow from the one before it: Production was changed in between, past the workflows. */
export function followsGap(entry: ProductionEntry, before: ProductionEntry | undefined): boolean {
  return before !== undefined && before.version !== entry.replaced;
}
