import { ArtifactRef } from '../../contracts/artifacts.ts';
import { failure } from '../../contracts/errors.ts';
import { parseJson } from '../../contracts/json.ts';
import { TAGS } from '../../contracts/names.ts';
import type { Mlflow } from '../../systems/mlflow/index.ts';

/**
 * The data set that the version in Production learned from.
 *
 * @throws ApplicationFailure of type ModelNotFound when none is in Production, DataNotFound when it names no data set
 */
export async function championDataset(mlflow: Mlflow, registeredModel: string): Promise<ArtifactRef> {
  const champion = (await mlflow.listVersions(registeredModel)).find(({ stage }) => stage === 'Production');
  if (!champion) throw failure('ModelNotFound', `No version of ${registeredModel} is in Production.`);
  const dataset = ArtifactRef.safeParse(parseJson(champion.tags[TAGS.dataset]));
  if (dataset.success) return dataset.data;
  throw failure(
    'DataNotFound',
    `Version ${champion.version} of ${registeredModel} names no data set to compare with; ` +
      'set monitoring.reference to "log" in mediwatch.yaml.',
  );
}
