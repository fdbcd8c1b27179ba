import { TAGS } from '../../../contracts/names.ts';
import type { Params } from '../../../contracts/training.ts';
import { tagIs } from '../../mlflow/filter.ts';
import type { Mlflow, Run } from '../../mlflow/index.ts';
import { stepFailed } from '../errors.ts';

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
 * @throws {StepError} when runs of several scripts overlap and their parameters do not tell them apart
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
  if (overlap) {
    const names = roots.map(({ name, runId }) => `${name} (${runId})`).join(', ');
    throw stepFailed(
      `Several MLflow runs were made at the same time and it cannot be told which is of this step: ${names}. ` +
        'Let the script open its run with mlflow.start_run, set slots: 1 for the step, or set its outputs.',
    );
  }
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
