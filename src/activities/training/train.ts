import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import type { Config } from '../../config.ts';
import { TAGS } from '../../contracts/names.ts';
import {
  type Dataset,
  type FoundByTrial,
  type Metrics,
  type Params,
  TrainedModel,
  type Trial,
} from '../../contracts/training.ts';
import type { Mlflow, Run } from '../../systems/mlflow/index.ts';
import {
  type CommandSettings,
  finite,
  logModelFile,
  noResult,
  type Ran,
  readStepAnswer,
  sayingWhatWasLeft,
} from '../../systems/steps/index.ts';
import { assertMatched, merged, ownSources, runSource, type Source } from '../../systems/steps/metrics.ts';
import {
  countingRun,
  highestVersion,
  kinOf,
  loggedModel,
  PARENT,
  registeredByRuns,
  registeredMeanwhile,
  taggedRuns,
  unclaimedRuns,
} from '../../systems/steps/runs.ts';
import { inputPath } from '../lib/inputPath.ts';
import { runStepActivity } from '../lib/step.ts';
import { changed, orFail, prepareStepRun } from './stepRun.ts';
import { settingsOf, type TrainingSystems } from './systems.ts';
import { discardTraining, takeBack } from './takeBack.ts';

interface TrainRequest {
  registeredModel?: string;
  dataset: Dataset;
  /** Source of the data set, as in data.path. */
  data?: string;
  model: string;
  params: Params | null;
  seed: number;
  /** Run of the bundled step; a script has one of its own below it. */
  runId: string;
  key?: string;
  trials: Trial[];
  /** What the trial with these parameters found on these data; absent: a fit before the final one finds it. */
  found?: FoundByTrial | null;
}

export function createTrainActivities({ config: shared, mlflow, store, runner }: TrainingSystems) {
  const threads = availableParallelism();

  const bundled = (config: Config, request: TrainRequest) =>
    runStepActivity(config, 'train', async ({ workDir, run, beat }) => {
      const { dataset, model, params, seed, runId, found = null } = request;
      const datasetDir = await store.fetchDirectory(dataset.ref, { signal: beat.signal });
      const trackingUri = config.mlflow.uri;
      // The numbers of a project's own trials may mean something else.
      const known = config.steps.trial.command ? null : found;
      const input = { datasetDir, model, params, seed, threads, trackingUri, runId, workDir, found: known };
      return readStepAnswer('train', TrainedModel, await run(runner, input));
    });

  /** Runs the training script of a project, and finds its model, metrics, and the version that it registered. */
  const script = (config: Config, request: TrainRequest) =>
    runStepActivity(config, 'train', async ({ workDir, run, beat }) => {
      const { signal } = beat;
      const { dataset, data, model, params, seed, runId: parentRunId, trials } = request;
      const key = request.key ?? `${parentRunId}/train`;
      const { registeredModel } = config.registry;
      const before = await highestVersion(mlflow, registeredModel, signal);
      const stepRun = await prepareStepRun({
        mlflow,
        config,
        key,
        name: 'train',
        parentRunId,
        tags: { [TAGS.versionsBefore]: String(before) },
        signal,
        discard: (earlier) => discardTraining(mlflow, registeredModel, earlier, key, signal),
      });
      if (stepRun.finished) {
        const { run: earlier, outcome } = stepRun.finished;
        return TrainedModel.parse({ metrics: earlier.metrics, ...(outcome as object) });
      }
      const complete = stepRun.earlier && (await completeAttempt(mlflow, config, stepRun.earlier, key, signal));
      if (complete) {
        const { metrics, ...outcome } = complete;
        stepRun.adopt();
        await stepRun.close(outcome, { params: params ?? {}, metrics });
        return complete;
      }
      return await orFail(stepRun, async () => {
        const datasetDir = await store.fetchDirectory(dataset.ref, { signal });
        const dataPath = await inputPath(config, 'data', data ?? config.data.path);
        const input = { datasetDir, dataPath, model, params, seed, threads, workDir, trials };
        let after = before;
        let opened: Run | undefined;
        const openRun = async () => {
          opened = await stepRun.open();
          // What an earlier attempt had registered is gone now.
          after = await highestVersion(mlflow, registeredModel, signal);
          return opened;
        };
        const imageFile = basename(config.docker.modelPath);
        const collect = (ran: Ran) =>
          collectTraining(mlflow, config, { ran, key, after, params, workDir, imageFile, signal });
        const answer = await run(runner, input, { key, openRun, collect }).catch(async (error: unknown) => {
          if (!opened) throw error;
          throw sayingWhatWasLeft(error, await takeBack(mlflow, registeredModel, { run: opened, key, after }));
        });
        const trained = readStepAnswer('train', TrainedModel, answer);
        const { metrics, ...outcome } = trained;
        await stepRun.close(outcome, { params: params ?? {}, metrics });
        if (trained.runId) await completeRun(mlflow, trained.runId, { key, metrics, parentRunId });
        return trained;
      });
    });

  return {
    /** Fits on train and validation, scores the test split, and logs model and metrics. */
    trainModel: (request: TrainRequest): Promise<TrainedModel> => {
      const config = settingsOf(shared, request.registeredModel);
      return config.steps.train.command ? script(config, request) : bundled(config, request);
    },
  };
}

interface Collected {
  ran: Ran;
  key: string;
  /** Highest version before the command began. */
  after: number;
  params: Params | null;
  workDir: string;
  /** What the image of the API calls a model file (docker.modelPath). */
  imageFile: string;
  signal: AbortSignal;
}

async function collectTraining(mlflow: Mlflow, config: Config, collected: Collected): Promise<TrainedModel> {
  const { ran, key, after, params, signal } = collected;
  const told = TrainedModel.safeParse(finite(ran.result));
  if (told.success) return told.data;

  const { outputs } = ran.settings;
  const { registeredModel } = config.registry;
  const given = await mlflow.getRun(ran.runId as string, { signal });
  const tagged = await taggedRuns(mlflow, key, signal);
  // Looked for only when nothing else was left: they are a guess, if a good one.
  const guess = async () => await unclaimedRuns(mlflow, { ...ran, params: params ?? {} }, signal);
  const leavesTraces = tagged.length > 0 || (given && hasContent(given)) || outputs.modelFile !== undefined;
  const opened = (leavesTraces ? tagged : await guess()).toReversed();
  const all = [...(given ? [given] : []), ...opened];
  const chosen = outputs.run === undefined ? undefined : countingRun(all.filter(hasContent), ran.settings);
  const runs = chosen ? kinOf(chosen, all) : all;
  const settings = { ...ran.settings, outputs: { ...outputs, run: undefined } };

  const found = { registeredModel, after, runIds: runs.map(({ runId }) => runId) };
  const [byRun] = await registeredByRuns(mlflow, found, signal);
  const own = await ownSources(ran);
  const counting = (some: readonly Run[]) => chosen ?? countingRun(some.filter(hasContent), settings);
  // A model file says nothing of the run that it is of.
  const home = () => (hasNumbers(own) ? undefined : counting(runs)) ?? runs[0];
  const model = byRun ? null : await modelOf(mlflow, { ...collected, settings, runs, home });
  const version = byRun ?? (model ? undefined : await registeredMeanwhile(mlflow, found, signal));
  const left = model
    ? { modelUri: model.uri, modelId: model.modelId }
    : version && { modelUri: version.source, modelId: version.modelId ?? null, version: version.version };
  if (!left) throw noResult.noModel(registeredModel, found.runIds, outputs.model);
  const runId = version?.runId || model?.runId || given?.runId || '';
  const behind = runs.find((run) => run.runId === runId) ?? (await mlflow.getRun(runId, { signal }));
  const kin = behind ? kinOf(behind, runs) : [];
  const others = runs.filter((run) => !kin.includes(run) && hasNumbers([runSource(run)]));
  // Another run's metrics are this model's only where nothing else is known of it, and no third run has any.
  const lone = hasNumbers([...own, ...kin.map(runSource)]) ? undefined : counting(others);
  const metrics = merged([...own, ...[...kin, ...(lone ? [lone] : [])].map(runSource)], outputs.metrics);
  assertMatched(ran, metrics);
  return { runId, ...left, metrics };
}

const hasNumbers = (sources: readonly Source[]) => sources.some(({ metrics }) => Object.keys(metrics).length > 0);

interface Candidates extends Collected {
  settings: CommandSettings;
  runs: readonly Run[];
  /** The run that a model file is logged to. */
  home: () => Run | undefined;
}

async function modelOf(mlflow: Mlflow, { ran, settings, runs, home, workDir, imageFile, signal }: Candidates) {
  const { modelFile } = settings.outputs;
  const logged = await loggedModel(mlflow, runs, settings, signal);
  const run = logged || modelFile === undefined ? undefined : home();
  if (modelFile === undefined || !run) return logged;
  const file = await ran.written('modelFile', modelFile);
  return await logModelFile({ mlflow, ran, run, file, workDir, imageFile, signal });
}

const hasContent = ({ metrics, params }: Run) => Object.keys(metrics).length + Object.keys(params).length > 0;

/**
 * What came of an attempt whose script had ended, though its worker was killed before it could tell: its run is
 * finished, it has registered a version, and every metric that is asked for is in the run.
 */
async function completeAttempt(
  mlflow: Mlflow,
  config: Config,
  earlier: Run,
  key: string,
  signal: AbortSignal,
): Promise<TrainedModel | null> {
  const { metrics: mapping } = config.steps.train.outputs;
  const runs = [earlier, ...(await taggedRuns(mlflow, key, signal))];
  const found = {
    registeredModel: config.registry.registeredModel,
    after: Number(earlier.tags[TAGS.versionsBefore] ?? 0),
    runIds: runs.filter(({ status }) => status === 'FINISHED').map(({ runId }) => runId),
  };
  const [version] = await registeredByRuns(mlflow, found, signal);
  const run = runs.find(({ runId }) => runId === version?.runId);
  if (!version || !run) return null;
  const metrics = merged([runSource(run)], mapping);
  if (Object.keys(mapping).some((name) => metrics[name] === undefined)) return null;
  const { source: modelUri, modelId = null, runId } = version;
  return { runId, modelUri, modelId, version: version.version, metrics };
}

interface Completion {
  key: string;
  metrics: Metrics;
  /** The run of the retrain. */
  parentRunId: string;
}

/** The run behind a version is found below that of the retrain, and has all metrics, by our names too: promotions compare them. */
async function completeRun(mlflow: Mlflow, runId: string, { key, metrics, parentRunId }: Completion): Promise<void> {
  const run = await mlflow.getRun(runId);
  const parent = run?.tags[PARENT] ? {} : { [PARENT]: parentRunId };
  const tags = { [TAGS.step]: key, ...parent };
  await mlflow.logBatch(runId, { metrics: changed(metrics, run?.metrics ?? {}), tags });
}
