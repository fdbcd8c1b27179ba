import type { Client } from '@temporalio/client';
import { type Config, forModel } from '../../config.ts';
import type { ArtifactStore } from '../../systems/artifacts/index.ts';
import type { Mlflow } from '../../systems/mlflow/index.ts';
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
