import { CancellationScope, isCancellation, makeContinueAsNewFunc, workflowInfo } from '@temporalio/workflow';
import { failure, knownFailure } from '../contracts/errors.ts';
import type { SearchPlan } from '../contracts/plans.ts';
import { searchProgressed } from '../contracts/progress.ts';
import { truncate } from '../contracts/text.ts';
import type { Dataset, Trial } from '../contracts/training.ts';
import type { SearchStop, Suspicion } from '../contracts/verdicts.ts';
import { trialScore } from '../domain/firstScore.ts';
import { suspicionOf } from '../domain/metricNames.ts';
import {
  comparable,
  createStudy,
  finish,
  LAST_STEP,
  propose,
  remaining,
  report,
  rungsOf,
  type Study,
  searchProgress,
  stopOf,
  tooManyFailed,
  tried,
  withRun,
} from '../domain/study.ts';
import { activities, stepActivities } from './runtime/activities.ts';
import { applicationFailure, rootMessage } from './runtime/failures.ts';
import { signalParent } from './runtime/progress.ts';
import { type Run, workflow } from './runtime/workflow.ts';

/** What continue-as-new hands on. */
interface Carried {
  study: Study;
  /** MLflow run that this workflow opened itself. */
  ownRunId: string | null;
}

/**
 * Tries hyperparameters, several at once, and returns the best trial by its score on the validation split.
 *
 * A trial is one activity, after one for each rung at which it may be pruned; its parameters are proposed by another, and
 * so are in the history before they are tried. A decision to prune is in it with the score that it rests on. A failed
 * trial is recorded and does not end the search, unless too many do. A long search continues as new.
 */
export const hyperparameterSearch = workflow<'hyperparameterSearch', Carried>(
  'hyperparameterSearch',
  {
    mlflowRun: {
      purpose: 'search',
      given: ({ parentRunId }) => parentRunId,
      carried: ({ ownRunId }) => ownRunId,
    },
  },
  async (plan, run) => {
    const { mlflowRunId: runId } = run;
    const dataset = plan.dataset ?? (await run.stages.prepareData({ ...plan, force: false }));
    if (plan.oneCommand) {
      const found = await searchByOneCommand(plan, run, dataset);
      return { runId, dataset, metric: plan.metric, ...found, ...doubtOf(plan, found.best) };
    }

    const search = new Search(plan, run, dataset);
    const study = await search.run();
    const { stopped } = search;
    if (remaining(study) > 0 && !stopped) {
      const ownRunId = plan.parentRunId === null ? runId : null;
      await makeContinueAsNewFunc<typeof hyperparameterSearch>()({ ...plan, dataset }, { study, ownRunId });
    }
    if (!study.best) throw failure('TooManyTrialsFailed', `None of the ${study.total} trials succeeded.`);
    const { best, complete, pruned, failed } = study;
    // Those that were proposed and never began are no trials.
    const trials = study.trials.filter(({ state }) => state !== 'running');
    const found = { best, metric: search.metric, trials, complete, pruned, failed };
    return { runId, dataset, ...found, ...(stopped && { stopped }), ...doubtOf(plan, best) };
  },
);

function doubtOf({ metric, direction = 'maximize' }: SearchPlan, { score }: Trial): { suspicion?: Suspicion } {
  const suspicion = suspicionOf(metric, direction, score);
  return suspicion ? { suspicion } : {};
}

/** One command of the project does the whole search; its worker signals the trials that it sees. */
function searchByOneCommand(plan: SearchPlan, run: Run<Carried>, dataset: Dataset) {
  const { registeredModel, data, model, trials, parallel, seed, limits } = plan;
  return stepActivities(limits.search).runSearch({
    registeredModel,
    dataset: dataset.ref,
    data,
    model,
    trials,
    parallel,
    seed,
    parentRunId: run.mlflowRunId,
    key: run.key('search'),
  });
}

/** The first proposals need no results: TPE draws its first ten at random (optuna's n_startup_trials). */
const STARTUP_PROPOSALS = 10;
/** At most one signal a second goes to the retrain that shows the progress, besides those that bring a new best. */
const REPORT_INTERVAL_MS = 1000;

class Search {
  private readonly plan: SearchPlan;
  private readonly context: Run<Carried>;
  private readonly dataset: Dataset;
  /** Name of the score. */
  readonly metric: string;
  /** The limit at which it ended. */
  stopped: SearchStop | undefined;
  private study: Study;
  private readonly queue: Trial[] = [];
  private refilling: Promise<void> | undefined;
  private running = 0;
  private readonly records: Promise<void>[] = [];
  private reported = { at: 0, best: -1, running: 0 };

  constructor(plan: SearchPlan, context: Run<Carried>, dataset: Dataset) {
    this.plan = plan;
    this.context = context;
    this.dataset = dataset;
    this.metric = trialScore(plan.metric, dataset.task);
    this.study = context.carried?.study ?? createStudy(plan.trials, plan.direction, Date.now());
  }

  /** Runs trials until all are done or the history is long enough to continue as new. */
  async run(): Promise<Study> {
    const scope = new CancellationScope();
    const lanes = await scope.run(async () => {
      const started = Array.from({ length: this.plan.parallel }, () => this.lane());
      // The first lane to fail stops the others; their processes are gone before the failure goes on.
      await Promise.all(started).catch(() => scope.cancel());
      return Promise.allSettled(started);
    });
    const failures = lanes.flatMap((lane) => (lane.status === 'rejected' ? [lane.reason as unknown] : []));
    const first = failures.find((reason) => !isCancellation(reason)) ?? failures[0];
    if (first) throw first;
    return this.study;
  }

  private async lane(): Promise<void> {
    for (let trial = await this.next(); trial; trial = await this.next()) {
      this.running += 1;
      this.report();
      const finished = await this.try(trial);
      this.running -= 1;
      this.study = finish(this.study, finished);
      this.stopped ??= stopOf(this.study, this.plan, Date.now());
      if (tooManyFailed(this.study, this.plan.maxFailedShare)) {
        const { failed, total } = this.study;
        const happened = `${failed} of ${total} trials failed, the last one with: ${finished.error}`;
        throw failure('TooManyTrialsFailed', happened);
      }
    }
    this.report();
    await Promise.all(this.records);
  }

  private async next(): Promise<Trial | undefined> {
    while (this.queue.length === 0 && this.mayPropose()) await this.refill();
    if (this.stopped) return undefined;
    const trial = this.queue.shift();
    // The next proposal is made while this trial runs, so that no core waits for it.
    if (this.queue.length === 0 && this.mayPropose()) this.refill().catch(() => undefined);
    return trial;
  }

  private mayPropose(): boolean {
    return !this.stopped && remaining(this.study) > 0 && !workflowInfo().continueAsNewSuggested;
  }

  private refill(): Promise<void> {
    this.refilling ??= this.propose().finally(() => {
      this.refilling = undefined;
    });
    return this.refilling;
  }

  private async propose(): Promise<void> {
    const { registeredModel, model, sampler, direction, space, warmStart, seed, parallel, limits } = this.plan;
    const startup = STARTUP_PROPOSALS - this.study.proposed;
    const count = Math.min(remaining(this.study), Math.max(startup, Math.ceil(parallel / 4)));
    const proposals = await stepActivities(limits.suggest).proposeTrials({
      registeredModel,
      model,
      sampler,
      direction,
      space: space ?? null,
      // Known parameters come with the first proposals.
      warmStart: this.study.proposed === 0 ? warmStart : 0,
      seed,
      count,
      rows: this.dataset.splits?.train.rows ?? null,
      trials: tried(this.study),
    });
    const before = this.study.proposed;
    this.study = propose(this.study, proposals);
    this.queue.push(...this.study.trials.filter(({ number }) => number >= before));
  }

  /** Runs one trial; a failure of the trial itself is its outcome, any other ends the search. */
  private async try(trial: Trial): Promise<Trial> {
    const { registeredModel, data, model, seed, pruner, direction, trialCommand, limits } = this.plan;
    const { number, params } = trial;
    const startedAt = Date.now();
    const seconds = () => (Date.now() - startedAt) / 1000;
    const { runRung, runTrial } = stepActivities(limits.trial);
    const { mlflowRunId: parentRunId } = this.context;
    const named = { registeredModel, number, params, parentRunId, key: this.context.key(`trial/${number}`) };
    const request = { ...named, dataset: this.dataset.ref, data, model, seed };
    try {
      const judge = pruner === 'none' ? null : { pruner, direction };
      const steps = rungsOf(this.dataset.splits?.train.rows);
      const rungs = judge && !trialCommand ? steps.map((step) => ({ step, ...judge })) : [];
      for (const rung of rungs) {
        const { score, pruned } = await runRung({ ...request, ...rung, trials: comparable(this.study) });
        this.study = report(this.study, number, { step: rung.step, score });
        if (!pruned) continue;
        this.record({ ...named, step: rung.step, score, startedAt, endedAt: Date.now() });
        return { ...trial, state: 'pruned', seconds: seconds() };
      }
      const contest = judge && trialCommand ? { ...judge, trials: comparable(this.study) } : null;
      const outcome = await runTrial({ ...request, contest });
      const { reports = [], pruned, score, metrics, runId } = outcome;
      // How far a trial can go is known to the pruner by those that went there.
      const last = rungs.length > 0 ? [{ step: LAST_STEP, score }] : [];
      this.study = report(this.study, number, ...reports, ...last);
      if (pruned) return { ...trial, runId, state: 'pruned', seconds: seconds() };
      return { ...trial, score, metrics, runId, state: 'complete', seconds: seconds() };
    } catch (error) {
      if (!isTrialFailure(error)) throw error;
      return { ...trial, state: 'failed', error: truncate(rootMessage(error), 300) };
    }
  }

  /** Writes a pruned trial down in MLflow, while the next one runs. */
  private record(pruned: Parameters<typeof activities.recordPruned>[0]): void {
    const recorded = activities.recordPruned(pruned).then(({ runId }) => {
      this.study = withRun(this.study, pruned.number, runId);
    });
    recorded.catch(() => undefined);
    this.records.push(recorded);
  }

  private report(): void {
    const search = searchProgress(this.study, this.running, this.metric);
    this.context.report({ event: 'trialsChanged', search });
    const best = search.best?.number ?? -1;
    const { running } = this;
    const changed = best !== this.reported.best || running !== this.reported.running;
    if (!(changed || Date.now() - this.reported.at >= REPORT_INTERVAL_MS)) return;
    this.reported = { at: Date.now(), best, running };
    signalParent(searchProgressed, search);
  }
}

function isTrialFailure(error: unknown): boolean {
  const type = applicationFailure(error)?.type;
  return type !== undefined && type !== null && !knownFailure(type)?.ofEveryTrial;
}
