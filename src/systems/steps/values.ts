import type { ParamValue, PlaceholderValues } from '../../config/placeholders.ts';
import type { Config } from '../../config.ts';

/** What fields of a step's input are called as placeholders. */
const CALLED: Record<string, keyof PlaceholderValues['values']> = {
  dataPath: 'data',
  datasetDir: 'dataset',
  data: 'data',
  seed: 'seed',
  model: 'model',
  runId: 'runId',
  threads: 'threads',
  version: 'version',
  trials: 'trials',
  parallel: 'parallel',
  minRows: 'minRows',
  log: 'log',
};

interface Known {
  config: Config;
  input: Readonly<Record<string, unknown>>;
  /** Where it runs. */
  project: string;
  workDir: string;
  output: string;
  runId: string | undefined;
}

/** What the placeholders of a call stand for: the fields of its input, and where it runs. */
export function placeholderValues({ config, input, project, workDir, output, runId }: Known): PlaceholderValues {
  const fromInput = Object.fromEntries(
    Object.entries(CALLED).flatMap(([field, name]) => {
      const value = input[field];
      return typeof value === 'string' || typeof value === 'number' ? [[name, value]] : [];
    }),
  );
  return {
    values: {
      seed: config.data.seed,
      model: config.training.model,
      ...fromInput,
      project,
      workDir,
      output,
      registeredModel: config.registry.registeredModel,
      experiment: config.mlflow.experiment,
      trackingUri: config.mlflow.uri,
      ...(runId !== undefined && { runId }),
    },
    params: (input.params ?? {}) as Record<string, ParamValue>,
  };
}
