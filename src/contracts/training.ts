import { z } from 'zod';

/** A set of files in the artifact store. The same bytes have the same reference on every host. */
export const ArtifactRef = z.strictObject({
  uri: z.string().max(1_000).describe('where the manifest lies, such as mlflow-artifacts:/1/mediwatch/sha256/ab12…'),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe('digest of the manifest, which holds the digest of each file'),
  sizeBytes: z.number().int().nonnegative().describe('size of all files together (bytes)'),
  madeOf: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .exactOptional()
    .describe('digest of the file and the command that a data set was made of; absent: not known'),
});
export type ArtifactRef = z.infer<typeof ArtifactRef>;

/** The kinds of model that the bundled Python package trains. */
export const MODELS = ['hgb', 'rf'] as const;

/** What is predicted: one of two values, one of several, or a number. */
export const TASKS = ['binary', 'multiclass', 'regression'] as const;
export const Task = z.enum(TASKS);
export type Task = z.infer<typeof Task>;

export const Params = z.record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.null()]));
export type Params = z.infer<typeof Params>;

export const Metrics = z.record(z.string(), z.number().nullable());
export type Metrics = z.infer<typeof Metrics>;

/** Scores that versions are known by, the first one that there is; the bundled training logs one of them. */
export const FIRST_SCORES = ['test_auc', 'test_r2'] as const;

/** A score and what it is called. */
export const NamedScore = z.object({ metric: z.string().describe('such as test_auc'), value: z.number() });
export type NamedScore = z.infer<typeof NamedScore>;

const Dimension = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('float'),
    low: z.number(),
    high: z.number(),
    log: z.boolean().optional(),
    step: z.number().positive().optional(),
  }),
  z.strictObject({
    type: z.literal('int'),
    low: z.number().int(),
    high: z.number().int(),
    log: z.boolean().optional(),
    step: z.number().int().positive().optional(),
  }),
  z.strictObject({
    type: z.literal('categorical'),
    choices: z.array(z.union([z.string(), z.number(), z.boolean()])).min(1),
  }),
]);
/** A search space: the range of each parameter by name. */
export const Space = z.record(z.string(), Dimension);
export type Space = z.infer<typeof Space>;

const count = z.number().int().nullable();
/** One split of a data set. */
export const Split = z.object({ rows: z.number().int(), groups: count, positives: count });

/** What people may say that a column holds. */
export const ColumnChoice = z.enum(['number', 'category', 'date', 'boolean', 'text', 'drop']);

/** A column that the model does not read. */
export const DroppedColumn = z.object({
  name: z.string(),
  reason: z
    .enum(['asked', 'group', 'empty', 'constant', 'nearlyConstant', 'rowNumber', 'identifier', 'tooManyTexts'])
    .describe(
      'asked: by the settings; group: rows are split by it; nearlyConstant: fewer than 0.5 % of the rows differ; rowNumber: the index of a table; identifier: a name of each row; tooManyTexts: five are read',
    ),
});
export type DroppedColumn = z.infer<typeof DroppedColumn>;

/** What people should know of how a table was read. Lines are those of the file, from 1 on; a cell is never shown. */
export const TableRemark = z.object({
  code: z
    .enum(['encoding', 'separator', 'lost', 'notNumbers', 'units', 'dayOrMonth', 'pointOrComma'])
    .describe(
      'encoding, separator: found, as the settings do not say; lost: cells that are none of their kind count as missing; notNumbers: they make categories of a column of numbers; units: numbers with units are categories; dayOrMonth, pointOrComma: all could be meant either way',
    ),
  column: z.string().nullable().default(null),
  cells: z.number().int().nullable().default(null).describe('cells that it is about'),
  line: z.number().int().nullable().default(null).describe('line of the first of them'),
  detail: z.string().nullable().default(null).describe('encoding or separator'),
});
export type TableRemark = z.infer<typeof TableRemark>;

/**
 * A prepared data set: of the bundled step, encoded arrays, fitted encoder, raw test records, and what describes them;
 * of a command, the files that it wrote. Counts that a command did not tell are null.
 */
export const Dataset = z.object({
  ref: ArtifactRef,
  rows: count.describe('records in all splits'),
  groups: count.describe('values of the group column in all splits; without one, rows'),
  positives: count.describe('records whose target is positive; null: it is not binary'),
  task: Task.nullish().describe('what is predicted; null: a command did not say'),
  positive: z.string().nullish().describe('value of the target that counts as positive, of a binary one'),
  classes: z.array(z.string()).nullish().describe('values of the target, of several classes'),
  splits: z
    .object({ train: Split, validation: Split, test: Split })
    .nullable()
    .describe('rows, groups and positives of each split'),
  features: count.describe('columns that the model sees'),
  dropped: z.array(DroppedColumn).optional().describe('columns that the model does not see'),
  remarks: z.array(TableRemark).optional().describe('what people should know of how the table was read'),
  sourceSha256: z.string().nullable().describe('digest of the source file; null: the command reads another source'),
});
export type Dataset = z.infer<typeof Dataset>;

/** A score that a trial reported on its way. */
export const TrialReport = z.object({
  step: z
    .number()
    .int()
    .min(1)
    .describe('how far it was: the n-th score of a script; of bundled trials, ninths of the rows'),
  score: z.number(),
});
export type TrialReport = z.infer<typeof TrialReport>;

/** One point of the search space and what came of it. */
export const Trial = z.object({
  number: z.number().int().nonnegative(),
  params: Params,
  state: z.enum(['running', 'complete', 'pruned', 'failed']),
  score: z.number().optional().describe('what the search decides by; of the bundled step, validation AUC or R²'),
  reports: z.array(TrialReport).optional().describe('scores on the way, in order; by them the search prunes'),
  metrics: Metrics.optional(),
  runId: z.string().optional().describe("the trial's MLflow run"),
  seconds: z.number().optional(),
  error: z.string().optional(),
});
export type Trial = z.infer<typeof Trial>;

/** What a fit on the training split found by the validation split, and the final fit needs. */
export const FoundByTrial = z.strictObject({
  iterations: z.number().int().positive().describe('iterations of boosting, trees of a forest'),
  threshold: z
    .number()
    .nullable()
    .describe('probability from which a record counts as positive; null: of no binary target'),
});
export type FoundByTrial = z.infer<typeof FoundByTrial>;

/** A finished training: a model in an MLflow run, not yet a registered version. */
export const TrainedModel = z.object({
  runId: z.string().describe('MLflow run that holds the model'),
  modelUri: z.string().describe('where the model lies, such as models:/m-0123 or runs:/…/model'),
  version: z.string().nullish().describe('version that the training registered by itself'),
  modelId: z.string().nullish().describe("MLflow 3's logged-model id"),
  metrics: Metrics.describe('scores on the test split'),
  reportUri: z.string().nullish().describe('page about the model, if there is one'),
});
export type TrainedModel = z.infer<typeof TrainedModel>;
