import { failure } from '../contracts/errors.ts';
import type { ArtifactRef } from '../contracts/training.ts';
import { extraStepSettings } from '../systems/steps/index.ts';
import { inputPath } from './lib/inputPath.ts';
import { runStepActivity } from './lib/step.ts';
import { createCompareActivities } from './training/compare.ts';
import { createPrepareActivities } from './training/prepare.ts';
import { createReportActivities } from './training/report.ts';
import { createSearchActivities } from './training/search.ts';
import { settingsOf, type TrainingSystems } from './training/systems.ts';
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

interface ExtraStepRequest {
  registeredModel: string;
  name: string;
  /** As in data.path. */
  data: string;
  model: string;
  seed: number;
  /** Null before the data are prepared. */
  dataset: ArtifactRef | null;
  /** Null before a version is registered. */
  version: string | null;
  key: string;
}

function createExtraActivities({ config: shared, store, runner }: TrainingSystems) {
  return {
    /** Runs a command of the project that stands before or after a stage. */
    runExtraStep: (request: ExtraStepRequest): Promise<void> => {
      const { registeredModel, name, data, model, seed, dataset, version, key } = request;
      const config = settingsOf(shared, registeredModel);
      const step = config.extraSteps.find((other) => other.name === name);
      if (!step) throw failure('InvalidConfig', `The extra step "${name}" is no longer in mediwatch.yaml.`);
      return runStepActivity(config, { step: 'extra', name: `extra-${name}` }, async ({ run, beat }) => {
        const input = {
          dataPath: await inputPath(config, 'data', data),
          model,
          seed,
          ...(dataset && { datasetDir: await store.fetchDirectory(dataset, { signal: beat.signal }) }),
          ...(version !== null && { version }),
        };
        await run(runner, input, { key, settings: extraStepSettings(step), collect: async () => null });
      });
    },
  };
}
