import { availableParallelism } from 'node:os';
import type { Config } from '../../config.ts';
import { SuggestResult, TrialResult } from '../../contracts/steps.ts';
import type { Params, Space, Trial } from '../../contracts/training.ts';
import { shareOf, type TriedParams } from '../../domain/study.ts';
import type { Mlflow, Run } from '../../systems/mlflow/index.ts';
import { readStepAnswer } from '../../systems/steps/index.ts';
import { merged, runSource, scoreOf } from '../../systems/steps/metrics.ts';
import { leaves } from '../../systems/steps/runs.ts';
import { runStepActivity } from '../lib/step.ts';
import { type Contest, isPruned } from './pruning.ts';
import { scriptTrial } from './scriptTrial.ts';
import { settingsOf, type TrainingSystems } from './systems.ts';
import { numbered, stoppedBy, stringified, type TrialOutcome, type TrialRequest, trialRun } from './trial.ts';

interface RungRequest extends TrialRequest, Contest {
  /** See domain/study.ts. */
  step: number;
}

interface RungResult {
  score: number;
  /** That the step itself took. */
  seconds?: number | null;
  /** Whether the trial ends here. */
  pruned: boolean;
}

export function createTrialActivities({ config: shared, mlflow, store, runner }: TrainingSystems) {
  const trialThreads = Math.max(1, Math.floor(availableParallelism() / shared.worker.slots));

  /** Fits one trial in the warm pool; its run is made meanwhile. */
  const bundledTrial = (config: Config, request: TrialRequest) =>
    runStepActivity(config, numbered(request), async ({ run, beat }) => {
      const { dataset, model, params, seed } = request;
      const datasetDir = await store.fetchDirectory(dataset, { signal: beat.signal });
      const opened = trialRun(mlflow, config, { ...request, startedAt: Date.now() });
      const unopened = new AbortController();
      opened.catch((error: unknown) => unopened.abort(error));
      const stoppable = stoppedBy(runner, unopened.signal);
      const computed = run(stoppable, { datasetDir, model, params, seed, threads: trialThreads });
      // Both are over before anything is told: what was computed in vain holds no slot of the pool.
      const [made, answer] = await Promise.allSettled([opened, computed]);
      if (made.status === 'rejected') throw made.reason;
      const { runId } = made.value;
      try {
        if (answer.status === 'rejected') throw answer.reason;
        const outcome = readStepAnswer('trial', TrialResult, answer.value);
        await Promise.all([
          mlflow.logBatch(runId, { params: stringified(params), metrics: outcome.metrics }),
          mlflow.updateRun(runId, { status: 'FINISHED', endTime: Date.now() }),
        ]);
        return { ...outcome, runId };
      } catch (error) {
        const status = beat.signal.aborted ? 'KILLED' : 'FAILED';
        await mlflow.updateRun(runId, { status, endTime: Date.now() }).catch(() => undefined);
        throw error;
      }
    });

  /** Fits a bundled trial on some of the rows, and asks Optuna whether it goes on. */
  const rungOfTrial = (config: Config, request: RungRequest) =>
    runStepActivity(config, numbered(request), async ({ run, beat }) => {
      const { dataset, model, number, params, seed, step, pruner, direction, trials } = request;
      const datasetDir = await store.fetchDirectory(dataset, { signal: beat.signal });
      const input = { datasetDir, model, params, seed, threads: trialThreads, share: shareOf(step) };
      const { score, metrics } = readStepAnswer('trial', TrialResult, await run(runner, input));
      const reports = [...(trials.find((trial) => trial.number === number)?.reports ?? []), { step, score }];
      const contest = { pruner, direction, trials };
      const pruned = await isPruned(runner, run, { contest, number, reports });
      return { score, seconds: metrics.trial_seconds ?? null, pruned };
    });

  return {
    /** Asks the sampler for parameters to try next, given the trials so far. */
    proposeTrials: (request: {
      registeredModel?: string;
      model: string;
      sampler: string;
      space: Space | null;
      warmStart?: number;
      seed: number;
      count: number;
      rows?: number | null;
      direction?: 'maximize' | 'minimize' | undefined;
      trials: TriedParams[];
    }): Promise<Params[]> => {
      const { registeredModel, direction = 'maximize', warmStart = 0, ...wanted } = request;
      const config = settingsOf(shared, registeredModel);
      return runStepActivity(config, 'suggest', async ({ run, beat }) => {
        const first = await paramsOfVersions(mlflow, config, warmStart, beat.signal);
        return readStepAnswer('suggest', SuggestResult, await run(runner, { ...wanted, direction, first })).params;
      });
    },

    /** Judges a trial by a fit on some of the rows. Only a trial that ends has a run. */
    runRung: (request: RungRequest): Promise<RungResult> =>
      rungOfTrial(settingsOf(shared, request.registeredModel), request),

    /** Tries one set of parameters and scores it; it is a run nested in the search's run. */
    runTrial: (request: TrialRequest): Promise<TrialOutcome> => {
      const config = settingsOf(shared, request.registeredModel);
      if (!config.steps.trial.command) return bundledTrial(config, request);
      return scriptTrial({ config, mlflow, store, runner, threads: trialThreads }, request);
    },
  };
}

/** Parameters of the latest versions whose run shows some, the newest first. */
async function paramsOfVersions(mlflow: Mlflow, config: Config, count: number, signal: AbortSignal): Promise<Params[]> {
  if (count === 0) return [];
  const versions = await mlflow.listVersions(config.registry.registeredModel, { signal });
  const runs = await Promise.all(
    versions.slice(0, count).map(({ runId }) => (runId ? mlflow.getRun(runId, { signal }) : undefined)),
  );
  return runs.flatMap((run) => (run ? [searched(config, readParams(run.params))] : []));
}

/** Trials that are handed on, at most: half of them the best, half the latest. */
const KEPT = 200;

/** The trials among the runs that a search has opened, numbered as they began. */
export const trialsOf = (config: Config, runs: readonly Run[]): Trial[] => asTrials(config, leaves(runs));

/** Runs as trials, whether they are or hold others that are. */
export function asTrials(config: Config, runs: readonly Run[]): Trial[] {
  const { metric } = config.search;
  const { outputs } = config.steps.search;
  return runs.map((run, number): Trial => {
    const params = searched(config, readParams(run.params));
    const common = { number, params, runId: run.runId };
    if (run.status === 'RUNNING' || run.status === 'SCHEDULED') return { ...common, state: 'running' };
    const score = scoreOf(merged([runSource(run)], outputs.metrics), metric);
    const seconds = run.endTime === undefined ? {} : { seconds: (run.endTime - run.startTime) / 1000 };
    if (wasPruned(run)) return { ...common, ...seconds, state: 'pruned' };
    if (run.status === 'FINISHED' && typeof score === 'number')
      return { ...common, ...seconds, state: 'complete', score, metrics: { [metric || 'score']: score } };
    const error = score === null ? 'its score is NaN' : `its run ${run.status.toLowerCase()} without a score`;
    return { ...common, ...seconds, state: 'failed', error };
  });
}

/** Whether a search pruned the trial of a run itself, as Optuna's callback for MLflow says. */
const wasPruned = ({ tags }: Run) => tags.state === 'PRUNED';

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
function searched({ search: { space } }: Config, params: Params): Params {
  if (!space) return params;
  return Object.fromEntries(
    Object.keys(space).flatMap((name) => {
      const value = params[name] ?? params[name.replaceAll('-', '_')];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
