import type { SearchProgress } from '../contracts/progress.ts';
import { FoundByTrial, type Params, type Trial, type TrialReport } from '../contracts/training.ts';
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
  pruned: number;
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
/** A bundled trial may be judged after its fits on these parts of the training rows. */
const PARTS = { all: 9, first: [1, 3] } as const;
/** Fewer rows rank parameters no better than chance, and are fitted as fast as judged. */
const LEAST_ROWS = 2_000;

/** Steps of a bundled trial before it is fitted on all rows, each in ninths of the rows; of few rows, none. */
export const rungsOf = (rows: number | null | undefined): number[] =>
  (rows ?? 0) >= LEAST_ROWS * PARTS.all ? [...PARTS.first] : [];

/** The share of the rows at a step, and the step of all rows. */
export const shareOf = (step: number): number => step / PARTS.all;
export const LAST_STEP = PARTS.all;

export function createStudy(total: number, direction: Direction = 'maximize', startedAt = 0): Study {
  return {
    total,
    direction,
    proposed: 0,
    complete: 0,
    failed: 0,
    pruned: 0,
    startedAt,
    sinceBest: 0,
    best: null,
    trials: [],
  };
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

/** Adds scores that a running trial has reported. */
export function report(study: Study, wanted: number, ...more: TrialReport[]): Study {
  const trials = study.trials.map((trial) => {
    const { number, state, reports = [] } = trial;
    if (number !== wanted || state !== 'running' || more.length === 0) return trial;
    return { ...trial, reports: [...reports, ...more] };
  });
  return { ...study, trials };
}

/** Adds the MLflow run of a trial that has ended. */
export const withRun = (study: Study, wanted: number, runId: string): Study => ({
  ...study,
  trials: study.trials.map((trial) => (trial.number === wanted ? { ...trial, runId } : trial)),
});

/**
 * Scores of a script, in their order, as what it has reported. Of many, ever fewer are kept: the same of each trial, and
 * about forty of a million.
 */
export function reportsOf(scores: readonly (number | null)[]): TrialReport[] {
  const part = (step: number) => Math.floor(Math.log(step) / Math.log(1.4));
  return scores.flatMap((score, index) => {
    const step = index + 1;
    const isKept = index === 0 || part(step) > part(index);
    return score === null || !isKept ? [] : [{ step, score }];
  });
}

/** Whether a complete trial has reported more than this one, so that it may have some way to go. */
export function canGoOn(trials: readonly Pick<Trial, 'state' | 'reports'>[], reports: readonly TrialReport[]): boolean {
  const lengths = trials.flatMap(({ state, reports: of = [] }) => (state === 'complete' ? [of.at(-1)?.step ?? 0] : []));
  return Math.max(0, ...lengths) > (reports.at(-1)?.step ?? 0);
}

/** The fields of a trial that the sampler learns from; each proposal records them in the history. */
export type TriedParams = Pick<Trial, 'number' | 'params' | 'state' | 'score' | 'reports'>;
export const tried = ({ trials }: Study): TriedParams[] =>
  trials.map(({ number, params, state, score, reports }) => ({
    ...{ number, params, state, score },
    ...(reports && { reports }),
  }));

/** Trials that a running one is compared with. Beside the latest, a long study keeps only good ones. */
export const comparable = ({ trials }: Study): Pick<Trial, 'number' | 'state' | 'reports'>[] =>
  trials
    .filter(({ state, reports }) => state === 'running' || reports)
    .slice(-KEPT / 2)
    .map(({ number, state, reports }) => ({ number, state, ...(reports && { reports }) }));

/** Puts a finished trial in the place of the running one with its number. */
export function finish(study: Study, trial: Trial): Study {
  if (trial.state === 'running') return study;
  const running = study.trials.find(({ number, state }) => number === trial.number && state === 'running');
  if (!running) return study;
  const finished = { ...trial, ...(running.reports && { reports: running.reports }) };
  const trials = study.trials.map((other) => (other === running ? finished : other));
  const counted = { [trial.state]: study[trial.state] + 1 };
  const best = better(study, finished);
  // A pruned trial was no better; of a failed one nobody knows.
  const sinceBest = best === study.best ? study.sinceBest + (trial.state === 'failed' ? 0 : 1) : 0;
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

/** What the final fit need not find again, as the bundled trial counts it; null where a trial tells nothing of the kind. */
export function foundBy(trial: Trial | undefined): FoundByTrial | null {
  const { iterations, threshold = null } = trial?.metrics ?? {};
  return FoundByTrial.safeParse({ iterations, threshold }).data ?? null;
}

/** More trials failed than the share of the whole search that may. */
export function tooManyFailed(study: Study, maxFailedShare: number): boolean {
  return study.failed > 0 && study.failed > maxFailedShare * study.total;
}

/** @param metric name of the score; empty: validation AUC */
export function searchProgress(study: Study, running: number, metric: string): SearchProgress {
  const { total, complete, pruned, failed, best } = study;
  return {
    total,
    complete,
    pruned,
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
