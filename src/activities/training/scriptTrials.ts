import type { Config } from '../../config.ts';
import type { Params, Trial } from '../../contracts/training.ts';
import type { Run } from '../../systems/mlflow/index.ts';
import { merged, runSource, scoreOf } from '../../systems/steps/metrics.ts';
import { leaves } from '../../systems/steps/runs.ts';

/** Trials that are handed on, at most: half of them the best, half the latest. */
const KEPT = 200;

/** The runs that a search has opened, as its trials, numbered as they began. */
export function trialsOf(config: Config, runs: readonly Run[]): Trial[] {
  const { metric } = config.search;
  const { outputs } = config.steps.search;
  return leaves(runs).map((run, number): Trial => {
    const params = searched(config, readParams(run.params));
    const common = { number, params, runId: run.runId };
    if (run.status === 'RUNNING' || run.status === 'SCHEDULED') return { ...common, state: 'running' };
    const score = scoreOf(merged([runSource(run)], outputs.metrics), metric);
    const seconds = run.endTime === undefined ? {} : { seconds: (run.endTime - run.startTime) / 1000 };
    return run.status === 'FINISHED' && score !== undefined
      ? { ...common, ...seconds, state: 'complete', score, metrics: { [metric || 'score']: score } }
      : { ...common, ...seconds, state: 'failed', error: `its run ${run.status.toLowerCase()} without a score` };
  });
}

/** The best of the trials; null when none is complete. */
export function bestOf(trials: readonly Trial[], direction: 'maximize' | 'minimize'): Trial | null {
  const sign = direction === 'maximize' ? 1 : -1;
  const complete = trials.filter(({ state }) => state === 'complete');
  return complete.toSorted((a, b) => sign * ((b.score ?? 0) - (a.score ?? 0)))[0] ?? null;
}

/** The best and the latest trials, few enough to travel in one message. */
export function kept(trials: readonly Trial[], direction: 'maximize' | 'minimize'): Trial[] {
  if (trials.length <= KEPT) return [...trials];
  const sign = direction === 'maximize' ? 1 : -1;
  const worst = -sign * Number.MAX_VALUE;
  const byScore = trials.toSorted((a, b) => sign * ((b.score ?? worst) - (a.score ?? worst)));
  const some = new Set([...byScore.slice(0, KEPT / 2), ...trials.slice(-KEPT / 2)]);
  return trials.filter((trial) => some.has(trial));
}

/** MLflow keeps parameters as the texts that Python writes. */
export function readParams(params: Readonly<Record<string, string>>): Params {
  return Object.fromEntries(Object.entries(params).map(([name, text]) => [name, readValue(text)]));
}

function readValue(text: string): Params[string] {
  if (text === 'True' || text === 'False') return text === 'True';
  if (text === 'None') return null;
  const isNumber = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text);
  const value = Number(text);
  // An identifier of many digits would lose some as a number.
  const keeps = !/^[+-]?\d+$/.test(text) || (Number.isSafeInteger(value) && String(value) === text);
  return isNumber && keeps ? value : text;
}

/** Those of the search space, where there is one: a script logs more than what it searched for. */
export function searched({ search: { space } }: Config, params: Params): Params {
  if (!space) return params;
  return Object.fromEntries(
    Object.keys(space).flatMap((name) => {
      const value = params[name] ?? params[name.replaceAll('-', '_')];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
