import {
  CancellationScope,
  getExternalWorkflowHandle,
  isCancellation,
  makeContinueAsNewFunc,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { failure } from '../contracts/errors.ts';
import type { Plan } from '../contracts/plan.ts';
import type { SearchProgress } from '../contracts/progress.ts';
import { searchProgressed } from '../contracts/queries.ts';
import type { Dataset, Trial } from '../contracts/training.ts';
import type { SearchInput, SearchResult } from '../contracts/workflows.ts';
import { createStudy, finish, propose, remaining, type Study, searchProgress, tooManyFailed } from '../domain/study.ts';
import { stepActivities } from './lib/activities.ts';
import type { Board } from './lib/board.ts';
import { conduct, type Job } from './lib/conduct.ts';
import { applicationFailure, rootMessage } from './lib/failures.ts';
import { handedOn } from './lib/input.ts';
import { planMemo } from './lib/plan.ts';
import { withRun } from './lib/runs.ts';
import { idempotencyKey, runStage } from './lib/stages.ts';
import { preparation, prepareData } from './prepareData.ts';

/**
 * Tries hyperparameters, several at once, and returns the best trial by validation AUC.
 *
 * Each trial is one activity; its parameters are proposed by another, and so are in the history before they are tried.
 * A failed trial is recorded and does not end the search, unless too many do. A long search continues as new.
 *
 * @param given what continue-as-new hands on: the trials so far, and the MLflow run if it is our own
 */
export async function hyperparameterSearch(input?: unknown, given?: Carried): Promise<SearchResult> {
  const carried = handedOn(given);
  return conduct('hyperparameterSearch', input, {
    stages: ['hyperparameterSearch'],
    body: (job) => search(job, carried),
    describe: (result) => describeSearch(result, result.metric),
  });
}

async function search(job: Job<'hyperparameterSearch'>, carried: Carried | undefined): Promise<SearchResult> {
  const { request, plan, board } = job;
  const dataset = request.dataset ?? (await runStage(board, plan, 'prepareData', prepareData, preparation(plan)));
  const run = { runId: request.parentRunId, ownRunId: carried?.ownRunId, purpose: 'search', dataset };

  return withRun(board, plan, run, async (runId) => {
    if (plan.searchIsOneCommand) return searchByOneCommand(board, plan, dataset, runId);
    const begun = carried?.study ?? createStudy(plan.trials, plan.direction);
    const running = new Search({ plan, board, dataset, runId, study: begun });
    const study = await board.stage(
      'hyperparameterSearch',
      () => running.run(),
      (state) => describeSearch(state, plan.metric),
    );
    if (remaining(study) > 0) {
      const rest: SearchInput = { ...request, trials: plan.trials, parallel: plan.parallel, dataset };
      const ownRunId = request.parentRunId ? undefined : runId;
      const goOn = makeContinueAsNewFunc<typeof hyperparameterSearch>({
        memo: { ...workflowInfo().memo, ...planMemo(plan) },
      });
      await goOn(rest, { study, ownRunId });
    }
    if (!study.best) throw failure('TooManyTrialsFailed', `None of the ${study.total} trials succeeded.`);
    const { best, trials, complete, failed } = study;
    return { runId, dataset, best, trials, complete, failed, ...metricOf(plan) };
  });
}

/** One command of the project does the whole search; its worker tells us of the trials that it sees. */
async function searchByOneCommand(board: Board, plan: Plan, dataset: Dataset, runId: string): Promise<SearchResult> {
  const take = (progress: SearchProgress) => {
    board.search(progress);
    tellParent(progress);
  };
  setHandler(searchProgressed, take, { description: 'From the worker: how many trials the command has done so far' });
  const { registeredModel, data, model, trials, parallel, seed, metric } = plan;
  const found = await board.stage(
    'hyperparameterSearch',
    () =>
      stepActivities(plan, 'search').runSearch({
        registeredModel,
        dataset: dataset.ref,
        data,
        model,
        trials,
        parallel,
        seed,
        parentRunId: runId,
        key: idempotencyKey('search'),
      }),
    (search) => describeSearch(search, metric),
  );
  return { runId, dataset, ...found, ...metricOf(plan) };
}

/** What the score is called, where it is not the bundled step's. */
const metricOf = ({ metric }: Plan) => (metric ? { metric } : {});

interface Carried {
  study: Study;
  ownRunId: string | undefined;
}

export function describeSearch(
  { best, complete, failed }: Pick<Study, 'best' | 'complete' | 'failed'>,
  metric?: string,
): string {
  const found = best
    ? `${metric || 'validation AUC'} ${best.score?.toFixed(4) ?? 'unknown'}, trial ${best.number}`
    : 'none';
  return `best of ${complete} trials: ${found}${failed ? `; ${failed} failed` : ''}`;
}

interface SearchSetup {
  plan: Plan;
  board: Board;
  dataset: Dataset;
  runId: string;
  study: Study;
}

/** The first proposals need no results: TPE draws its first ten at random (optuna's n_startup_trials). */
const STARTUP_PROPOSALS = 10;
/** At most one message a second goes to the retrain that shows our progress, besides those that tell a new best. */
const REPORT_INTERVAL_MS = 1000;

class Search {
  private readonly setup: SearchSetup;
  private study: Study;
  private readonly queue: Trial[] = [];
  private refilling: Promise<void> | undefined;
  private running = 0;
  private reported = { at: 0, best: -1, running: 0 };

  constructor(setup: SearchSetup) {
    this.setup = setup;
    this.study = setup.study;
  }

  /** Runs trials until all are done or the history is long enough to continue as new. */
  async run(): Promise<Study> {
    const scope = new CancellationScope();
    const lanes = await scope.run(async () => {
      const started = Array.from({ length: this.setup.plan.parallel }, () => this.lane());
      // The first lane to fail stops the others, and their processes are gone before the failure is told.
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
      const { maxFailedShare } = this.setup.plan;
      if (tooManyFailed(this.study, maxFailedShare)) {
        throw failure(
          'TooManyTrialsFailed',
          `${this.study.failed} of ${this.study.total} trials failed, the last one with: ${finished.error}`,
        );
      }
    }
    this.report();
  }

  private async next(): Promise<Trial | undefined> {
    while (this.queue.length === 0 && this.mayPropose()) await this.refill();
    const trial = this.queue.shift();
    // The next proposal is made while this trial runs, so that no core waits for it.
    if (this.queue.length === 0 && this.mayPropose()) this.refill().catch(() => undefined);
    return trial;
  }

  private mayPropose(): boolean {
    return remaining(this.study) > 0 && !workflowInfo().continueAsNewSuggested;
  }

  private refill(): Promise<void> {
    this.refilling ??= this.propose().finally(() => {
      this.refilling = undefined;
    });
    return this.refilling;
  }

  private async propose(): Promise<void> {
    const { plan } = this.setup;
    const startup = STARTUP_PROPOSALS - this.study.proposed;
    const count = Math.min(remaining(this.study), Math.max(startup, Math.ceil(plan.parallel / 4)));
    const proposals = await stepActivities(plan, 'suggest').proposeTrials({
      registeredModel: plan.registeredModel,
      model: plan.model,
      sampler: plan.sampler,
      direction: plan.direction,
      space: plan.space,
      seed: plan.seed,
      count,
      trials: this.study.trials,
    });
    const before = this.study.proposed;
    this.study = propose(this.study, proposals);
    this.queue.push(...this.study.trials.filter(({ number }) => number >= before));
  }

  /** Runs one trial; a failure of the trial itself is its outcome, any other ends the search. */
  private async try(trial: Trial): Promise<Trial> {
    const { plan, dataset, runId } = this.setup;
    const startedAt = Date.now();
    try {
      const outcome = await stepActivities(plan, 'trial').runTrial({
        registeredModel: plan.registeredModel,
        dataset: dataset.ref,
        data: plan.data,
        model: plan.model,
        number: trial.number,
        params: trial.params,
        seed: plan.seed,
        parentRunId: runId,
        key: idempotencyKey(`trial/${trial.number}`),
      });
      return { ...trial, ...outcome, state: 'complete', seconds: (Date.now() - startedAt) / 1000 };
    } catch (error) {
      if (!isTrialFailure(error)) throw error;
      return { ...trial, state: 'failed', error: rootMessage(error).slice(0, 300) };
    }
  }

  private report(): void {
    const progress = searchProgress(this.study, this.running, this.setup.plan.metric);
    this.setup.board.search(progress);
    const best = progress.best?.number ?? -1;
    const { running } = this;
    const changed = best !== this.reported.best || running !== this.reported.running;
    if (!(changed || Date.now() - this.reported.at >= REPORT_INTERVAL_MS)) return;
    this.reported = { at: Date.now(), best, running };
    tellParent(progress);
  }
}

/** Tells the retrain of our trials; one that has ended needs no report. */
function tellParent(progress: SearchProgress): void {
  const { parent } = workflowInfo();
  if (!parent) return;
  getExternalWorkflowHandle(parent.workflowId)
    .signal(searchProgressed, progress)
    .catch(() => undefined);
}

/** Failures of what every trial needs: the next one would fail in the same way. */
const SHARED_FAILURES = new Set([
  'MlflowUnavailable',
  'MlflowRefused',
  'InvalidConfig',
  'ArtifactCorrupt',
  'ArtifactStoreUnavailable',
  'DataNotFound',
]);

function isTrialFailure(error: unknown): boolean {
  const type = applicationFailure(error)?.type;
  return type !== undefined && type !== null && !SHARED_FAILURES.has(type);
}
