import type { Config } from '../../config.ts';
import { starterOf, TAGS } from '../../contracts/names.ts';
import type { RegistryStage } from '../../contracts/registry.ts';
import type { Metrics, NamedScore } from '../../contracts/training.ts';
import { firstScore } from '../../domain/firstScore.ts';
import { productionOf } from '../../domain/registryMoves.ts';
import type { Mlflow, ModelVersion } from '../../systems/mlflow/index.ts';
import { didYouMean } from '../../words/suggest.ts';
import { CommandError, EXIT } from '../exit.ts';
import { askMlflow } from '../session.ts';

/** A version as a reader of the status sees it. */
export interface VersionState {
  version: string;
  stage: RegistryStage;
  aliases: string[];
  /** The score that it is known by, as it was when the version was registered. */
  score: NamedScore | null;
  /** The same, where it is the area under the ROC curve on the test split. */
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
 * @throws {CommandError} when MLflow does not answer, or refuses
 */
export async function registryState(config: Config): Promise<RegistryState> {
  const versions = await listedVersions(config);
  return {
    production: productionOf(versions) ?? null,
    staging: versions.filter(({ stage }) => stage === 'Staging'),
    newest: versions[0] ?? null,
    versions: versions.length,
  };
}

/**
 * Every version of the model, the newest first.
 *
 * @param limitMs longest time that each question may take (ms)
 * @throws {CommandError} when MLflow does not answer, or refuses
 */
export async function listedVersions(config: Config, limitMs = LIMIT_MS): Promise<VersionState[]> {
  const list = async (mlflow: Mlflow) =>
    (await mlflow.listVersions(config.registry.registeredModel)).map((version) => ({
      version: version.version,
      stage: version.stage,
      aliases: version.aliases,
      ...scoresOf(version, config),
      runId: version.runId,
      createdAt: new Date(version.createdAt).toISOString(),
      url: mlflow.links.versionUrl(version.name, version.version),
    }));
  return await askMlflow(config, list, limitMs);
}

const STAGES = ['Production', 'Staging', 'Archived'] as const;
/** Versions that a message names. */
const NAMED = 5;

/**
 * The version that a person means: by its number, an alias (`champion`, `@champion`), a stage (`production`), the word
 * `newest`, or the id of the retrain that made it.
 *
 * @param versions all versions of the model with their aliases, newest first
 * @throws {CommandError} when it is none of these, with the newest versions
 */
export function resolveVersion(
  registeredModel: string,
  versions: readonly ModelVersion[],
  reference: string,
): ModelVersion {
  if (reference.trim() === '') {
    const message = `No version of ${registeredModel} is named: the argument is empty, as it is from an empty variable.`;
    throw new CommandError(EXIT.usage, `${message} ${known(versions, reference)}`);
  }
  const found = find(versions, reference);
  if (found) return found;
  throw new CommandError(EXIT.usage, `${registeredModel} has no version "${reference}". ${known(versions, reference)}`);
}

function find(versions: readonly ModelVersion[], reference: string): ModelVersion | undefined {
  if (/^\d+$/.test(reference)) return versions.find(({ version }) => Number(version) === Number(reference));
  const alias = reference.replace(/^@/, '');
  const stage = STAGES.find((name) => name.toLowerCase() === reference.toLowerCase());
  return (
    versions.find(({ aliases }) => aliases.includes(alias)) ??
    // Of several in Production, the champion; of several in another stage, the newest.
    (stage === 'Production' ? productionOf(versions) : undefined) ??
    (stage && versions.find((version) => version.stage === stage)) ??
    (reference === 'newest' ? versions[0] : undefined) ??
    versions.find(({ tags }) => {
      const madeBy = tags[TAGS.workflowId];
      return madeBy !== undefined && starterOf(madeBy) === starterOf(reference);
    })
  );
}

function known(versions: readonly ModelVersion[], reference: string): string {
  if (versions.length === 0) return 'It has no version yet: a retrain makes the first ("mediwatch retrain --follow").';
  const newest = versions.slice(0, NAMED).map(({ version, aliases }) => {
    return aliases.length > 0 ? `${version} (${aliases.join(', ')})` : version;
  });
  const names = [...new Set(versions.flatMap(({ aliases }) => aliases)), 'production', 'staging', 'newest'];
  const more = versions.length > NAMED ? `, and ${versions.length - NAMED} earlier` : '';
  return `It has ${newest.join(', ')}${more}; the id of a retrain that made one does too${didYouMean(reference, names)}`;
}

/** The score that a version is known by, and its test AUC if that is it; null: none was recorded. */
export function scoresOf(
  { tags }: Pick<ModelVersion, 'tags'>,
  { promotion }: Pick<Config, 'promotion'>,
  metrics: Metrics = {},
): { score: NamedScore | null; testAuc: number | null } {
  const score = firstScore({ ...tags, ...metrics }, promotion.rules);
  return { score, testAuc: score?.metric === TAGS.testAuc ? score.value : null };
}
