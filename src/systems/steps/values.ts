import { join } from 'node:path';
import { expand, type ParamValue, PlaceholderError, type PlaceholderValues } from '../../config/placeholders.ts';
import type { Config } from '../../config.ts';
import type { StepCall } from './step.ts';

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

/** The folder that is `{output}`: the one that the input names, or one in the work folder. */
export function outputOf({ input, workDir }: Pick<StepCall, 'input' | 'workDir'>): string {
  return (input as { outputDir?: string }).outputDir ?? join(workDir, 'output');
}

/** A text with its placeholders filled; undefined when one has no value in this call, which is told when it is needed. */
export function expandIfKnown(text: string, known: PlaceholderValues): string | undefined {
  try {
    return expand(text, known);
  } catch (error) {
    if (error instanceof PlaceholderError) return undefined;
    throw error;
  }
}
