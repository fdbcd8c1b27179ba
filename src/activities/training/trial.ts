import { z } from 'zod';
import { TrialResult } from '../../contracts/steps.ts';
import { type ArtifactRef, type Params, TrialReport } from '../../contracts/training.ts';
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
