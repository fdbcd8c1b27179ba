import { TAGS } from '../../contracts/names.ts';
import type { Params } from '../../contracts/training.ts';
import { isMissing } from '../mlflow/errors.ts';
import { quoted, tagIs } from '../mlflow/filter.ts';
import type { Mlflow, ModelVersion, Run } from '../mlflow/index.ts';
import { noResult } from './errors.ts';

/** Experiments that one search of runs names. */
const EXPERIMENTS = 200;
const PARENT = 'mlflow.parentRunId';

/**
 * The runs that the script of a step opened itself, in whatever experiment, oldest first: MLflow's client has put the
 * key of the step on each (MLFLOW_RUN_CONTEXT).
 */
export async function taggedRuns(mlflow: Mlflow, key: string, signal?: AbortSignal): Promise<Run[]> {
  return await everywhere(mlflow, tagIs(TAGS.step, key), signal);
}

interface Window {
  /** Unix time (ms). */
  startedAt: number;
  endedAt: number;
  /** Parameters that the script was given: the run that logged them is its own. */
  params: Params;
}

/**
 * Runs that nobody claims and that began and ended while the step ran, oldest first: those of a script that calls
 * MLflow's REST client, which puts no tags on them.
 *
 * @throws {StepProblem} when runs of several scripts overlap and their parameters do not tell them apart
 */
export async function unclaimedRuns(mlflow: Mlflow, window: Window, signal?: AbortSignal): Promise<Run[]> {
  const { startedAt, endedAt, params } = window;
  const begun = await everywhere(
    mlflow,
    `attributes.start_time >= ${startedAt} and attributes.start_time <= ${endedAt}`,
    signal,
  );
  const own = begun.filter(({ tags, status }) => !tags[TAGS.key] && !tags[TAGS.step] && status !== 'RUNNING');
  const matching = own.filter((run) => agrees(run, params) === true);
  // One that logged other values is of another script, even where this one has none.
  const candidates = matching.length > 0 ? matching : own.filter((run) => agrees(run, params) === undefined);
  const ids = new Set(candidates.map(({ runId }) => runId));
  const roots = candidates.filter(({ tags }) => !ids.has(tags[PARENT] ?? ''));
  const overlap = roots.some((run, at) => at > 0 && run.startTime < (roots[at - 1]?.endTime ?? 0));
  if (overlap) throw noResult.ambiguousRuns(roots);
  return candidates;
}

/** The runs of a script, without those that only hold others. */
export function leaves(runs: readonly Run[]): Run[] {
  const parents = new Set(runs.map(({ tags }) => tags[PARENT]));
  return runs.filter(({ runId }) => !parents.has(runId));
}

async function everywhere(mlflow: Mlflow, filter: string, signal?: AbortSignal): Promise<Run[]> {
  const ids = await mlflow.experimentIds({ signal });
  const runs: Run[] = [];
  for (let from = 0; from < ids.length; from += EXPERIMENTS) {
    const some = ids.slice(from, from + EXPERIMENTS);
    runs.push(...(await mlflow.searchRuns(some, filter, { maxResults: 10_000, signal })));
  }
  return runs.sort((a, b) => a.startTime - b.startTime || (a.runId < b.runId ? -1 : 1));
}

/** Whether the run logged the parameters that were given with the same values; undefined when it logged none of them. */
function agrees(run: Run, params: Params): boolean | undefined {
  const known = Object.entries(params).flatMap(([name, value]) => {
    const text = run.params[name] ?? run.params[name.replaceAll('-', '_')];
    return text === undefined ? [] : [isSame(text, value)];
  });
  return known.length > 0 ? known.every(Boolean) : undefined;
}

/** Python writes True and None. */
function isSame(text: string, value: Params[string]): boolean {
  if (value === null) return text === 'None' || text === 'null';
  return text.toLowerCase() === String(value).toLowerCase() || Number(text) === Number(value);
}

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
