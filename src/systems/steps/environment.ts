import { existsSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { expand, type ParamValue, PlaceholderError, type PlaceholderValues } from '../../config/placeholders.ts';
import { type Config, fromRoot, PROJECT_ROOT, PYTHON_ROOT } from '../../config.ts';
import { mlflowVariables } from '../mlflow/variables.ts';
import { environmentOf } from '../processes/environment.ts';
import { invalidSetting } from './errors.ts';
import type { CommandSettings, StepCall } from './step.ts';

/** Variables of a process; undefined takes one out that the worker itself has. */
export type Variables = Record<string, string | undefined>;

/**
 * What a step gets of our environment: neither our settings, nor our secrets, nor our Python package, unless it calls that
 * by name, as `python -m mediwatch_training airflow-task` does in the environment of the project.
 */
export function surroundings({ passEnv, command }: CommandSettings): Variables {
  const env = environmentOf(['network', 'computing', 'mlflow'], passEnv);
  const callsUs = command.some((word, index) => word === '-m' && command[index + 1] === 'mediwatch_training');
  const theirs = (env.PYTHONPATH ?? '').split(delimiter).filter((path) => path && !path.startsWith(PROJECT_ROOT));
  const pythonPath = callsUs ? [PYTHON_ROOT, ...theirs] : theirs;
  return { ...env, PYTHONPATH: pythonPath.length > 0 ? pythonPath.join(delimiter) : undefined };
}

interface RunOfStep {
  /** MLflow as the step reaches it. */
  uri: string;
  runId: string | undefined;
}

/**
 * How a step talks to MLflow: the connection, the experiment, and the run that was opened for it.
 *
 * The runs of a search lie below that run, but none is that run: the processes that a search starts inherit its
 * environment, and all of them would resume the one run.
 */
export function runVariables(
  config: Config,
  { step, key }: Pick<StepCall, 'step' | 'key'>,
  { uri, runId }: RunOfStep,
): Variables {
  const isSearch = step === 'search';
  return {
    ...mlflowVariables(config, uri),
    MLFLOW_EXPERIMENT_NAME: config.mlflow.experiment,
    ...(runId && !isSearch && { MLFLOW_RUN_ID: runId }),
    // MLflow's client puts these tags on every run that it opens; a nested one has its own parent.
    ...(key && {
      MLFLOW_RUN_CONTEXT: JSON.stringify({
        'mediwatch.step': key,
        ...(runId && isSearch && { 'mlflow.parentRunId': runId }),
      }),
    }),
  };
}

/** A program with the variables of its virtual environment. */
interface Program {
  command: string[];
  env: Variables;
}

/**
 * Chooses the interpreter and the virtual environment of a step.
 *
 * @throws {StepProblem} InvalidConfig, when the virtual environment has no Python
 */
export function programOf(
  config: Config,
  settings: Pick<CommandSettings, 'name' | 'venv' | 'python' | 'image'>,
  command: readonly string[],
): Program {
  const { venv, python, image } = settings;
  const [program = '', ...args] = command;
  const chosen = python && /^python3?$/.test(program) ? pathOf(config, python, image) : program;
  if (!venv) return { command: [chosen, ...args], env: python ? { PYTHONHOME: undefined } : {} };
  // In a container it is a folder of the image.
  const folder = image ? venv : fromRoot(config, venv);
  const bin = join(folder, 'bin');
  if (!image && !existsSync(join(bin, 'python'))) {
    throw invalidSetting.noVenv(settings.name, folder);
  }
  const inVenv = join(bin, chosen);
  const found = basename(chosen) === chosen && !image && existsSync(inVenv) ? inVenv : chosen;
  const path = image ? '/usr/local/bin:/usr/bin:/bin' : (process.env.PATH ?? '');
  return {
    command: [found, ...args],
    env: { PATH: `${bin}${delimiter}${path}`, VIRTUAL_ENV: folder, PYTHONHOME: undefined },
  };
}

/** A path is relative to mediwatch.yaml; a bare name is looked for where programs are. */
function pathOf(config: Config, program: string, image: string | undefined): string {
  return image || basename(program) === program ? program : fromRoot(config, program);
}

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
  /** MLflow as the command reaches it. */
  trackingUri: string;
}

/** What the placeholders of a call stand for: the fields of its input, and where it runs. */
export function placeholderValues({
  config,
  input,
  project,
  workDir,
  output,
  runId,
  trackingUri,
}: Known): PlaceholderValues {
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
      trackingUri,
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
