import { availableParallelism } from 'node:os';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { asksFor } from '../../config/placeholders.ts';
import { type Config, canScore, fromRoot } from '../../config.ts';
import { failure } from '../../contracts/errors.ts';
import type { Comparison, MetricRule, RecordedFiles } from '../../contracts/registry.ts';
import { EvaluateResult } from '../../contracts/steps.ts';
import { type ArtifactRef, Metrics } from '../../contracts/training.ts';
import type { Unscored } from '../../contracts/verdicts.ts';
import { isUnsteady, sameData } from '../../domain/sameData.ts';
import type { Mlflow, ModelVersion, Run } from '../../systems/mlflow/index.ts';
import { filesTags, recordedFiles } from '../../systems/mlflow/versionFiles.ts';
import { assertLoadable, assertTrusted, judgeTrust } from '../../systems/modelTrust.ts';
import { type Ran, readStepAnswer, textsOf } from '../../systems/steps/index.ts';
import { assertMatched, merged, ownSources, runSource } from '../../systems/steps/metrics.ts';
import { runStepActivity, whileHeartbeating } from '../lib/step.ts';
import { translate } from '../lib/translate.ts';
import { otherSplit, settingsOf, type TrainingSystems } from './systems.ts';

interface ComparisonRequest {
  dataset: ArtifactRef;
  registeredModel: string;
  challenger: string;
  champion: string | null;
  rules: MetricRule[];
}

export function createCompareActivities({ config: shared, mlflow, store, runner }: TrainingSystems) {
  /** Scores versions on the same data with the bundled step, or with the project's own command. */
  const evaluated = (config: Config, request: ComparisonRequest, known: Known) =>
    runStepActivity(config, 'evaluate', async ({ run, beat }) => {
      const { registeredModel, rules } = request;
      const datasetDir = await store.fetchDirectory(request.dataset, { signal: beat.signal });
      const confidences = Object.fromEntries(
        rules.flatMap(({ metric, confidence }) => (confidence === undefined ? [] : [[metric, confidence]])),
      );
      const { command } = config.steps.evaluate;
      const shared = {
        datasetDir,
        dataPath: fromRoot(config, config.data.path),
        trackingUri: config.mlflow.uri,
        threads: availableParallelism(),
        memoryMb: config.worker.memoryLimitMb,
      };
      const named = async (version: string) => {
        const recorded = await loadable(config, mlflow, known.get(version), beat.signal);
        return { id: version, uri: `models:/${registeredModel}/${version}`, recorded };
      };
      /** A command that takes {version} is run once for each. */
      const oneByOne = async (versions: string[]): Promise<EvaluateResult> => {
        const models: EvaluateResult['models'] = {};
        for (const version of versions) {
          const collect = async (ran: Ran) => {
            const metrics = merged(await ownSources(ran), ran.settings.outputs.metrics);
            assertMatched(ran, metrics);
            return metrics;
          };
          const input = { ...shared, version, models: [await named(version)] };
          models[version] = readStepAnswer('evaluate', Metrics, await run(runner, input, { collect }));
        }
        return { models, differences: {}, needs: {}, floors: {} };
      };
      const together = async (versions: string[]): Promise<EvaluateResult> => {
        const bootstrap = Object.keys(confidences).length > 0 && versions.length > 1 ? { confidences } : null;
        const { dataPath, ...input } = shared;
        const models = await Promise.all(versions.map(named));
        const answer = await run(runner, { ...input, ...(command && { dataPath }), models, bootstrap });
        return readStepAnswer('evaluate', EvaluateResult, answer);
      };
      const takesVersion = command && asksFor(textsOf({ ...config.steps.evaluate, command }), 'version');
      return await compare(request, {
        evaluate: takesVersion ? oneByOne : together,
        atOnce: !takesVersion,
        objection: otherSplit(known.get(request.challenger), known.get(request.champion ?? '')),
        throwIfStopped: () => beat.signal.throwIfAborted(),
      });
    });

  return {
    /** Scores a challenger and the champion on the same test split, and says how sure their differences are. */
    compareVersions: async (request: ComparisonRequest): Promise<Comparison> => {
      const config = settingsOf(shared, request.registeredModel);
      const { known, firstRecorded } = await whileHeartbeating(({ signal }) => versionsOf(mlflow, request, signal));
      const scores = config.steps.evaluate.command !== undefined || canScore(config);
      const comparison = scores
        ? await evaluated(config, request, known)
        : await recorded(mlflow, config, request, known);
      return { ...comparison, ...(firstRecorded.length > 0 && { firstRecorded }) };
    },
  };
}

/** The versions that are compared, by number. */
type Known = Map<string, ModelVersion>;

/** Looks them up, and records the files of those that somebody else registered. */
async function versionsOf(
  mlflow: Mlflow,
  { registeredModel, challenger, champion }: ComparisonRequest,
  signal: AbortSignal,
): Promise<{ known: Known; firstRecorded: string[] }> {
  const known: Known = new Map();
  const firstRecorded: string[] = [];
  for (const version of champion === null ? [challenger] : [challenger, champion]) {
    const found = await mlflow.getVersion(registeredModel, version, { signal });
    if (!found) continue;
    const isKnown = recordedFiles(found) !== null;
    const recorded = isKnown ? null : await mlflow.recordFiles(found, { signal });
    if (recorded) firstRecorded.push(version);
    known.set(version, recorded ? { ...found, tags: { ...found.tags, ...filesTags(recorded) } } : found);
  }
  return { known, firstRecorded };
}

/**
 * What was recorded of a version, which the bundled step compares when it has fetched the files; a command fetches them
 * itself, so they are compared here. Null: nothing is known, or there is no such version, as the step will say.
 *
 * @throws {ModelRefused} when files changed, or the version is not trusted
 */
async function loadable(
  config: Config,
  mlflow: Mlflow,
  version: ModelVersion | undefined,
  signal: AbortSignal,
): Promise<RecordedFiles | null> {
  if (!version) return null;
  const recorded = recordedFiles(version);
  if (config.steps.evaluate.command) await assertLoadable(config, mlflow, version, signal);
  else {
    const verdict = recorded ? ({ code: 'same', digest: recorded.digest } as const) : ({ code: 'unrecorded' } as const);
    assertTrusted(version, await judgeTrust(config, verdict));
  }
  return recorded;
}

interface Evaluation {
  evaluate: (versions: string[]) => Promise<EvaluateResult>;
  /** Both versions are scored by one run, which may also tell how sure their differences are. */
  atOnce: boolean;
  /** Why the champion must not be scored on these data; empty: it may be. */
  objection: string;
  throwIfStopped: () => void;
}

/**
 * A champion that cannot be loaded or scored is a finding, not a failure, and is told when no attempt is left to score it:
 * the gate's verdict stands for good. A challenger that cannot be scored is a failure.
 */
async function compare(
  { challenger, champion }: ComparisonRequest,
  { evaluate, atOnce, objection, throwIfStopped }: Evaluation,
): Promise<Comparison> {
  const result = (
    { models, primary, differences, needs, floors }: EvaluateResult,
    championProblem = '',
    unscored?: Unscored,
  ): Comparison => ({
    challenger: models[challenger] ?? {},
    champion: (champion !== null && models[champion]) || null,
    championProblem,
    differences,
    ...(unscored && { unscored }),
    ...(floors[challenger] && { floor: floors[challenger] }),
    ...(primary !== undefined && { primary }),
    ...(Object.values(needs ?? {}).some((list) => list.length > 0) && { needs }),
  });
  const alone = () => evaluate([challenger]);
  if (champion === null) return result(await alone());
  if (objection) return result(await alone(), objection, 'otherSplit');
  const ours = atOnce ? null : await alone();
  try {
    const scores = await evaluate(ours ? [champion] : [challenger, champion]);
    return result({ ...scores, models: { ...ours?.models, ...scores.models } });
  } catch (error) {
    throwIfStopped();
    const failed = translate(error);
    if (!isForGood(failed)) throw error;
    const cannotRead = failed instanceof ApplicationFailure && failed.type === 'ModelMismatch';
    return result(ours ?? (await alone()), (error as Error).message, cannotRead ? 'cannotRead' : 'failed');
  }
}

/** Whether no attempt is left that could end otherwise: all were made, or the failure is one that is not tried again. */
function isForGood(failed: Error): boolean {
  return isLastAttempt() || (failed instanceof ApplicationFailure && failed.nonRetryable === true);
}

function isLastAttempt(): boolean {
  const { attempt, retryPolicy } = Context.current().info;
  return attempt >= (retryPolicy?.maximumAttempts || Number.POSITIVE_INFINITY);
}

/** What a training recorded in its run, by our names. */
export function recordedMetrics(config: Config, run: Run): Metrics {
  return merged([runSource(run)], config.steps.train.outputs.metrics);
}

/** Compares what the trainings of two versions recorded in MLflow: models of a project that nothing here can score. */
async function recorded(
  mlflow: Mlflow,
  config: Config,
  { registeredModel, challenger, champion }: ComparisonRequest,
  known: Known,
): Promise<Comparison> {
  const trainedOf = async (version: string) => {
    const found = known.get(version);
    if (!found) throw failure('ModelNotFound', `${registeredModel} has no version ${version}.`);
    const run = found.runId ? await mlflow.getRun(found.runId) : undefined;
    return { tags: found.tags, params: run?.params, metrics: run ? recordedMetrics(config, run) : {} };
  };
  const ours = await trainedOf(challenger);
  const shared = { challenger: ours.metrics, differences: {}, recorded: true };
  if (champion === null) return { ...shared, champion, championProblem: '' };
  const theirs = await trainedOf(champion);
  if (Object.keys(theirs.metrics).length > 0) {
    const data = { sameData: sameData(ours, theirs), ...(isUnsteady(ours, theirs) && { unsteadyData: true }) };
    return { ...shared, champion: theirs.metrics, championProblem: '', ...data };
  }
  return { ...shared, champion: null, championProblem: 'its run in MLflow has no metrics.', unscored: 'noScores' };
}
