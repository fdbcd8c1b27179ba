import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../../config.ts';
import { JudgeResult } from '../../contracts/steps.ts';
import type { Metrics, Trial, TrialReport } from '../../contracts/training.ts';
import { canGoOn, reportsOf } from '../../domain/study.ts';
import type { Mlflow, Run } from '../../systems/mlflow/index.ts';
import { readStepAnswer, type StepRunner } from '../../systems/steps/index.ts';
import { merged, scoreName, scoreOf } from '../../systems/steps/metrics.ts';
import { taggedRuns } from '../../systems/steps/runs.ts';

/** What a running trial is compared with, and how. */
export interface Contest {
  pruner: 'median' | 'asha' | 'hyperband';
  direction: 'maximize' | 'minimize';
  /** Trials so far, the running one among them. */
  trials: Pick<Trial, 'number' | 'state' | 'reports'>[];
}

/** Asks Optuna whether the trial ends, by the last of its reports. */
export async function isPruned(
  runner: StepRunner,
  run: (runner: StepRunner, input: object) => Promise<unknown>,
  { contest, number, reports }: { contest: Contest; number: number; reports: readonly TrialReport[] },
): Promise<boolean> {
  const { pruner, direction, trials } = contest;
  // Its log is that of the trial, which goes on.
  const judge: StepRunner = { run: ({ origin: _, ...call }) => runner.run({ ...call, step: 'judge' }) };
  const judged = trials.map((trial) => (trial.number === number ? { ...trial, reports: [...reports] } : trial));
  const answer = await run(judge, { pruner, direction, number, trials: judged });
  return readStepAnswer('judge', JudgeResult, answer).prune;
}

/** The scores of one script, as it tells them while it runs. */
export interface Scores {
  /** Adds the numbers of a line that it printed. */
  printed(metrics: Metrics): void;
  /** All scores so far, thinned out: those that it printed, or else those that its only run with this metric holds. */
  reports(signal: AbortSignal): Promise<TrialReport[]>;
}

/**
 * @param key of the step: it is on every run that the script opens
 * @param openedRun the run that was opened for it; undefined: it has not begun
 */
export function scoresOf(
  mlflow: Mlflow,
  { search, steps }: Config,
  key: string,
  openedRun: () => Run | undefined,
): Scores {
  const mapping = steps.trial.outputs.metrics;
  const lines: (number | null)[] = [];

  async function logged(signal: AbortSignal): Promise<(number | null)[]> {
    const opened = openedRun();
    // It has not begun.
    if (!opened) return [];
    const own = await mlflow.getRun(opened.runId, { signal });
    const runs = [...(own ? [own] : []), ...(await taggedRuns(mlflow, key, signal))];
    const found = new Map(
      runs.flatMap(({ runId, metrics }) => {
        const metric = metricIn(metrics);
        return metric === undefined ? [] : [[runId, metric] as const];
      }),
    );
    // Of several runs, such as one for each fold, nobody knows which is to be followed.
    const [only, ...others] = found;
    return only && others.length === 0 ? await mlflow.metricHistory(...only, { signal }) : [];
  }

  /** What the script calls the score. */
  function metricIn(metrics: Metrics): string | undefined {
    const renamed = mapping[search.metric || 'score'];
    return renamed !== undefined && metrics[renamed] !== undefined ? renamed : scoreName(metrics, search.metric);
  }

  return {
    printed(metrics) {
      const score = scoreOf(merged([{ name: 'its output', metrics }], mapping), search.metric);
      if (score !== undefined) lines.push(score);
    },
    reports: async (signal) => reportsOf(lines.length > 0 ? lines : await logged(signal)),
  };
}

interface Judging {
  /** Absent: it is not judged. */
  contest: Contest | null | undefined;
  scores: Scores;
  judge(contest: Contest, reports: TrialReport[]): Promise<boolean>;
}

type Ended<Result> =
  | { pruned?: undefined; result: Result }
  /** What it was ended for, last of all that it had told. */
  | { pruned: TrialReport; reports: TrialReport[] };

/** Lets a command run to its end, or until it is pruned; then its signal aborts, and it is waited for. */
export async function untilPruned<Result>(
  start: (stop: AbortSignal) => Promise<Result>,
  judging: Judging,
): Promise<Ended<Result>> {
  const [stop, ended] = [new AbortController(), new AbortController()];
  const watched = whenPruned(judging, ended.signal).then((reports) => {
    if (reports) stop.abort();
    return reports;
  });
  try {
    return { result: await start(stop.signal) };
  } catch (error) {
    const reports = stop.signal.aborted ? await watched : undefined;
    const pruned = reports?.at(-1);
    if (!reports || !pruned) throw error;
    return { pruned, reports };
  } finally {
    ended.abort();
    await watched;
  }
}

/** A look at the runs of a script costs MLflow several requests: the longer it runs, the fewer they are (ms). */
const PAUSES = { first: 2_000, factor: 1.25, longest: 15_000 };

/** Looks at the scores until the signal aborts, or until they are those of a trial that is pruned, and gives these. */
async function whenPruned(
  { contest, scores, judge }: Judging,
  signal: AbortSignal,
): Promise<TrialReport[] | undefined> {
  if (!contest) return undefined;
  let judged = 0;
  for (let pause = PAUSES.first; ; pause = Math.min(pause * PAUSES.factor, PAUSES.longest)) {
    await delay(pause, undefined, { signal }).catch(() => undefined);
    // A look that fails is no harm, as the next one sees all; nor is a question that nobody answers: the trial goes on.
    const reports = await scores.reports(signal).catch(() => []);
    for (; judged < reports.length && !signal.aborted; judged += 1) {
      const until = reports.slice(0, judged + 1);
      if (canGoOn(contest.trials, until) && (await judge(contest, until).catch(() => false))) return until;
    }
    if (signal.aborted) return undefined;
  }
}
