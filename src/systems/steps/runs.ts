import { TAGS } from '../../contracts/names.ts';
import type { Params } from '../../contracts/training.ts';
import { isMissing } from '../mlflow/errors.ts';
import { quoted, tagIs } from '../mlflow/filter.ts';
import type { Mlflow, ModelVersion, Run } from '../mlflow/index.ts';
import { noResult } from './errors.ts';
import type { CommandSettings } from './step.ts';

/** Experiments that one search of runs names. */
const EXPERIMENTS = 200;
/** MLflow's tag of the run that a run is nested in. */
export const PARENT = 'mlflow.parentRunId';

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

/**
 * The runs of a search that are its trials: those that hold no others, as their parent, or as the run of another script
 * that began before and ended after all of them.
 */
export function leaves(runs: readonly Run[]): Run[] {
  const parents = new Set(runs.map(({ tags }) => tags[PARENT]));
  const lowest = runs.filter(({ runId }) => !parents.has(runId));
  return lowest.filter((run) => {
    const others = lowest.filter((other) => other !== run);
    return others.length === 0 || !others.every((other) => encloses(run, other));
  });
}

const SCRIPT = 'mlflow.source.name';

function encloses(outer: Run, inner: Run): boolean {
  const isEmpty = outer.status === 'FINISHED' && Object.keys(outer.metrics).length === 0;
  const isOther = isEmpty || outer.tags[SCRIPT] !== inner.tags[SCRIPT];
  return isOther && outer.startTime <= inner.startTime && endOf(outer) > endOf(inner);
}

const endOf = ({ endTime = Number.POSITIVE_INFINITY }: Run) => endTime;

/** A run with those above it and those below it. */
export function kinOf(run: Run, runs: readonly Run[]): Run[] {
  const above = (one: Run): Run[] => {
    const parent = runs.find(({ runId }) => runId === one.tags[PARENT]);
    return parent ? [parent, ...above(parent)] : [];
  };
  return [run, ...above(run), ...runs.filter((other) => above(other).includes(run))];
}

/**
 * The run of several that counts: the one that `outputs.run` names, else the only one, or the one above all others.
 *
 * @param runs those that have what is looked for
 * @throws {StepProblem} when it cannot be told
 */
export function countingRun(runs: readonly Run[], { name, outputs }: CommandSettings): Run | undefined {
  const named = outputs.run === undefined ? runs : namedRuns(runs, outputs.run);
  const [first, ...others] = named;
  if (!first) {
    if (outputs.run === undefined || runs.length === 0) return undefined;
    throw noResult.noSuchRun(name, outputs.run, runs);
  }
  if (others.length === 0) return first;
  const top = named.find((run) => kinOf(run, named).length === named.length && !named.some(isParentOf(run)));
  if (top) return top;
  throw noResult.severalRuns(name, named);
}

const isParentOf =
  (run: Run) =>
  ({ runId }: Run) =>
    runId === run.tags[PARENT];

function namedRuns(runs: readonly Run[], wanted: string): Run[] {
  if (wanted !== 'last') return runs.filter(({ name }) => name === wanted);
  const last = runs.toSorted((a, b) => b.startTime - a.startTime)[0];
  return last ? [last] : [];
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

/**
 * The model that the runs have logged: a logged model of MLflow 3, or files in a run as MLflow 2 keeps them.
 *
 * @throws {StepProblem} when there are several, and the settings do not say which of them counts
 */
export async function loggedModel(
  mlflow: Mlflow,
  runs: readonly Run[],
  settings: CommandSettings,
  signal?: AbortSignal,
): Promise<FoundModel | null> {
  const found = new Map<Run, FoundModel>();
  for (const run of runs) {
    const model = await modelIn(mlflow, run, settings, signal);
    if (model) found.set(run, model);
  }
  const run = countingRun([...found.keys()], settings);
  return (run && found.get(run)) ?? null;
}

async function modelIn(
  mlflow: Mlflow,
  { runId, experimentId, artifactUri }: Run,
  settings: CommandSettings,
  signal?: AbortSignal,
): Promise<FoundModel | null> {
  const { model: name } = settings.outputs;
  const models = (await mlflow.loggedModels({ experimentId, runId }, { signal })).filter(({ ready }) => ready);
  // Of several with one name, such as checkpoints, the newest is meant.
  const model = models.find((other) => other.name === name) ?? models[0];
  const names = [...new Set(models.map((other) => other.name))];
  if (model && model.name !== name && names.length > 1) throw noResult.severalModels(settings.name, runId, names);
  if (model) return { runId, uri: `models:/${model.modelId}`, modelId: model.modelId };
  const files = await mlflow.listArtifacts(runId, name, { signal }).catch(noneIfMissing);
  const isThere = files.some(({ path }) => path === `${name}/MLmodel`);
  return isThere ? { runId, uri: `${artifactUri}/${name}`, modelId: null } : null;
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

/** The versions, of whatever model, that the runs have registered; without aliases. */
export async function versionsOfRuns(
  mlflow: Mlflow,
  runs: readonly Run[],
  signal?: AbortSignal,
): Promise<ModelVersion[]> {
  const found = [];
  for (const { runId } of runs) found.push(...(await mlflow.searchVersions(`run_id = ${quoted(runId)}`, { signal })));
  return found;
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
