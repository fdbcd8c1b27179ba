import { TAGS } from '../../contracts/names.ts';
import type { ModelVersion } from '../../systems/mlflow/index.ts';

/** The test AUC that a version had when it was registered; null: none was recorded. */
export function testAucOf({ tags }: Pick<ModelVersion, 'tags'>): number | null {
  const auc = Number.parseFloat(tags[TAGS.testAuc] ?? '');
  return Number.isFinite(auc) ? auc : null;
}
