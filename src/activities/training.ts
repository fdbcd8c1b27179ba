import { createCompareActivities } from './training/compare.ts';
import { createExtraActivities } from './training/extra.ts';
import { createPrepareActivities } from './training/prepare.ts';
import { createReportActivities } from './training/report.ts';
import { createSearchActivities } from './training/search.ts';
import type { TrainingSystems } from './training/systems.ts';
import { createTrainActivities } from './training/train.ts';
import { createTrialActivities } from './training/trials.ts';

/** The training steps: each fetches its data set, runs the step, and returns a small result. */
export function createTrainingActivities(systems: TrainingSystems) {
  return {
    ...createPrepareActivities(systems),
    ...createTrialActivities(systems),
    ...createSearchActivities(systems),
    ...createTrainActivities(systems),
    ...createCompareActivities(systems),
    ...createReportActivities(systems),
    ...createExtraActivities(systems),
  };
}
