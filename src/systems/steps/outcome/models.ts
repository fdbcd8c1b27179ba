import { TAGS } from '../../../contracts/names.ts';
import { isMissing } from '../../mlflow/errors.ts';
import { quoted } from '../../mlflow/filter.ts';
import type { Mlflow, ModelVersion, Run } from '../../mlflow/index.ts';

/** A model that a run has logged and nobody has registered. */
export interface FoundModel {
  runId: string;
  uri: string;
  modelId: string | null;
}

/** The model of the first run that has one: a logged model of MLflow 3, or files in the run as MLflow 2 keeps them. */
export async function loggedModel(
  mlflow: Mlflow,
  runs: readonly Run[],
  name: string,
  signal?: AbortSignal,
): Promise<FoundModel | null> {
  for (const { runId, experimentId, artifactUri } of runs) {
    const models = (await mlflow.loggedModels({ experimentId, runId }, { signal })).filter(({ ready }) => ready);
    const model = models.find((other) => other.name === name) ?? models[0];
    if (model) return { runId, uri: `models:/${model.modelId}`, modelId: model.modelId };
    const files = await mlflow.listArtifacts(runId, name, { signal }).catch(noneIfMissing);
    if (files.some(({ path }) => path === `${name}/MLmodel`)) {
      return { runId, uri: `${artifactUri}/${name}`, modelId: null };
    }
  }
  return null;
}

interface Registered {
  registeredModel: string;
  /** Highest version before the step began. */
  after: number;
  /** Runs that are known to be of the step. */
  runIds: readonly string[];
}

/** Versions that the runs of a step have registered, newest first; nobody has claimed them. */
export async function registeredByRuns(
  mlflow: Mlflow,
  { registeredModel, after, runIds }: Registered,
  signal?: AbortSignal,
): Promise<ModelVersion[]> {
  return (await newVersions(mlflow, registeredModel, after, signal)).filter(({ runId }) => runIds.includes(runId));
}

/** The newest version that was registered during a step and of which no run of another step is known. */
export async function registeredMeanwhile(
  mlflow: Mlflow,
  { registeredModel, after, runIds }: Registered,
  signal?: AbortSignal,
): Promise<ModelVersion | undefined> {
  for (const version of await newVersions(mlflow, registeredModel, after, signal)) {
    if (version.runId === '' || runIds.includes(version.runId)) return version;
    const tags = (await mlflow.getRun(version.runId, { signal }))?.tags ?? {};
    if (!tags[TAGS.step] && !tags[TAGS.key]) return version;
  }
  return undefined;
}

/** The highest number of the model's versions; 0 when it has none. */
export async function highestVersion(mlflow: Mlflow, registeredModel: string, signal?: AbortSignal): Promise<number> {
  const versions = await mlflow.searchVersions(`name = ${quoted(registeredModel)}`, { signal });
  return Math.max(0, ...versions.map(({ version }) => Number(version)));
}

async function newVersions(mlflow: Mlflow, name: string, after: number, signal?: AbortSignal) {
  const versions = await mlflow.searchVersions(`name = ${quoted(name)}`, { signal });
  return versions.filter(({ version, tags }) => Number(version) > after && !tags[TAGS.key]);
}

function noneIfMissing(error: unknown): [] {
  if (isMissing(error)) return [];
  throw error;
}
