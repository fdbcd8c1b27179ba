import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../../config.ts';
import { JudgeResult } from '../../contracts/steps.ts';
import type { Metrics, Trial, TrialReport } from '../../contracts/training.ts';
import { canGoOn, reportsOf } from '../../domain/study.ts';
import type { Mlflow } from '../../systems/mlflow/index.ts';
import { readStepAnswer, type StepRunner } from '../../systems/steps/index.ts';
import { merged, scoreOf } from '../../systems/steps/metrics.ts';
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
  const judge: StepRunner = { run: (call) => runner.run({ ...call, step: 'judge' }) };
  const judged = trials.map((trial) => (trial.number === number ? { ...trial, reports: [...reports] } : trial));
  const answer = await run(judge, { pruner, direction, number, trials: judged });
  return readStepAnswer('judge', JudgeResult, answer).prune;
}

/** The scores of one script, as it tells them while it runs. */
export interface Scores {
  /** Adds the numbers of a line that it printed. */
  printed(metrics: Metrics): void;
  /** Says which run was opened for it. */
  opened(runId: string): void;
  /** All scores so far, thinned out: those that it printed, or else those that its only run with this metric holds. */
  reports(signal: AbortSignal): Promise<TrialReport[]>;
}

/** @param key of the step: it is on every run that the script opens */
export function scoresOf(mlflow: Mlflow, { search, steps }: Config, key: string): Scores {
  const mapping = steps.trial.outputs.metrics;
  const lines: (number | null)[] = [];
  let given: string | undefined;

  async function logged(signal: AbortSignal): Promise<(number | null)[]> {
    const own = given === undefined ? undefined : await mlflow.getRun(given, { signal });
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
    const name = search.metric || 'score';
    const names = Object.keys(metrics);
    const known = [mapping[name], name].find((one) => one !== undefined && names.includes(one));
    return known ?? (search.metric === '' && names.length === 1 ? names[0] : undefined);
  }

  return {
    printed(metrics) {
      const score = scoreOf(merged([{ name: 'its output', metrics }], mapping), search.metric);
      if (score !== undefined) lines.push(score);
    },
    opened(runId) {
      given = runId;
    },
    reports: async (signal) => reportsOf(lines.length > 0 ? lines : await logged(signal)),
  };
}

/** A look at the runs of a script costs MLflow several requests: the longer it runs, the fewer they are (ms). */
const PAUSES = { first: 2_000, factor: 1.25, longest: 15_000 };

/**
 * Looks at the scores of a trial until it is pruned, and gives those that this rests on.
 *
 * @param signal ends it; then there are none
 */
export async function whenPruned(
  contest: Contest,
  scores: Scores,
  judge: (contest: Contest, reports: TrialReport[]) => Promise<boolean>,
  signal: AbortSignal,
): Promise<TrialReport[] | undefined> {
  let judged = 0;
  for (let pause = PAUSES.first; ; pause = Math.min(pause * PAUSES.factor, PAUSES.longest)) {
    await delay(pause, undefined, { signal }).catch(() => undefined);
    // A look that fails is no harm, as the next one sees all; nor is a question that nobody answers: the trial goes on.
    const reports = await scores.reports(signal).catch(() => []);
    for (; judged < reports.length; judged += 1) {
      if (signal.aborted) return undefined;
      const until = reports.slice(0, judged + 1);
      if (canGoOn(contest.trials, until) && (await judge(contest, until).catch(() => false))) return until;
    }
    if (signal.aborted) return undefined;
  }
}
