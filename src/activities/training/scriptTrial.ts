import type { Config } from '../../config.ts';
import { TAGS } from '../../contracts/names.ts';
import type { TrialResult } from '../../contracts/steps.ts';
import type { Params, TrialReport } from '../../contracts/training.ts';
import type { Mlflow, Run } from '../../systems/mlflow/index.ts';
import { noResult, type Ran } from '../../systems/steps/index.ts';
import { merged, ownSources, runSource, scoreOf } from '../../systems/steps/metrics.ts';
import { countingRun, taggedRuns, unclaimedRuns } from '../../systems/steps/runs.ts';
import { inputPath } from '../lib/inputPath.ts';
import { runStepActivity } from '../lib/step.ts';
import { type Contest, isPruned, scoresOf, untilPruned } from './pruning.ts';
import { orFail, prepareStepRun } from './stepRun.ts';
import type { TrainingSystems } from './systems.ts';
import { numbered, stoppedBy, TrialOutcome, type TrialRequest } from './trial.ts';

interface Systems extends Pick<TrainingSystems, 'config' | 'mlflow' | 'store' | 'runner'> {
  threads: number;
}

/**
 * Runs a script with the parameters as its arguments, and finds its score. One that tells scores on its way and falls
 * behind is ended: its runs are marked as those of a pruned trial.
 */
export function scriptTrial({ config, mlflow, store, runner, threads }: Systems, request: TrialRequest) {
  return runStepActivity(config, numbered(request), async ({ run, beat }): Promise<TrialOutcome> => {
    const { signal } = beat;
    const { dataset, data, model, number, params, seed, parentRunId, key, contest } = request;
    const stepRun = await prepareStepRun({
      mlflow,
      config,
      key,
      name: `trial ${number}`,
      parentRunId,
      tags: { [TAGS.trial]: String(number) },
      signal,
      discard: async () => {
        for (const { runId } of await taggedRuns(mlflow, key, signal)) await mlflow.deleteRun(runId);
      },
    });
    if (stepRun.finished) {
      const { run: earlier, outcome } = stepRun.finished;
      return TrialOutcome.parse({ metrics: earlier.metrics, ...(outcome as object) });
    }
    return await orFail(stepRun, async () => {
      const datasetDir = await store.fetchDirectory(dataset, { signal });
      const dataPath = await inputPath(config, 'data', data ?? config.data.path);
      const input = { datasetDir, dataPath, model, params, seed, threads };
      let opened: Run | undefined;
      const openRun = async () => {
        opened = await stepRun.open();
        return opened;
      };
      const scores = scoresOf(mlflow, config, key, () => opened);
      const collect = (ran: Ran) => collectTrial(mlflow, config, { ran, key, params, signal });
      const options = { key, openRun, onPrinted: scores.printed, collect };
      const start = (stop: AbortSignal) => run(stoppedBy(runner, stop), input, options);
      const judge = (contest: Contest, reports: TrialReport[]) => isPruned(runner, run, { contest, number, reports });
      const ran = await untilPruned(start, { contest, scores, judge });
      if (ran.pruned) {
        const { step, score } = ran.pruned;
        const tags = { [TAGS.pruned]: String(step) };
        const runId = (await killed(mlflow, key, tags, signal)) ?? opened?.runId ?? '';
        const outcome = { score, runId, reports: ran.reports, pruned: true };
        await stepRun.close(outcome, { params, metrics: {}, tags }, 'KILLED');
        return { ...outcome, metrics: {} };
      }
      const { outcome, runId } = ran.result as Awaited<ReturnType<typeof collectTrial>>;
      const { metrics, score } = outcome;
      const reports = contest ? await scores.reports(signal) : [];
      await stepRun.close({ score, runId, reports }, { params, metrics });
      return { ...outcome, runId, reports };
    });
  });
}

/** Marks the runs that a script opened and that nobody ends any more; of a single one, gives the id. */
async function killed(
  mlflow: Mlflow,
  key: string,
  tags: Record<string, string>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const runs = await taggedRuns(mlflow, key, signal);
  for (const { runId } of runs) {
    await mlflow.logBatch(runId, { tags });
    await mlflow.updateRun(runId, { status: 'KILLED' });
  }
  return runs.length === 1 ? runs[0]?.runId : undefined;
}

interface Collected {
  ran: Ran;
  key: string;
  params: Params;
  signal: AbortSignal;
}

/** The score of a script: from what it left, else from the one of its runs that has it. */
async function collectTrial(
  mlflow: Mlflow,
  config: Config,
  { ran, key, params, signal }: Collected,
): Promise<{ outcome: TrialResult; runId: string }> {
  const { settings } = ran;
  const { metric } = config.search;
  const given = ran.runId === undefined ? undefined : await mlflow.getRun(ran.runId, { signal });
  const own = await ownSources(ran);
  const found = (run: Run | undefined) => {
    const sources = [...own, ...(run ? [runSource(run)] : [])];
    const metrics = merged(sources, settings.outputs.metrics);
    return { run, sources, metrics, score: scoreOf(metrics, metric) };
  };
  const hasScore = (run: Run) => found(run).score !== undefined;

  const tagged = await taggedRuns(mlflow, key, signal);
  const isFound = scoreOf(merged(own, settings.outputs.metrics), metric) !== undefined;
  const leavesTraces = isFound || tagged.length > 0 || (given && hasScore(given));
  const opened = leavesTraces ? tagged : await unclaimedRuns(mlflow, { ...ran, params }, signal);
  const runs = [...(given ? [given] : []), ...opened.filter(({ status }) => status === 'FINISHED')];
  // Beside a score that the command wrote itself, metrics of one of several runs may be of another model.
  const lone = tagged.length === 0 ? given : undefined;
  const counting = isFound ? lone : countingRun(runs.filter(hasScore), settings);
  const { run, sources, metrics, score } = found(counting);
  if (score === undefined) {
    const looked = [...own, ...[...runs, ...opened.filter((one) => !runs.includes(one))].map(runSource)];
    throw noResult.noScore(settings.name, metric || 'score', looked);
  }
  if (score === null) {
    const place = sources.find((source) => scoreOf(merged([source], settings.outputs.metrics), metric) === null);
    throw noResult.scoreNotANumber(metric || 'score', place?.name ?? 'the command');
  }
  // Claimed, so that no other step takes it for its own.
  if (run && run !== given && tagged.length === 0) await mlflow.logBatch(run.runId, { tags: { [TAGS.step]: key } });
  return { outcome: { score, metrics: { ...metrics, score } }, runId: run?.runId ?? given?.runId ?? '' };
}
