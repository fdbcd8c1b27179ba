import { z } from 'zod';
import { DriftDocument } from './drift.ts';
import type { StepName } from './plans.ts';
import { Comparison, memoryMb, RecordedFiles } from './registry.ts';
import { ReportInput, WrittenReport } from './report.ts';
import {
  ColumnChoice,
  Dataset,
  FoundByTrial,
  Metrics,
  MODELS,
  Params,
  Space,
  TASKS,
  TrainedModel,
  Trial,
} from './training.ts';
import { Floor, ModelNeed } from './verdicts.ts';

/**
 * What each step is given and what it answers. The Python package's types, checks, defaults and flags are generated from
 * here (`npm run docs`), and so is docs/steps.md. A default is what a step takes when it is run by hand without the field.
 */

const text = z.string().min(1);
const seed = z
  .number()
  .int()
  .min(0)
  .max(2 ** 32 - 1)
  .default(42)
  .describe('seed for all randomness');
const threads = z.number().int().min(1).max(1024).default(1).describe('threads to use');
const model = z.enum(MODELS).default('hgb').describe('hgb: histogram gradient boosting; rf: random forest');
const params = Params.nullable().default(null).describe("parameters, laid over the model's own; null: its own alone");
const datasetDir = text.describe('folder that prepare wrote');
const dataPath = text.describe('source of the data');
const trackingUri = text.describe("MLflow's tracking server");
const workDir = text.nullable().default(null).describe('folder for temporary files');
const fraction = z.number().gt(0).lt(1).default(0.15);

/** What commands are given beside the input of the bundled step; their model may be any. */
const forCommands = { dataPath, model: text.describe('kind of model that was asked for') };

const PrepareInput = z.strictObject({
  dataPath: text.describe('CSV or Parquet file, packed or not'),
  outputDir: text.describe('folder to write to'),
  seed,
  testFraction: fraction.describe('share of the groups in the test split'),
  validationFraction: fraction.describe('share of the groups in the validation split'),
  target: text.default('readmitted').describe('column to predict'),
  task: z
    .enum(['auto', ...TASKS])
    .default('auto')
    .describe('what is predicted; auto: as the values of the target suggest'),
  positive: text
    .nullable()
    .default(null)
    .describe('value of the target that counts as positive; null: it is found out'),
  group: text
    .nullable()
    .default('patient_nbr')
    .describe('column whose values stay in one split; null: rows are independent'),
  drop: z
    .array(z.string())
    .nullable()
    .default(null)
    .describe('columns that the model must not read; null: the identifiers'),
  idCategories: z
    .array(z.string())
    .nullable()
    .default(null)
    .describe('numeric columns that are categories; null: the known ones'),
  columns: z
    .record(z.string(), ColumnChoice)
    .default({})
    .describe('what columns hold, by name, where it is not what their cells look like'),
  separator: text.max(1).nullable().default(null).describe('between the cells of CSV; null: found from the file'),
  encoding: text.nullable().default(null).describe('of the text, such as latin-1; null: found from the file'),
});

/** What a step that prepares data says of the data set; a command need not know any of it. */
export const Prepared = Dataset.omit({ ref: true, sourceSha256: true, features: true }).extend({
  features: z
    .array(
      z.object({
        name: z.string(),
        kind: z.string().describe('numeric, categorical, date, boolean or text'),
        format: z.string().optional().describe('how its cells are written, where there are several ways'),
      }),
    )
    .nullable()
    .describe('columns that the model sees'),
});
export type Prepared = z.infer<typeof Prepared>;

const PrepareResult = Prepared.extend({
  dataSha256: z.string().optional().describe('digest of the unpacked file'),
});

const SearchInput = z.strictObject({
  datasetDir,
  dataPath,
  model: forCommands.model,
  trials: z.number().int().describe('trials that were asked for'),
  parallel: z.number().int().describe('trials that may run at once'),
  seed,
  threads,
});

export const SearchResult = z.object({
  best: Trial.describe('the best trial'),
  trials: z.array(Trial).describe('the trials to show'),
  complete: z.number().describe('trials with a score'),
  pruned: z.number().default(0).describe('trials that were ended early'),
  failed: z.number().describe('trials without one'),
});
export type SearchResult = z.infer<typeof SearchResult>;

const SuggestInput = z.strictObject({
  model,
  sampler: z.enum(['tpe', 'random']).default('tpe').describe('how parameters are proposed'),
  seed,
  count: z.number().int().min(1).max(1000).default(1).describe('how many parameter sets'),
  trials: z
    .array(Trial.pick({ number: true, params: true, state: true, score: true, reports: true }))
    .default([])
    .describe('trials so far'),
  first: z.array(Params).default([]).describe('parameter sets to propose before any other, where the space holds them'),
  space: Space.nullable().default(null).describe("search space; null: the model's own"),
  rows: z.number().int().nullable().default(null).describe("training rows, which bound the model's own space"),
  direction: z.enum(['maximize', 'minimize']).default('maximize').describe('which scores are better'),
});

const JudgeInput = z.strictObject({
  pruner: z.enum(['median', 'asha', 'hyperband']).default('asha').describe('which of its pruners Optuna asks'),
  direction: SuggestInput.shape.direction,
  number: z.number().int().min(0).describe('trial to judge, by its latest report'),
  trials: z.array(Trial.pick({ number: true, state: true, reports: true })).describe('trials so far'),
});

export const JudgeResult = z.object({ prune: z.boolean().describe('whether the trial is to end') });

export const SuggestResult = z.object({ params: z.array(Params).describe('parameter sets to try') });

const share = z.number().gt(0).max(1).default(1).describe('share of the rows to fit on');

const TrialInput = z.strictObject({ datasetDir, model, params, seed, threads, share });

export const TrialResult = z.object({
  score: z.number().describe('what the search decides by; of the bundled step, validation AUC or R²'),
  metrics: Metrics.describe('what the run of the trial shows'),
});
export type TrialResult = z.infer<typeof TrialResult>;

const TrainInput = z.strictObject({
  datasetDir,
  model,
  params,
  seed,
  threads,
  trackingUri,
  runId: text.nullable().default(null).describe('MLflow run to log to; null: a new one'),
  experiment: text.default('mediwatch').describe('experiment of a new run'),
  workDir,
  tags: z.record(z.string(), z.string()).nullable().default(null).describe('tags of the run'),
  found: FoundByTrial.nullable().default(null).describe('what a trial of the same input found; null: it is found here'),
});

/** What the bundled training says besides; a workflow needs no more than {@link TrainedModel}. */
const TrainResult = TrainedModel.extend({
  source: z.string().optional().describe("where the model's files lie, for registering a version"),
  threshold: z.number().optional().describe('probability from which a record counts as positive'),
  params: Params.optional().describe('parameters that it was fitted with'),
});

const EvaluateInput = z.strictObject({
  datasetDir,
  trackingUri,
  models: z
    .array(
      z.object({
        id: text,
        uri: text.describe('such as models:/Name/3'),
        recorded: RecordedFiles.nullable().default(null).describe('files as registered; null: not known'),
      }),
    )
    .min(1)
    .describe('models to score'),
  threads,
  memoryMb,
  bootstrap: z
    .strictObject({
      confidences: z
        .record(z.string(), z.number().gt(0).lt(1))
        .default({})
        .describe('one-sided confidence by metric, such as test_auc: 0.95'),
      samples: z.number().int().min(10).max(100_000).default(1000).describe('resamples to draw'),
      seed,
    })
    .nullable()
    .default(null)
    .describe('required confidence of the differences between the first two models; null: not asked'),
});

export const EvaluateResult = z.object({
  models: z.record(z.string(), Metrics).describe('scores on the test split by id'),
  primary: z.string().optional().describe('score that comes first, such as test_auc, or test_r2 of a regression'),
  differences: Comparison.shape.differences.default({}),
  needs: z.record(z.string(), z.array(ModelNeed)).default({}).describe('by id, what it did that no model should need'),
  floors: z
    .record(z.string(), Floor)
    .default({})
    .describe('by id, whether it is better than a model that tells nothing apart: low must be above trivial'),
});
export type EvaluateResult = z.infer<typeof EvaluateResult>;

const hours = z.number().gt(0).nullable().default(null);
const rows = (about: string, count: number) => z.number().int().min(1).default(count).describe(about);

/** What a prediction log calls its columns beside the features. */
export const ColumnNames = z.strictObject({
  time: z.string().min(1).default('ts').describe('time of a prediction: Unix time (s or ms) or ISO 8601'),
  prediction: z.string().min(1).default('pred').describe('what was predicted'),
  probability: z.string().min(1).default('prob').describe('its probability or score'),
  eventId: z.string().min(1).default('event_id').describe('id of a prediction, by which outcomes are joined'),
  registeredModel: z.string().min(1).default('registered_model').describe('registered model that predicted'),
  modelVersion: z.string().min(1).default('model_version').describe('version that predicted'),
});
export type ColumnNames = z.infer<typeof ColumnNames>;

export const MonitorInput = z.strictObject({
  log: text.describe('prediction log: CSV or Parquet file, folder of them, or glob'),
  outputDir: text.describe('folder for the report and the drift document'),
  registeredModel: text.nullable().default(null).describe('rows of the log that name another model are passed over'),
  minRows: rows('rows that each window must have', 50),
  currentRows: rows('newest rows, at most half of the log', 1000),
  referenceRows: rows('rows before those', 5000),
  currentHours: hours.describe('current window by time instead (hours)'),
  referenceHours: hours.describe('reference window by time instead (hours)'),
  reference: z.enum(['log', 'training']).default('log').describe('what the newest rows are compared with'),
  datasetDir: text.nullable().default(null).describe('folder that prepare wrote, for the reference training'),
  columns: z.array(z.string()).nullable().default(null).describe('features to compare; null: all'),
  drop: PrepareInput.shape.drop.describe('columns of the log that are no features; null: the identifiers'),
  idCategories: PrepareInput.shape.idCategories,
  kinds: PrepareInput.shape.columns,
  method: text.nullable().default(null).describe('test or distance, as Evidently names it; null: its own choice'),
  threshold: z.number().gt(0).nullable().default(null).describe("threshold of the method; null: the method's own"),
  driftShare: z.number().gt(0).default(0.5).describe('share of drifted features from which the data set has drifted'),
  labels: text.nullable().default(null).describe('CSV or Parquet file with event_id and the outcome'),
  labelColumn: text.default('label').describe('column of the outcome'),
  columnNames: ColumnNames.nullable()
    .default(null)
    .describe('columns of the log by other names; null: those of our API'),
});
export type MonitorInput = z.input<typeof MonitorInput>;

const files = {
  html: z.string().nullish().describe('HTML page'),
  json: z.string().nullish().describe("Evidently's JSON"),
};
/** The drift document, or the path of a report of Evidently 0.4 or 0.7 that it is made from. */
export const MonitorResult = z.union([
  z.object({ document: DriftDocument.describe('the drift document'), ...files }),
  z.object({ report: z.string().describe('JSON report of Evidently'), html: files.html }),
]);
export type MonitorResult = z.infer<typeof MonitorResult>;

/** A step as the bundled package and as a command gets it. */
export interface StepContract {
  about: string;
  /** Input of the bundled step; null: there is none. */
  bundled: z.ZodObject | null;
  command: z.ZodObject;
  result: z.ZodType;
}

export const STEP_CONTRACTS = {
  prepare: {
    about: 'Splits the data by group, encodes them and writes the data set.',
    bundled: PrepareInput,
    command: PrepareInput,
    result: PrepareResult,
  },
  search: {
    about: 'Does the whole search; the runs that it opens are its trials.',
    bundled: null,
    command: SearchInput,
    result: SearchResult,
  },
  suggest: {
    about: 'Proposes the next parameters of a search.',
    bundled: SuggestInput,
    command: SuggestInput.extend({ model: forCommands.model }),
    result: SuggestResult,
  },
  trial: {
    about: 'Fits one set of parameters and scores it on the validation split.',
    bundled: TrialInput,
    command: TrialInput.omit({ share: true }).extend(forCommands),
    result: TrialResult,
  },
  train: {
    about: 'Fits on train and validation, scores the test split and logs the model to MLflow.',
    bundled: TrainInput,
    command: TrainInput.omit({ trackingUri: true, runId: true, experiment: true, tags: true, found: true }).extend({
      ...forCommands,
      trials: z.array(Trial).describe('trials of the search'),
    }),
    result: TrainResult,
  },
  evaluate: {
    about: 'Scores model versions on the test split of one data set.',
    bundled: EvaluateInput,
    command: EvaluateInput.extend({
      dataPath,
      version: text.optional().describe('the one version to score, for a command that takes {version}'),
    }),
    result: EvaluateResult,
  },
  report: {
    about: 'Logs the HTML page about a new version to its run.',
    bundled: ReportInput,
    command: ReportInput.extend({ dataPath, version: text.describe('version that the page is about') }),
    result: WrittenReport,
  },
  monitor: {
    about: 'Compares the newest rows of a prediction log with earlier ones or with the training data.',
    bundled: MonitorInput,
    command: MonitorInput,
    result: MonitorResult,
  },
} as const satisfies Record<StepName, StepContract>;

const RegisterResult = z.object({
  name: z.string(),
  version: z.string(),
  created: z.boolean().describe('false: the run had this version already'),
});

/** Commands of the Python package that no project can replace. */
export const TOOL_CONTRACTS = {
  judge: {
    about: 'Decides whether a trial goes on after the score that it has reported.',
    bundled: JudgeInput,
    result: JudgeResult,
  },
  register: {
    about: 'Registers the model of a run as a new version, once.',
    bundled: z.strictObject({
      trackingUri,
      name: text.describe('registered model'),
      runId: text.describe('run that the model belongs to'),
      source: text.describe("where the model's files are, as train says"),
      modelId: text.nullable().default(null).describe('logged model, as train says'),
      tags: z.record(z.string(), z.string()).nullable().default(null).describe('tags of the version'),
    }),
    result: RegisterResult,
  },
  'train-and-register': {
    about: 'Trains as train does; with a registered model it also makes a version.',
    bundled: TrainInput.extend({
      register: text.nullable().default(null).describe('registered model to make a version of'),
    }),
    result: TrainResult.extend({ registered: RegisterResult.optional() }),
  },
  'drift-document': {
    about: 'Turns a drift report of Evidently 0.4 or 0.7 into the drift document that the gate judges.',
    bundled: z.strictObject({ report: text.describe('JSON file, or "-" for standard input') }),
    result: DriftDocument,
  },
} as const satisfies Record<string, Omit<StepContract, 'command'>>;

/** Why a step failed, as it says in its answer; `type` is one of FAILURES, or a name that the command made up. */
export const StepFailure = z.object({
  type: z.string(),
  message: z.string().describe('what happened and what to do about it'),
  retryable: z.boolean().default(false),
  field: z.string().nullish().default(null).describe('field of the input that is to blame'),
});
export type StepFailure = z.infer<typeof StepFailure>;
