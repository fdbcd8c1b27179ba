import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { z } from 'zod';
import type { Config } from '../../config.ts';
import type { SearchProgress } from '../../contracts/progress.ts';
import { SearchResult } from '../../contracts/steps.ts';
import { type ArtifactRef, Params, type Trial } from '../../contracts/training.ts';
import type { Mlflow } from '../../systems/mlflow/index.ts';
import { noResult, type Ran, readStepAnswer } from '../../systems/steps/index.ts';
import { merged, ownSources, readMetricsFile, scoreOf } from '../../systems/steps/metrics.ts';
import { taggedRuns, unclaimedRuns } from '../../systems/steps/runs.ts';
import { inputPath } from '../lib/inputPath.ts';
import { runStepActivity } from '../lib/step.ts';
import { orFail, prepareStepRun } from './stepRun.ts';
import { settingsOf, type TrainingSystems } from './systems.ts';
import { asTrials, bestOf, kept, trialsOf } from './trials.ts';

/** How often the runs of a search are looked at while it goes on (ms). */
const LOOK_MS = 3_000;

/** Parameters that a command has written itself, in its result file or in `outputs.file`. */
const Written = z
  .object({ params: Params.optional(), best_params: Params.optional() })
  .transform(({ params, best_params }) => params ?? best_params);

interface SearchRequest {
  registeredModel?: string;
  dataset: ArtifactRef;
  data: string;
  model: string;
  trials: number;
  parallel: number;
  seed: number;
  parentRunId: string;
  key: string;
}

export function createSearchActivities({ config: shared, mlflow, store, runner, client }: TrainingSystems) {
  return {
    /** Lets one command do the whole search; the runs that it opens are shown as its trials meanwhile. */
    runSearch: (request: SearchRequest): Promise<SearchResult> => {
      const config = settingsOf(shared, request.registeredModel);
      return runStepActivity(config, 'search', async ({ run, beat }) => {
        const { signal } = beat;
        const { dataset, data, model, trials, parallel, seed, parentRunId, key } = request;
        const stepRun = await prepareStepRun({
          mlflow,
          config,
          key,
          name: 'search',
          parentRunId,
          tags: {},
          signal,
          resume: true,
        });
        if (stepRun.finished) return await finishedSearch(mlflow, config, stepRun.finished.outcome, key);
        await endOrphans(mlflow, key);
        const watching = new AbortController();
        const watched = watch(mlflow, config, key, watching.signal, async (found) => {
          const progress = progressOf(config, found, trials);
          beat.progress(progress);
          await tellWorkflow(client, progress);
        });
        try {
          return await orFail(stepRun, async () => {
            const datasetDir = await store.fetchDirectory(dataset, { signal });
            const dataPath = await inputPath(config, 'data', data);
            const threads = availableParallelism();
            const input = { datasetDir, dataPath, model, trials, parallel, seed, threads };
            const collect = (ran: Ran) => collectSearch(mlflow, config, ran, key, signal);
            const answer = await run(runner, input, { key, openRun: stepRun.open, collect });
            const found = readStepAnswer('search', SearchResult, answer);
            const { best, complete, pruned, failed } = found;
            const metrics = { ...(best.score !== undefined && { best_score: best.score }) };
            await stepRun.close({ best, complete, pruned, failed }, { params: {}, metrics });
            return found;
          });
        } finally {
          watching.abort();
          await watched;
        }
      });
    },
  };
}

/**
 * What a search has found: the parameters that it wrote, or else the best of its runs.
 *
 * @throws {StepProblem} when there is no trial with a score
 */
async function collectSearch(
  mlflow: Mlflow,
  config: Config,
  ran: Ran,
  key: string,
  signal: AbortSignal,
): Promise<SearchResult> {
  const { direction } = config.search;
  const tagged = await taggedRuns(mlflow, key, signal);
  const opened = tagged.length > 0 ? tagged : await unclaimedRuns(mlflow, { ...ran, params: {} }, signal);
  const trials = trialsOf(config, opened);
  // Some log the score of the best trial only, to the run that holds all of them.
  const ofRuns = bestOf(trials, direction) ?? bestOf(asTrials(config, opened), direction);
  const best = (await writtenBest(config, ran, ofRuns)) ?? ofRuns;
  if (best) return summary(best, trials, direction);
  const seen = opened.map((run) => `${run.name || run.runId} (${run.status}: ${Object.keys(run.metrics).join(', ')})`);
  throw noResult.noTrial(config.search.metric || 'score', seen);
}

function summary(best: Trial, trials: Trial[], direction: 'maximize' | 'minimize'): SearchResult {
  const { complete, pruned, failed } = countsOf(trials);
  return { best, trials: kept(trials, direction), complete: Math.max(complete, 1), pruned, failed };
}

function countsOf(trials: readonly Trial[]) {
  const count = (wanted: Trial['state']) => trials.filter(({ state }) => state === wanted).length;
  return {
    complete: count('complete'),
    pruned: count('pruned'),
    failed: count('failed'),
    running: count('running'),
  };
}

/** The best parameters as a command wrote them, with its score where it told one, or that of its best run. */
async function writtenBest(config: Config, ran: Ran, ofRuns: Trial | null): Promise<Trial | null> {
  const { file, metrics: mapping } = ran.settings.outputs;
  const written = [ran.result, file && (await readMetricsFile(await ran.written('file', file)))];
  const params = written.map((one) => Written.safeParse(one).data).find((one) => one !== undefined);
  if (!params) return null;
  const score = scoreOf(merged(await ownSources(ran), mapping), config.search.metric) ?? ofRuns?.score;
  const runId = ofRuns?.runId ?? ran.runId;
  return { number: 0, params, state: 'complete', ...(score !== undefined && { score }), ...(runId && { runId }) };
}

async function finishedSearch(mlflow: Mlflow, config: Config, outcome: unknown, key: string): Promise<SearchResult> {
  const trials = kept(trialsOf(config, await taggedRuns(mlflow, key)), config.search.direction);
  return SearchResult.parse({ ...(outcome as object), trials });
}

/** Runs whose script was killed go on forever in MLflow. Trials that it had finished stay its trials. */
async function endOrphans(mlflow: Mlflow, key: string): Promise<void> {
  for (const { runId, status } of await taggedRuns(mlflow, key)) {
    if (status === 'RUNNING') await mlflow.updateRun(runId, { status: 'KILLED' });
  }
}

/** Looks at the runs of a search until it ends, and tells of them whenever something has changed. */
async function watch(
  mlflow: Mlflow,
  config: Config,
  key: string,
  signal: AbortSignal,
  tell: (trials: Trial[]) => Promise<void>,
): Promise<void> {
  let told = '';
  for (;;) {
    await delay(LOOK_MS, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    // A look that fails is no harm: the next one sees all.
    const trials = await taggedRuns(mlflow, key, signal).then(
      (runs) => trialsOf(config, runs),
      () => undefined,
    );
    const seen = trials?.map(({ state }) => state).join();
    if (!trials || !seen || seen === told) continue;
    told = seen;
    await tell(trials).catch(() => undefined);
  }
}

function progressOf(config: Config, trials: readonly Trial[], total: number): SearchProgress {
  const best = bestOf(trials, config.search.direction);
  return {
    total: Math.max(total, trials.length),
    ...countsOf(trials),
    metric: config.search.metric,
    best: best && { number: best.number, score: best.score ?? 0, params: best.params },
  };
}

async function tellWorkflow(client: TrainingSystems['client'], progress: SearchProgress): Promise<void> {
  const { workflowExecution } = Context.current().info;
  if (!workflowExecution) return;
  const { workflowId, runId } = workflowExecution;
  await client.workflow.getHandle(workflowId, runId).signal('searchProgressed', progress);
}
