import { fromRoot } from '../../config.ts';
import type { ArtifactRef } from '../../contracts/artifacts.ts';
import { failure } from '../../contracts/errors.ts';
import { extraStepSettings } from '../../systems/steps/index.ts';
import { runStepActivity } from '../lib/step.ts';
import { settingsOf, type TrainingSystems } from './systems.ts';

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

export function createExtraActivities({ config: shared, store, runner }: TrainingSystems) {
  return {
    /** Runs a command of the project that stands before or after a stage. */
    runExtraStep: (request: ExtraStepRequest): Promise<void> => {
      const { registeredModel, name, data, model, seed, dataset, version, key } = request;
      const config = settingsOf(shared, registeredModel);
      const step = config.extraSteps.find((other) => other.name === name);
      if (!step) throw failure('InvalidConfig', `The extra step "${name}" is no longer in mediwatch.yaml.`);
      return runStepActivity(config, { step: 'extra', name: `extra-${name}` }, async ({ run, beat }) => {
        const input = {
          dataPath: fromRoot(config, data),
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
