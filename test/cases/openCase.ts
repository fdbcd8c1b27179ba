import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { createProject, VENV } from '../support/project.ts';
import { createStepBench } from '../systems/steps/bench.ts';

const INPUTS = join(import.meta.dirname, 'inputs');

let number = 0;

/**
 * A project with the files of a case, and the training activities of a worker on it.
 *
 * @param steps their settings, without the virtual environment, which is ours: it has MLflow and scikit-learn
 * @param uri of MLflow; each case has an experiment and a registered model of its own there
 */
export async function openCase(
  name: string,
  { steps, uri, settings = {} }: { steps: Record<string, object>; uri: string; settings?: object },
) {
  number += 1;
  const inVenv = Object.entries(steps).map(([step, own]) => [step, { venv: VENV, ...own }]);
  const project = createProject(
    {
      registry: { registeredModel: `Case${number}` },
      mlflow: { experiment: `case-${number}` },
      steps: { prepare: { skip: true }, ...Object.fromEntries(inVenv) },
      ...settings,
    },
    { MEDIWATCH_MLFLOW_URI: uri },
  );
  cpSync(join(INPUTS, name), project.dir, { recursive: true });
  const bench = await createStepBench(project.config);
  const parentRunId = async () => {
    const experimentId = await bench.mlflow.ensureExperiment(project.config.mlflow.experiment);
    return (await bench.mlflow.ensureRun({ experimentId, key: 'parent', name: 'parent' })).runId;
  };
  const common = { model: 'hgb', seed: 1 };
  return {
    project,
    bench,
    async train({ attempt = 1 } = {}) {
      const dataset = await bench.dataset();
      const request = {
        ...common,
        dataset,
        params: null,
        trials: [],
        runId: await parentRunId(),
        key: `${number}/train`,
      };
      return await bench.call('trainModel', request, { attempt });
    },
    async trial({ attempt = 1 } = {}) {
      const { ref } = await bench.dataset();
      const request = { ...common, dataset: ref, number: 0, params: {}, parentRunId: await parentRunId() };
      return await bench.call('runTrial', { ...request, key: `${number}/trial` }, { attempt });
    },
    async search() {
      const { ref } = await bench.dataset();
      const request = {
        ...common,
        dataset: ref,
        data: 'data.csv',
        trials: 3,
        parallel: 1,
        parentRunId: await parentRunId(),
      };
      return await bench.call('runSearch', { ...request, key: `${number}/search` });
    },
    async close() {
      await bench.close();
      project.remove();
    },
  };
}
