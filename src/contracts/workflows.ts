import { z } from 'zod';
import { ArtifactRef } from './artifacts.ts';
import { BuiltImage, Deployment } from './deployment.ts';
import { DriftReport, DriftVerdict } from './drift.ts';
import { MetricRule, ModelVersionRef, Promotion } from './registry.ts';
import { ForeignId, Location, ModelName, VersionNumber, words } from './text.ts';
import { Dataset, MODELS, Params, Trial } from './training.ts';

const registeredModel = ModelName.describe('registered model in MLflow; default: registry.registeredModel');
const model = z.enum(MODELS).describe('kind of model: hgb or rf; default: training.model');
const trials = z.number().int().min(0).max(10_000).describe('trials of the search, 0 for none; default: search.trials');
const parallel = z
  .number()
  .int()
  .min(1)
  .max(256)
  .describe('trials at once; default: search.parallel, or one for each training slot');
const data = Location.describe('CSV file, plain or gzipped; default: data.path');
/** What NumPy takes. */
const seed = z
  .number()
  .int()
  .min(0)
  .max(2 ** 32 - 1)
  .describe('seed of the split and the search; default: data.seed');
const force = z.boolean();
const version = VersionNumber;
const trigger = words(200).describe('what started it, such as schedule or drift alert');
const stage = z.enum(['Production', 'Staging', 'None']);
const maxAucLoss = z
  .number()
  .min(0)
  .max(1)
  .describe('test AUC that the challenger may be under the champion; default: promotion.maxAucLoss');
const policy = z.enum(['rules', 'always', 'never']).describe('promotion gate; default: promotion.policy');
const rules = z.array(MetricRule).max(100).describe('metric rules of the gate; default: promotion.rules');
const approval = z.boolean().describe('wait for a person before Production; default: approval.required');
const stagingFirst = z
  .boolean()
  .describe('smoke-test it in Staging before Production; default: promotion.stagingFirst');
const strategy = z
  .enum(['atOnce', 'canary', 'linear'])
  .describe('how traffic moves to the new version; default: rollout.strategy');
const by = words(200).min(1).describe('who asks for it, for the history of Production');
const dataset = Dataset.describe('prepared data set; default: prepared from data.path');
const report = words(2000).describe('link to the drift report that led to it, kept on the version');
const dryRun = z.boolean().describe('only tell what it would do, and change nothing');
const underLockOf = ForeignId.describe('set by a parent workflow that already holds the lock of the model');

export const PrepareDataInput = z.strictObject({
  registeredModel: registeredModel.optional(),
  data: data.optional(),
  seed: seed.optional(),
  force: force.optional().describe('prepare again although the same data set is in the store'),
});
export type PrepareDataInput = z.infer<typeof PrepareDataInput>;

export const SearchInput = z.strictObject({
  registeredModel: registeredModel.optional(),
  model: model.optional(),
  trials: trials.min(1).optional().describe('trials of the search; default: search.trials'),
  parallel: parallel.optional(),
  data: data.optional(),
  seed: seed.optional(),
  dataset: dataset.optional(),
  parentRunId: ForeignId.max(250)
    .optional()
    .describe('MLflow run under which the trials are nested; default: a new one'),
});
export type SearchInput = z.infer<typeof SearchInput>;

export const SearchResult = z.object({
  runId: z.string(),
  dataset: Dataset,
  best: Trial,
  metric: z.string().optional().describe('what its score is called; absent: validation AUC'),
  trials: z.array(Trial).describe('the best and the latest trials, 200 at most; all of them are in MLflow'),
  complete: z.number().int(),
  failed: z.number().int(),
});
export type SearchResult = z.infer<typeof SearchResult>;

export const TrainInput = z.strictObject({
  registeredModel: registeredModel.optional(),
  model: model.optional(),
  params: Params.optional().describe('hyperparameters; default: those of the model'),
  data: data.optional(),
  seed: seed.optional(),
  dataset: dataset.optional(),
  searchTrials: z.array(Trial).max(1_000).optional().describe('trials of the search, for the report'),
  runId: ForeignId.max(250).optional().describe('MLflow run that the model is logged to; default: a new one'),
  trigger: trigger.optional(),
  report: report.optional(),
});
export type TrainInput = z.infer<typeof TrainInput>;

export const PromoteInput = z.strictObject({
  registeredModel: registeredModel.optional(),
  version: version.optional().describe('version to promote; default: the newest'),
  stage: stage.exclude(['None']).optional().describe('stage to move it to; default: Production'),
  maxAucLoss: maxAucLoss.optional(),
  policy: policy.optional(),
  rules: rules.optional(),
  approval: approval.optional(),
  stagingFirst: stagingFirst.optional(),
  strategy: strategy.optional(),
  force: force.optional().describe('promote although the gate refuses'),
  redeploy: z.boolean().optional().describe('redeploy the API after a promotion to Production; default: true'),
  dataset: ArtifactRef.optional().describe('data set whose test split is scored; default: the one of the version'),
  by: by.optional(),
  dryRun: dryRun.optional(),
});
export type PromoteInput = z.infer<typeof PromoteInput>;

/** What a dry run found. */
export const DryRun = z.object({
  would: z.array(z.string()).describe('each change that it would make, in a sentence; empty: none'),
});
export type DryRun = z.infer<typeof DryRun>;

export const PromoteResult = z.object({
  promotion: Promotion,
  deployment: Deployment.nullable(),
  dryRun: DryRun.optional(),
});
export type PromoteResult = z.infer<typeof PromoteResult>;

export const RollbackInput = z.strictObject({
  registeredModel: registeredModel.optional(),
  version: version.optional().describe('version to go back to; default: the one with the alias "previous"'),
  reason: words(1000).optional().describe('why, kept on the version that is left'),
  by: by.optional(),
  dryRun: dryRun.optional(),
});
export type RollbackInput = z.infer<typeof RollbackInput>;

export const RollbackResult = z.object({
  registeredModel: z.string(),
  version: z.string(),
  left: z.string().nullable().describe('version that was in Production before'),
  deployment: Deployment.nullable(),
  dryRun: DryRun.optional(),
});
export type RollbackResult = z.infer<typeof RollbackResult>;

export const RedeployInput = z.strictObject({
  registeredModel: registeredModel.optional(),
  version: version.optional().describe('version to deploy; default: the one in Production'),
  strategy: strategy.optional(),
  dryRun: dryRun.optional(),
  underLockOf: underLockOf.optional(),
});
export type RedeployInput = z.infer<typeof RedeployInput>;

export const RedeployResult = Deployment.extend({ dryRun: DryRun.optional() });
export type RedeployResult = z.infer<typeof RedeployResult>;

export const BuildImageInput = z.strictObject({
  registeredModel: registeredModel.optional(),
  version: version.optional().describe('version whose model is baked in; default: the runtime image, without a model'),
  force: force.optional().describe('build although nothing has changed'),
});
export type BuildImageInput = z.infer<typeof BuildImageInput>;

export const RetrainInput = z.strictObject({
  registeredModel: registeredModel.optional(),
  model: model.optional(),
  trials: trials.optional(),
  parallel: parallel.optional(),
  data: data.optional(),
  seed: seed.optional(),
  stage: stage.optional().describe('promote to it if the gate agrees, None: only register; default: promotion.stage'),
  maxAucLoss: maxAucLoss.optional(),
  policy: policy.optional(),
  rules: rules.optional(),
  approval: approval.optional(),
  stagingFirst: stagingFirst.optional(),
  strategy: strategy.optional(),
  redeploy: z.boolean().optional().describe('redeploy the API after a promotion to Production; default: true'),
  force: force.optional().describe('prepare the data again although they are in the store'),
  trigger: trigger.optional(),
  report: report.optional(),
});
export type RetrainInput = z.infer<typeof RetrainInput>;

export const RetrainResult = z.object({
  version: ModelVersionRef,
  promotion: Promotion.nullable(),
  deployment: Deployment.nullable(),
});
export type RetrainResult = z.infer<typeof RetrainResult>;

export const DriftCheckInput = z.strictObject({
  registeredModel: registeredModel.optional(),
  log: Location.optional().describe('prediction log: file, folder or glob; default: monitoring.log'),
  reference: z
    .enum(['log', 'training'])
    .optional()
    .describe('what current rows are compared with; default: monitoring.reference'),
  minRows: z.number().int().min(1).optional().describe('rows that each window must have; default: monitoring.minRows'),
  alert: z.boolean().optional().describe('tell the steward of drift, which retrains; default: true'),
});
export type DriftCheckInput = z.infer<typeof DriftCheckInput>;

export const DriftCheckResult = DriftVerdict.extend({
  registeredModel: z.string(),
  report: DriftReport,
  alerted: z.boolean().describe('whether the steward was told'),
});
export type DriftCheckResult = z.infer<typeof DriftCheckResult>;

export const DriftStewardInput = z.strictObject({ registeredModel: registeredModel.optional() });
export type DriftStewardInput = z.infer<typeof DriftStewardInput>;

interface WorkflowContract {
  input: z.ZodType;
  result: z.ZodType;
  /** What it does, in a sentence. */
  about: string;
  /** An input that works. */
  example: Record<string, unknown>;
}

/** Every workflow that people start: the parser of its input, and what the documentation and the UI say of it. */
export const WORKFLOWS = {
  retrain: {
    input: RetrainInput,
    result: RetrainResult,
    about: 'Prepares the data, searches, trains, registers, promotes if the gate agrees, and redeploys the API.',
    example: { trials: 20, stage: 'Production' },
  },
  prepareData: {
    input: PrepareDataInput,
    result: Dataset,
    about: 'Splits and encodes the data by patient and puts the data set into the artifact store.',
    example: { data: 'data/diabetic_data.csv.gz' },
  },
  hyperparameterSearch: {
    input: SearchInput,
    result: SearchResult,
    about: 'Tries hyperparameters in parallel; each trial is an MLflow run scored on the validation split.',
    example: { trials: 50, parallel: 2 },
  },
  trainBestAndRegister: {
    input: TrainInput,
    result: ModelVersionRef,
    about: 'Fits on train and validation, scores the test split, and registers one new model version.',
    example: { model: 'rf' },
  },
  promote: {
    input: PromoteInput,
    result: PromoteResult,
    about: 'Compares a version with the champion on the same test split, and moves it to a stage if the gate agrees.',
    example: { version: '3', stage: 'Production' },
  },
  rollback: {
    input: RollbackInput,
    result: RollbackResult,
    about: 'Brings the previous or a named version back to Production and to the running API.',
    example: { version: '2', reason: 'complaints from ward 7' },
  },
  redeploy: {
    input: RedeployInput,
    result: RedeployResult,
    about: 'Starts the Production version beside the running API, verifies it, and moves the traffic to it.',
    example: { version: '3' },
  },
  buildImage: {
    input: BuildImageInput,
    result: BuiltImage,
    about: 'Builds and pushes the image of the API, with a model version in it if one is named.',
    example: { version: '3' },
  },
  driftCheck: {
    input: DriftCheckInput,
    result: DriftCheckResult,
    about: 'Reports on drift in the prediction log, and tells the steward of the model when the gate calls it drift.',
    example: { minRows: 50 },
  },
  driftSteward: {
    input: DriftStewardInput,
    result: z.null(),
    about:
      'Takes the drift alerts of a model, starts one retrain for them, and cools down; there is one for each model.',
    example: { registeredModel: 'MediWatchReadmit' },
  },
} as const satisfies Record<string, WorkflowContract>;

export type WorkflowName = keyof typeof WORKFLOWS;
