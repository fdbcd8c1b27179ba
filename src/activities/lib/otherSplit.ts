import { TAGS } from '../../contracts/names.ts';
import type { ModelVersion } from '../../systems/mlflow/index.ts';

/**
 * Why a champion cannot be scored on the test split of a challenger: it may have learned from these very rows. Empty: it
 * can, as far as the versions tell.
 */
export function otherSplit(challenger: ModelVersion | undefined, champion: ModelVersion | undefined): string {
  const [ours, theirs] = [challenger, champion].map((version) => version?.tags[TAGS.split]);
  if (ours === undefined || theirs === undefined || ours === theirs) return '';
  return `it was trained on another split of the data (${theirs}; here: ${ours}), so it may know these test rows.`;
}
