import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Context } from '@temporalio/activity';
import { z } from 'zod';
import { type Config, fromRoot } from '../config.ts';
import type { ArtifactRef } from '../contracts/artifacts.ts';
import { failure } from '../contracts/errors.ts';
import { TAGS } from '../contracts/names.ts';
import { Comparison, type MetricRule } from '../contracts/registry.ts';
import { Dataset, Metrics, Params, type Space, TrainedModel, type Trial } from '../contracts/training.ts';
import type { ArtifactStore } from '../systems/artifacts/index.ts';
import { sha256OfFile, sha256OfJson } from '../systems/digests.ts';
import type { Mlflow } from '../systems/mlflow/index.ts';
import type { StepRunner } from '../systems/steps/index.ts';
import { runStepActivity } from './lib/step.ts';

interface TrainingSystems {
  config: Config;
  mlflow: Mlflow;
  store: ArtifactStore;
  runner: StepRunner;
  /** Digest of the code that prepares data: other code makes another data set. */
  codeDigest: string;
}

const Prepared = Dataset.omit({ ref: true, sourceSha256: true, features: true }).extend({
  features: z.array(z.object({ name: z.string(), kind: z.string() })),
});
const Proposals = z.object({ params: z.array(Params) });
const TrialOutcome = z.object({ score: z.number(), metrics: Metrics });
const Scores = z.object({
  models: z.record(z.string(), Metrics),
  differences: Comparison.shape.differences.default({}),
});

/** The training steps: each fetches its data set, runs the step, and returns a small result. */
export function createTrainingActivities({ config, mlflow, store, runner, codeDigest }: TrainingSystems) {
  const cores = availableParallelism();
  const trialThreads = Math.max(1, Math.floor(cores / config.worker.slots));
  const trackingUri = config.mlflow.uri;

  return {
    /** Prepares the data, or finds the data set that was prepared from the same file in the same way. */
    prepareDataset: ({ data, seed, force }: { data: string; seed: number; force: boolean }): Promise<Dataset> =>
      runStepActivity(config, 'prepare', async ({ workDir, run, beat }) => {
        const dataPath = fromRoot(config, data);
        const sourceSha256 = await sha256OfFile(dataPath).catch((error: NodeJS.ErrnoException) => {
          throw failure('DataNotFound', `The data file ${dataPath} cannot be read (${error.code}).`, error);
        });
        const { path: _, seed: __, ...settings } = config.data;
        const key = `dataset/${sha256OfJson({ sourceSha256, settings, seed, codeDigest, step: config.steps.prepare })}`;
        const known = force ? null : Dataset.safeParse(await store.getKey(key));
        if (known?.success && (await isThere(store, known.data.ref, beat.signal))) return known.data;

        const outputDir = join(workDir, 'dataset');
        const prepared = Prepared.parse(await run(runner, { dataPath, outputDir, seed, ...settings }));
        const ref = await store.putDirectory(outputDir, { signal: beat.signal, overwrite: force });
        const dataset: Dataset = { ...prepared, features: prepared.features.length, sourceSha256, ref };
        await store.putKey(key, dataset);
        await store.trimCache(config.artifacts.cacheLimitGb * 2 ** 30);
        return dataset;
      }),

    /** Asks the sampler for parameters to try next, given the trials so far. */
    proposeTrials: (request: {
      model: string;
      sampler: string;
      space: Space | null;
      seed: number;
      count: number;
      trials: Trial[];
    }): Promise<Params[]> =>
      runStepActivity(config, 'suggest', async ({ run }) => {
        const trials = request.trials.map(({ number, params, state, score }) => ({ number, params, state, score }));
        return Proposals.parse(await run(runner, { ...request, trials })).params;
      }),

    /** Fits one trial and scores it on the validation split; it is logged as a run nested in the search's run. */
    runTrial: (request: {
      dataset: ArtifactRef;
      model: string;
      number: number;
      params: Params;
      seed: number;
      parentRunId: string;
      key: string;
    }): Promise<{ score: number; metrics: Metrics; runId: string }> =>
      runStepActivity(config, 'trial', async ({ run, beat }) => {
        const { dataset, model, number, params, seed, parentRunId, key } = request;
        const datasetDir = await store.fetchDirectory(dataset, { signal: beat.signal });
        const startTime = Date.now();
        const experimentId = await mlflow.ensureExperiment(config.mlflow.experiment);
        const created = {
          experimentId,
          key,
          name: `trial ${number}`,
          parentRunId,
          startTime,
          tags: { [TAGS.trial]: String(number) },
        };
        // A first attempt need not look for the run of an earlier one.
        const opened =
          Context.current().info.attempt === 1
            ? mlflow.createRun({ ...created, tags: { ...created.tags, [TAGS.key]: key } })
            : mlflow.ensureRun(created);
        opened.catch(() => undefined);
        try {
          const computed = run(runner, { datasetDir, model, params, seed, threads: trialThreads }, () => opened);
          const [{ runId }, outcome] = [await opened, TrialOutcome.parse(await computed)];
          await mlflow.logBatch(runId, { params: stringified(params), metrics: outcome.metrics });
          await mlflow.updateRun(runId, { status: 'FINISHED', endTime: Date.now() });
          return { ...outcome, runId };
        } catch (error) {
          const { runId } = await opened;
          const status = beat.signal.aborted ? 'KILLED' : 'FAILED';
          await mlflow.updateRun(runId, { status, endTime: Date.now() }).catch(() => undefined);
          throw error;
        }
      }),

    /** Fits on train and validation, scores the test split, and logs model, metrics and report to the given run. */
    trainModel: (request: {
      dataset: Dataset;
      model: string;
      params: Params | null;
      seed: number;
      runId: string;
      trials: Trial[];
    }): Promise<TrainedModel> =>
      runStepActivity(config, 'train', async ({ workDir, run, beat }) => {
        const { dataset, model, params, seed, runId, trials } = request;
        const datasetDir = await store.fetchDirectory(dataset.ref, { signal: beat.signal });
        const input = { datasetDir, model, params, seed, threads: cores, trackingUri, runId, workDir, trials };
        return TrainedModel.parse(await run(runner, input, async () => ({ runId })));
      }),

    /** Scores a challenger and the champion on the same test split, and how sure their differences are. */
    compareVersions: (request: ComparisonRequest): Promise<Comparison> =>
      runStepActivity(config, 'evaluate', async ({ run, beat }) => {
        const { registeredModel, challenger, champion, rules } = request;
        const datasetDir = await store.fetchDirectory(request.dataset, { signal: beat.signal });
        const confidences = Object.fromEntries(
          rules.flatMap(({ metric, confidence }) => (confidence === undefined ? [] : [[metric, confidence]])),
        );
        const evaluate = async (versions: string[]) => {
          const models = versions.map((version) => ({ id: version, uri: `models:/${registeredModel}/${version}` }));
          const bootstrap = Object.keys(confidences).length > 0 && versions.length > 1 ? { confidences } : null;
          return Scores.parse(await run(runner, { datasetDir, trackingUri, models, bootstrap }));
        };
        const result = ({ models, differences }: z.infer<typeof Scores>, championProblem = ''): Comparison => ({
          challenger: models[challenger] ?? {},
          champion: (champion !== null && models[champion]) || null,
          championProblem,
          differences,
        });
        if (champion === null) return result(await evaluate([challenger]));
        try {
          return result(await evaluate([challenger, champion]));
        } catch (error) {
          beat.signal.throwIfAborted();
          // A champion that cannot be loaded or scored is a finding, not a failure; a challenger that cannot is one.
          return result(await evaluate([challenger]), (error as Error).message);
        }
      }),
  };
}

interface ComparisonRequest {
  dataset: ArtifactRef;
  registeredModel: string;
  challenger: string;
  champion: string | null;
  rules: MetricRule[];
}

function isThere(store: ArtifactStore, ref: ArtifactRef, signal: AbortSignal): Promise<boolean> {
  return store.fetchDirectory(ref, { signal }).then(
    () => true,
    () => false,
  );
}

const stringified = (params: Params) =>
  Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)]));
