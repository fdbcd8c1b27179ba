import { Context } from '@temporalio/activity';
import { z } from 'zod';
import type { Config } from '../../config.ts';
import { TAGS } from '../../contracts/names.ts';
import { TrialResult } from '../../contracts/steps.ts';
import { type ArtifactRef, type Params, TrialReport } from '../../contracts/training.ts';
import type { Mlflow, Run } from '../../systems/mlflow/index.ts';
import type { StepRunner } from '../../systems/steps/index.ts';
import type { Contest } from './pruning.ts';

export interface TrialRequest {
  registeredModel?: string;
  dataset: ArtifactRef;
  /** Source of the data set, as in data.path. */
  data?: string;
  model: string;
  number: number;
  params: Params;
  seed: number;
  parentRunId: string;
  key: string;
  /** By which a script is judged that tells its scores while it runs; absent: it is not pruned. */
  contest?: Contest | null;
}

/** What came of a trial. */
export const TrialOutcome = TrialResult.extend({
  runId: z.string(),
  /** What a script told on its way. */
  reports: z.array(TrialReport).optional(),
  /** Whether it was ended before it had come to its end; the score is the last that it told. */
  pruned: z.boolean().optional(),
});
export type TrialOutcome = z.infer<typeof TrialOutcome>;

/** The same steps, which this signal stops too. */
export const stoppedBy = (runner: StepRunner, signal: AbortSignal): StepRunner => ({
  run: (call) => runner.run({ ...call, signal: AbortSignal.any([call.signal, signal]) }),
});

export const numbered = ({ number }: TrialRequest) => ({ step: 'trial', name: `trial-${number}` }) as const;

/** MLflow takes parameters as texts. */
export const stringified = (params: Params) =>
  Object.fromEntries(Object.entries(params).map(([name, value]) => [name, String(value)]));

export interface TrialRun extends Pick<TrialRequest, 'number' | 'parentRunId' | 'key'> {
  /** Unix time (ms). */
  startedAt: number;
  tags?: Record<string, string>;
}

/** Makes the run of a bundled trial if an earlier attempt did not; a first attempt need not look for one. */
export async function trialRun(mlflow: Mlflow, config: Config, trial: TrialRun): Promise<Run> {
  const { number, parentRunId, key, startedAt } = trial;
  const experimentId = await mlflow.ensureExperiment(config.mlflow.experiment);
  const tags = { [TAGS.trial]: String(number), ...trial.tags };
  const created = { experimentId, name: `trial ${number}`, parentRunId, startTime: startedAt };
  return Context.current().info.attempt === 1
    ? mlflow.createRun({ ...created, tags: { ...tags, [TAGS.key]: key } })
    : mlflow.ensureRun({ ...created, key, tags });
}
