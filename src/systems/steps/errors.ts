import { StepError } from '../processes/errors.ts';

/** A step has no result, and another attempt would have none either. */
class StepProblem extends StepError {
  override name = 'StepProblem';
  readonly code: string;

  constructor(type: 'InvalidConfig' | 'StepFailed', code: string, message: string) {
    super({ type, message, retryable: false, field: null });
    this.code = code;
  }
}

const invalid = (code: string, message: string) => new StepProblem('InvalidConfig', code, message);
const failed = (code: string, message: string) => new StepProblem('StepFailed', code, message);
const list = (names: readonly string[], none: string) => names.join(', ') || none;

/** mediwatch.yaml asks for what cannot be done. A setting is named as it is written there: `steps.trial.venv`. */
export const invalidSetting = {
  noCommand: (step: string) => invalid('noCommand', `${step} has no command.`),
  skipped: (step: string) => invalid('skipped', `${step}.skip is set: this project has no such step.`),
  placeholder: (step: string, reason: string) => invalid('placeholder', `${step}: ${reason}.`),
  noVenv: (step: string, folder: string) =>
    invalid('noVenv', `${step}.venv: ${folder} is no virtual environment: it has no bin/python.`),
  tooFewGpus: (step: string, wanted: number, gpus: readonly string[]) =>
    invalid(
      'tooFewGpus',
      `${step}.gpus is ${wanted}, and this host has ${gpus.length === 0 ? 'no GPU' : `these: ${gpus.join(', ')}`}. ` +
        'worker.gpus names those that nvidia-smi does not.',
    ),
  noCheckout: (step: string, folder: string, reason: string) =>
    invalid(
      'noCheckout',
      `${step}.isolate is "worktree", but ${folder} is not a git checkout with a commit: ${reason}`,
    ),
  noNamedGroup: (setting: string) =>
    invalid('noNamedGroup', `${setting} has no named group: write (?<auc>[\\d.]+) where the metric "auc" stands.`),
  noPattern: (setting: string, reason: string) =>
    invalid('noPattern', `${setting} is not a regular expression: ${reason}.`),
};

type NamedVersion = Readonly<{ name: string; version: string }>;

/** Versions that a command which failed had registered. */
export interface LeftVersions {
  removed: readonly NamedVersion[];
  /** Somebody uses them, or they are of another model. */
  kept: readonly NamedVersion[];
  /** Registered while it ran; nobody knows by whom. */
  perhaps: readonly NamedVersion[];
}

/** The same error, which says first what became of the versions; undefined: they could not be looked up. */
export function sayingWhatWasLeft(error: unknown, left: LeftVersions | undefined): unknown {
  const named = (versions: readonly NamedVersion[] = []) =>
    versions.map(({ name, version }) => `version ${version} of ${name}`).join(', ');
  const { removed, kept, perhaps } = left ?? {};
  const said = [
    left ? '' : 'Whether it had registered a version could not be looked up',
    removed?.length ? `It had registered ${named(removed)}, removed again` : '',
    kept?.length ? `It had registered ${named(kept)}, left as it is` : '',
    perhaps?.length ? `It may have registered ${named(perhaps)}, left as it is` : '',
  ].filter(Boolean);
  if (error instanceof Error && said.length > 0) error.message = `${said.join('. ')}. ${error.message}`;
  return error;
}

interface NamedRun {
  name: string;
  runId: string;
  metrics: Readonly<Record<string, number | null>>;
}

function runText({ name, runId, metrics }: NamedRun): string {
  const some = Object.entries(metrics).slice(0, 3);
  return [`${name || 'a run'} (${runId})`, ...some.map(([metric, value]) => `${metric} ${value ?? 'NaN'}`)].join(' ');
}

/** The command ended well, but what it left is no result. */
export const noResult = {
  none: (step: string) => failed('none', `The command of ${step} ended well but wrote no result to MEDIWATCH_RESULT.`),
  unreadable: (reason: string) => failed('unreadable', `The result file is not what a step writes: ${reason}`),
  wrongAnswer: (step: string, wrong: readonly string[]) =>
    failed(
      'wrongAnswer',
      `The step ${step} gave a wrong answer: ${wrong.join('; ')}. Correct what steps.${step}.command answers; ` +
        'if none is set, worker and Python package are of different releases.',
    ),
  notWritten: (setting: string, path: string) =>
    failed('notWritten', `The command ended well but did not write ${path} (${setting}).`),
  ofEarlierRun: (setting: string, path: string) =>
    failed('ofEarlierRun', `The command ended well but did not write ${path} (${setting}); it is of an earlier run.`),
  emptyFolder: (folder: string, setting: string) =>
    failed(
      'emptyFolder',
      `The command ended well but wrote nothing to ${folder}. Pass {output} to it, or set ${setting} to the folder ` +
        'that it writes.',
    ),
  notOneFile: (what: string, found: readonly string[], setting: string) =>
    failed(
      'notOneFile',
      `The command ended well, but its ${what} was not found: {output} holds ${list(found, 'none')}. Set ${setting}.`,
    ),
  noMetricsFile: (file: string, reason: string) =>
    failed('noMetricsFile', `${file} is not a JSON file with metrics: ${reason}`),
  noScore: (step: string, metric: string, looked: ReadonlyArray<{ name: string; metrics: object }>) => {
    const places = looked.map(({ name, metrics }) => `${name}: ${list(Object.keys(metrics).sort(), 'nothing')}`);
    return failed(
      'noScore',
      `The command ended well, but its score, the metric "${metric}", was not found. Looked in ${places.join('; ')}. ` +
        `Set search.metric to the name that it has there, or ${step}.outputs (metrics, pattern or file) to where it is.`,
    );
  },
  scoreNotANumber: (metric: string, place: string) =>
    failed(
      'scoreNotANumber',
      `The command ended well, but its score is NaN: the metric "${metric}" of ${place} is not a number.`,
    ),
  noMatch: (step: string, pattern: string, wanted: readonly string[]) =>
    failed(
      'noMatch',
      `The command ended well, but no line of its output matches ${step}.outputs.pattern (${pattern}), and nothing else ` +
        `says its ${list(wanted, 'metrics')}. Compare the pattern with its log.`,
    ),
  noTrial: (metric: string, runs: readonly string[]) =>
    failed(
      'noTrial',
      `The search ended well, but none of its runs has the metric "${metric}". It opened ` +
        `${runs.slice(0, 10).join('; ') || 'no runs'}. Set search.metric to the name that it has there.`,
    ),
  noModel: (registeredModel: string, runIds: readonly string[], model: string) =>
    failed(
      'noModel',
      `The training ended well, but no model was found: no version of ${registeredModel} was registered meanwhile, and ` +
        `neither ${runIds.map((runId) => `run ${runId}`).join(' nor ')} holds a model "${model}". ` +
        'Set registry.registeredModel to the name that the script registers, or steps.train.outputs.model or modelFile.',
    ),
  unreadableModel: (setting: string, file: string, reason: string) =>
    failed(
      'unreadableModel',
      `${file} (${setting}) cannot be read in the environment of the step, so no version can be made of it. ${reason}`,
    ),
  ambiguousRuns: (runs: ReadonlyArray<{ name: string; runId: string }>) =>
    failed(
      'ambiguousRuns',
      'Several MLflow runs were made at the same time, and any of them may be of this step: ' +
        `${runs.map(({ name, runId }) => `${name} (${runId})`).join(', ')}. ` +
        'Let the script open its run with mlflow.start_run, set slots: 1 for the step, or set its outputs.',
    ),
  severalRuns: (step: string, runs: ReadonlyArray<NamedRun>) =>
    failed(
      'severalRuns',
      `The command opened several MLflow runs, and it is not known which of them counts: ${runs.map(runText).join('; ')}. ` +
        `Set ${step}.outputs.run to its name, or to "last"; or let the script register the model that it keeps, or write ` +
        'its score to a file (outputs.file).',
    ),
  noSuchRun: (step: string, wanted: string, runs: ReadonlyArray<NamedRun>) =>
    failed(
      'noSuchRun',
      `The command opened no MLflow run "${wanted}" (${step}.outputs.run) with what is looked for; it opened ` +
        `${runs.map(runText).join('; ')}.`,
    ),
  severalModels: (step: string, runId: string, names: readonly string[]) =>
    failed(
      'severalModels',
      `The MLflow run ${runId} holds several models, and it is not known which of them counts: ${names.join(', ')}. ` +
        `Set ${step}.outputs.model to its name.`,
    ),
  otherExperiment: (reason: string) =>
    failed(
      'otherExperiment',
      'The script sets another MLflow experiment than the one in which its run was opened. Set mlflow.experiment to ' +
        'the experiment that the script uses, or give the step env: { MLFLOW_RUN_ID: "" } so that it opens its own ' +
        `run.\n${reason}`,
    ),
};
