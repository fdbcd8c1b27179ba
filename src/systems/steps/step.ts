import type { PlaceholderStep } from '../../config/placeholders.ts';
import type { ExtraStep, StepConfig } from '../../config/steps.ts';
import type { Config } from '../../config.ts';
import type { Metrics } from '../../contracts/training.ts';
import type { LogOrigin } from '../logs/index.ts';

export interface StepCall {
  /** `judge` is always ours: no command replaces it. */
  step: PlaceholderStep | 'judge';
  /** Settings of the registered model that it is for; absent: those of the whole file. */
  config?: Config;
  /** Of an extra step; absent: those of `steps`. */
  settings?: CommandSettings;
  input: object;
  /** Folder for the files of this call. */
  workDir: string;
  logFile: string;
  /** Which attempt of which step it is, for those who read its log elsewhere. */
  origin?: LogOrigin;
  signal: AbortSignal;
  onProgress: (progress: unknown) => void;
  /** Names the step, whichever attempt it is: a tag of the runs that its script opens. */
  key?: string;
  /** Gives the MLflow run that a command is handed as MLFLOW_RUN_ID. */
  openRun?: () => Promise<{ runId: string }>;
  /** Gets the numbers of each line of a command's output that `outputs.pattern` matches. */
  onPrinted?: (metrics: Metrics) => void;
  /** Finds the result of a command that ended well; absent: it must write MEDIWATCH_RESULT. */
  collect?: (ran: Ran) => Promise<unknown>;
  /** Whether `collect` judges a command that ended with another exit code than 0, too. */
  judgesFailures?: boolean;
}

/** Runs the steps of a training: in the warm pool, or as the command that mediwatch.yaml names. */
export interface StepRunner {
  run(call: StepCall): Promise<unknown>;
}

/** How one step is run as a command, whether it is one of `steps` or one of `extraSteps`. */
export interface CommandSettings extends Omit<StepConfig, 'skip' | 'command'> {
  /** Where its settings are in mediwatch.yaml, for messages: `steps.trial`. */
  name: string;
  command: readonly string[];
}

/** The settings of an extra step as those of a command. */
export function extraStepSettings({ before: _, after: __, ...step }: ExtraStep): CommandSettings {
  return { ...step, name: `extraSteps.${step.name}` };
}

/** Every text of a command that may have placeholders. */
export function textsOf({ command, env }: Pick<CommandSettings, 'command' | 'env'>): string[] {
  return [...command, ...Object.values(env)];
}

/** A command that ended, before its folders are removed. */
export interface Ran {
  settings: CommandSettings;
  /** Why it did not end well, where `judgesFailures` is set. */
  failure: Error | undefined;
  /** What it wrote to MEDIWATCH_RESULT; undefined: nothing. */
  result: unknown;
  /** The numbers that `outputs.pattern` found in its output; undefined: no line matched, or there is no pattern. */
  printed: Metrics | undefined;
  /** The folder that was `{output}`. */
  output: string;
  /** MLflow run that was opened for it. */
  runId: string | undefined;
  /** Unix time (ms). */
  startedAt: number;
  /** Unix time (ms). */
  endedAt: number;
  /**
   * Where a path of `outputs` lies.
   *
   * @throws {StepProblem} when there is nothing, or only what an earlier run has left
   */
  written(setting: 'file' | 'directory' | 'modelFile', path: string): Promise<string>;
  /** Runs another command where this one ran. */
  runMore(command: readonly string[]): Promise<void>;
}
