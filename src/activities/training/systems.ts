import type { Client } from '@temporalio/client';
import { type Config, forModel } from '../../config.ts';
import { failure } from '../../contracts/errors.ts';
import { TAGS } from '../../contracts/names.ts';
import { parseJson } from '../../contracts/text.ts';
import { ArtifactRef } from '../../contracts/training.ts';
import { productionOf } from '../../domain/registryMoves.ts';
import type { ArtifactStore } from '../../systems/artifacts/index.ts';
import type { Mlflow, ModelVersion } from '../../systems/mlflow/index.ts';
import type { StepRunner } from '../../systems/steps/index.ts';

export interface TrainingSystems {
  config: Config;
  mlflow: Mlflow;
  store: ArtifactStore;
  runner: StepRunner;
  /** Digest of the code that prepares data: other code makes another data set. */
  codeDigest: string;
  /** Tells a workflow of the trials of a search that is one command. */
  client: Client;
}

/** The settings of the model that a request is for; an older workflow names none. */
export function settingsOf(config: Config, registeredModel: string | undefined): Config {
  return forModel(config, registeredModel ?? config.registry.registeredModel);
}

/** Whether the bundled step prepares the data: their shape and their split are known; a command may do anything. */
export function isBundledData({ steps: { prepare } }: Config): boolean {
  return !prepare.command && !prepare.skip;
}

/**
 * The data set that the version in Production learned from.
 *
 * @throws ApplicationFailure of type ModelNotFound when none is in Production, DataNotFound when it names no data set
 */
export async function championDataset(mlflow: Mlflow, registeredModel: string): Promise<ArtifactRef> {
  const champion = productionOf(await mlflow.listVersions(registeredModel));
  if (!champion) throw failure('ModelNotFound', `No version of ${registeredModel} is in Production.`);
  const dataset = ArtifactRef.safeParse(parseJson(champion.tags[TAGS.dataset]));
  if (dataset.success) return dataset.data;
  throw failure(
    'DataNotFound',
    `Version ${champion.version} of ${registeredModel} names no data set to compare with; ` +
      'set monitoring.reference to "log" in mediwatch.yaml.',
  );
}

/**
 * Why a champion cannot be scored on the test split of a challenger: it may have learned from these very rows. Empty: it
 * can, as far as the versions tell.
 */
export function otherSplit(challenger: ModelVersion | undefined, champion: ModelVersion | undefined): string {
  const [ours, theirs] = [challenger, champion].map((version) => version?.tags[TAGS.split]);
  if (ours === undefined || theirs === undefined || ours === theirs) return '';
  return `it was trained on another split of the data (${theirs}; here: ${ours}), so it may know these test rows.`;
}
