import type { SearchProgress } from '../contracts/progress.ts';
import type { Params, Trial } from '../contracts/training.ts';
import type { SearchStop } from '../contracts/verdicts.ts';

type Direction = 'maximize' | 'minimize';

/**
 * The bookkeeping of a hyperparameter search. It is a value: each function returns the next one, and it is small
 * enough to be carried through continue-as-new, however long the search is.
 */
export interface Study {
  total: number;
  /** Which scores are better; absent: higher ones. */
  direction?: Direction | undefined;
  /** Trials that were proposed so far; also the number of the next one. */
  proposed: number;
  complete: number;
  failed: number;
  /** Of its beginning (ms since 1970). */
  startedAt: number;
  /** Trials with a score since the best one. */
  sinceBest: number;
  best: Trial | null;
  /** Running trials, and the best and the latest finished ones: what the sampler learns from. */
  trials: Trial[];
}

/** Half of the finished trials that are kept are the best, half the latest. TPE needs no more to propose well. */
const KEPT = 200;

export function createStudy(total: number, direction: Direction = 'maximize', startedAt = 0): Study {
  return { total, direction, proposed: 0, complete: 0, failed: 0, startedAt, sinceBest: 0, best: null, trials: [] };
}

/** How many more trials may be proposed. */
export const remaining = (study: Study): number => study.total - study.proposed;

/** Adds proposals as running trials, numbered in order. */
export function propose(study: Study, proposals: Params[]): Study {
  const added = proposals
    .slice(0, remaining(study))
    .map((params, index): Trial => ({ number: study.proposed + index, params, state: 'running' }));
  return { ...study, proposed: study.proposed + added.length, trials: [...study.trials, ...added] };
}

/** Puts a finished trial in the place of the running one with its number. */
export function finish(study: Study, trial: Trial): Study {
  if (trial.state === 'running') return study;
  if (!study.trials.some(({ number, state }) => number === trial.number && state === 'running')) return study;
  const trials = study.trials.map((other) => (other.number === trial.number ? trial : other));
  const counted = trial.state === 'complete' ? { complete: study.complete + 1 } : { failed: study.failed + 1 };
  const best = better(study, trial);
  const sinceBest = best === study.best ? study.sinceBest + (counted.complete ? 1 : 0) : 0;
  return { ...study, ...counted, best, sinceBest, trials: keep(trials, study.direction) };
}

/**
 * The limit that keeps the trials that are left from beginning; none while no trial has a score.
 *
 * @param limits `timeout` in seconds, `patience` in trials; 0: no limit
 * @param now ms since 1970
 */
export function stopOf(
  { best, startedAt, sinceBest }: Study,
  { timeout, patience }: { timeout: number; patience: number },
  now: number,
): SearchStop | undefined {
  if (!best) return undefined;
  if (timeout > 0 && now - startedAt >= timeout * 1000) return 'timeout';
  return patience > 0 && sinceBest >= patience ? 'patience' : undefined;
}

/** More trials failed than the share of the whole search that may. */
export function tooManyFailed(study: Study, maxFailedShare: number): boolean {
  return study.failed > 0 && study.failed > maxFailedShare * study.total;
}

/** @param metric name of the score; empty: validation AUC */
export function searchProgress(study: Study, running: number, metric: string): SearchProgress {
  const { total, complete, failed, best } = study;
  return {
    total,
    complete,
    failed,
    running,
    metric,
    best: best && { number: best.number, score: best.score as number, params: best.params },
  };
}

function better({ best, direction }: Study, trial: Trial): Trial | null {
  if (trial.state !== 'complete' || trial.score === undefined) return best;
  return best === null || goodness(trial, direction) > goodness(best, direction) ? trial : best;
}

/** The score turned so that more is better; a trial without one is the worst. */
function goodness({ score }: Trial, direction: Direction | undefined): number {
  if (score === undefined) return -Infinity;
  return direction === 'minimize' ? -score : score;
}

function keep(trials: Trial[], direction: Direction | undefined): Trial[] {
  const finished = trials.filter(({ state }) => state !== 'running');
  if (finished.length <= KEPT) return trials;
  const byScore = [...finished].sort((a, b) => goodness(b, direction) - goodness(a, direction));
  const kept = new Set([...byScore.slice(0, KEPT / 2), ...finished.slice(-KEPT / 2)]);
  return trials.filter((trial) => trial.state === 'running' || kept.has(trial));
}
