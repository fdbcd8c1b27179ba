import type { Config } from '../../config.ts';
import type { Mlflow, ModelVersion } from '../../systems/mlflow/index.ts';
import { withMlflow } from '../../systems/mlflow/withMlflow.ts';
import { testAucOf } from '../versions/testAuc.ts';

/** A version as a reader of the status sees it. */
export interface VersionState {
  version: string;
  stage: string;
  aliases: string[];
  /** Area under the ROC curve on the test split, as it was when the version was registered. */
  testAuc: number | null;
  runId: string;
  /** ISO 8601. */
  createdAt: string;
  url: string;
}

export interface RegistryState {
  production: VersionState | null;
  staging: VersionState[];
  /** The newest version of all, in whatever stage. */
  newest: VersionState | null;
  versions: number;
}

/** A person waits for the answer (ms). */
const LIMIT_MS = 5_000;

/**
 * What the registry holds of the model.
 *
 * @throws {MlflowError} when MLflow does not answer, or refuses
 */
export async function registryState(config: Config): Promise<RegistryState> {
  const versions = await listedVersions(config);
  return {
    production: versions.find(({ stage }) => stage === 'Production') ?? null,
    staging: versions.filter(({ stage }) => stage === 'Staging'),
    newest: versions[0] ?? null,
    versions: versions.length,
  };
}

/**
 * Every version of the model, the newest first.
 *
 * @param limitMs longest time that each question may take (ms)
 * @throws {MlflowError} when MLflow does not answer, or refuses
 */
export async function listedVersions(config: Config, limitMs = LIMIT_MS): Promise<VersionState[]> {
  const list = async (mlflow: Mlflow) =>
    (await mlflow.listVersions(config.registry.registeredModel)).map((version) => ({
      ...stateOf(version),
      url: mlflow.links.versionUrl(version.name, version.version),
    }));
  return await withMlflow(config, list, limitMs);
}

/**
 * The names of the registered models.
 *
 * @throws {MlflowError} when MLflow does not answer, or refuses
 */
export async function listedModels(config: Config, limitMs = LIMIT_MS): Promise<string[]> {
  return await withMlflow(config, (mlflow) => mlflow.listModels(), limitMs);
}

function stateOf({ version, stage, aliases, tags, runId, createdAt }: ModelVersion): Omit<VersionState, 'url'> {
  return { version, stage, aliases, testAuc: testAucOf({ tags }), runId, createdAt: new Date(createdAt).toISOString() };
}
