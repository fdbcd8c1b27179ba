import { z } from 'zod';
import { BuiltImage, Deployment } from './deployment.ts';
import { DriftReport, DriftVerdict } from './drift.ts';
import {
  DataOptions,
  MonitoringOptions,
  overrides,
  PromotionOptions,
  RolloutOptions,
  SearchOptions,
  TrainingOptions,
} from './options.ts';
import {
  BuildImagePlan,
  DriftCheckPlan,
  DriftStewardPlan,
  PrepareDataPlan,
  PromotePlan,
  RedeployPlan,
  RetrainPlan,
  RollbackPlan,
  SearchPlan,
  TrainPlan,
} from './plans.ts';
import { ModelVersionRef, Promotion } from './registry.ts';
import { ForeignId, Location, ModelName, VersionNumber, words } from './text.ts';
import { ArtifactRef, Dataset, Params, Trial } from './training.ts';
import { SearchStop, Suspicion } from './verdicts.ts';

const model = {
  registeredModel: ModelName.optional().meta({
    setting: 'registry.registeredModel',
    description: 'registered model in MLflow',
  }),
};
/** Of what makes and moves versions. An API, its images and a steward belong to declared models only. */
const anyModel = {
  ...model,
  undeclared: z.boolean().optional().describe('take a model that the settings do not declare; it gets no API'),
};
const data = {
  data: Location.optional().meta({ setting: 'data.path', description: 'CSV file, plain or gzipped' }),
  ...overrides('data', DataOptions),
};
const training = overrides('training', TrainingOptions);
const search = overrides('search', SearchOptions);
const rollout = overrides('rollout', RolloutOptions);
const promotion = {
  ...overrides('promotion', PromotionOptions),
  approval: z
    .boolean()
    .optional()
    .meta({ setting: 'approval.required', description: 'wait for a person before Production' }),
  ...rollout,
  redeploy: z.boolean().optional().meta({
    flag: 'no-redeploy',
    description: 'false: leave the API as it is after a promotion to Production',
  }),
};
const lineage = {
  trigger: words(200).optional().describe('what started it, such as schedule or drift alert'),
  driftReport: words(2000).optional().describe('link to the drift report that led to it, kept on the version'),
};
const dataset = Dataset.optional().describe('prepared data set; absent: prepared from the data');
const by = words(200).min(1).optional().describe('who asks for it, for the history of Production');
const dryRun = z.boolean().optional().describe('only say what it would do, and change nothing');

const PrepareDataInput = z.strictObject({
  ...anyModel,
  ...data,
  force: z.boolean().optional().describe('prepare again although the same data set is in the store'),
});

const SearchInput = z.strictObject({
  ...anyModel,
  ...training,
  ...search,
  trials: search.trials
    .unwrap()
    .min(1)
    .optional()
    .meta(search.trials.meta() ?? {}),
  ...data,
  dataset,
  parentRunId: ForeignId.max(250)
    .optional()
    .meta({ flag: '', description: 'MLflow run under which the trials are nested; absent: a new one' }),
});

export const SearchResult = z.object({
  runId: z.string(),
  dataset: Dataset,
  best: Trial,
  metric: z.string().describe('name of its score; empty: validation AUC'),
  trials: z.array(Trial).describe('the best and the latest trials, 200 at most; all of them are in MLflow'),
  complete: z.number().int(),
  pruned: z.number().int().default(0).describe('trials that were ended early because they fell behind'),
  failed: z.number().int(),
  stopped: SearchStop.optional().describe('the limit at which it ended before its last trial'),
  suspicion: Suspicion.optional(),
});
export type SearchResult = z.infer<typeof SearchResult>;

const TrainInput = z.strictObject({
  ...anyModel,
  ...training,
  params: Params.optional().meta({ flag: 'param', description: 'hyperparameters; absent: those of the model' }),
  ...data,
  dataset,
  searchTrials: z.array(Trial).max(1_000).optional().describe('trials of the search, for the report'),
  runId: ForeignId.max(250)
    .optional()
    .meta({ flag: '', description: 'MLflow run that the model is logged to; absent: a new one' }),
  ...lineage,
});

const PromoteInput = z.strictObject({
  ...anyModel,
  version: VersionNumber.optional().describe('version to promote; absent: the newest'),
  ...promotion,
  registryStage: z
    .enum(['Production', 'Staging'])
    .optional()
    .meta({ flag: 'stage', description: 'registry stage to move it to; absent: Production' }),
  force: z.boolean().optional().describe('promote although the gate refuses'),
  dataset: ArtifactRef.optional().describe('data set whose test split is scored; absent: the one of the version'),
  by,
  dryRun,
});

/** A change that a dry run would make. */
export const WouldChange = z.discriminatedUnion('code', [
  z.object({ code: z.literal('stage'), version: z.string() }),
  z.object({ code: z.literal('smokeTest'), version: z.string() }),
  z.object({ code: z.literal('ask'), version: z.string(), expireAfterSeconds: z.number() }),
  z.object({ code: z.literal('promote'), version: z.string(), champion: z.string().nullable() }),
  z.object({
    code: z.literal('deploy'),
    version: z.string(),
    serving: z.string().nullable(),
    strategy: z.enum(['atOnce', 'canary', 'linear']),
    share: z.number(),
  }),
  z.object({
    code: z.literal('rollBack'),
    version: z.string(),
    left: z.string().nullable(),
    reason: z.string().nullable(),
  }),
]);
export type WouldChange = z.infer<typeof WouldChange>;

const would = z
  .array(WouldChange)
  .nullable()
  .describe('of a dry run: each change that it would make, in their order; null: no dry run');

export const PromoteResult = z.object({ promotion: Promotion, deployment: Deployment.nullable(), would });
export type PromoteResult = z.infer<typeof PromoteResult>;

const RollbackInput = z.strictObject({
  ...anyModel,
  version: VersionNumber.optional().describe('version to go back to; absent: the one with the alias "previous"'),
  reason: words(1000).optional().describe('why, kept on the version that is left'),
  by,
  dryRun,
});

export const RollbackResult = z.object({
  registeredModel: z.string(),
  version: z.string(),
  left: z.string().nullable().describe('version that was in Production before'),
  by: z.string().nullable().describe('who asked for it'),
  reason: z.string().nullable(),
  deployment: Deployment.nullable(),
  would,
});
export type RollbackResult = z.infer<typeof RollbackResult>;

const RedeployInput = z.strictObject({
  ...model,
  version: VersionNumber.optional().describe('version to deploy; absent: the one in Production'),
  ...rollout,
  dryRun,
});

export const RedeployResult = Deployment.extend({ would });
export type RedeployResult = z.infer<typeof RedeployResult>;

const BuildImageInput = z.strictObject({
  ...model,
  version: VersionNumber.optional().describe(
    'version whose model is baked in; absent: the runtime image, without a model',
  ),
  force: z.boolean().optional().describe('build although nothing has changed'),
});

export const RetrainInput = z.strictObject({
  ...anyModel,
  ...training,
  ...search,
  ...data,
  ...promotion,
  force: z.boolean().optional().describe('prepare the data again although they are in the store'),
  ...lineage,
});
export type RetrainInput = z.infer<typeof RetrainInput>;

export const RetrainResult = z.object({
  version: ModelVersionRef,
  promotion: Promotion.nullable().describe('null: none was asked for'),
  deployment: Deployment.nullable().describe('null: the API did not follow'),
});
export type RetrainResult = z.infer<typeof RetrainResult>;

const DriftCheckInput = z.strictObject({
  ...model,
  ...overrides('monitoring', MonitoringOptions),
  alert: z.boolean().optional().meta({
    flag: 'no-alert',
    description: 'false: only report, and send the steward no alert on drift',
  }),
});

export const DriftCheckResult = DriftVerdict.extend({
  registeredModel: z.string(),
  report: DriftReport,
  alerted: z.boolean().describe('whether the steward got an alert'),
});
export type DriftCheckResult = z.infer<typeof DriftCheckResult>;

const DriftStewardInput = z.strictObject(model);

interface WorkflowContract {
  /** What a person gives: all of it may be left out. */
  input: z.ZodObject;
  /** What it goes by: the input laid over the settings, or what a parent workflow gives it. */
  plan: z.ZodObject;
  result: z.ZodType;
  /** What it does, in a sentence. */
  about: string;
  /** An input that works. */
  example: Record<string, unknown>;
}

/** Every workflow that people start: the parsers of its input, and what the documentation and the UI say of it. */
export const WORKFLOWS = {
  retrain: {
    input: RetrainInput,
    plan: RetrainPlan,
    result: RetrainResult,
    about: 'Prepares the data, searches, trains, registers, promotes if the gate agrees, and redeploys the API.',
    example: { trials: 20, registryStage: 'Production' },
  },
  prepareData: {
    input: PrepareDataInput,
    plan: PrepareDataPlan,
    result: Dataset,
    about: 'Splits the rows by group, encodes them, and puts the data set into the artifact store.',
    example: { data: 'data/diabetic_data.csv.gz' },
  },
  hyperparameterSearch: {
    input: SearchInput,
    plan: SearchPlan,
    result: SearchResult,
    about: 'Tries hyperparameters in parallel; each trial is an MLflow run scored on the validation split.',
    example: { trials: 50, parallel: 2 },
  },
  trainBestAndRegister: {
    input: TrainInput,
    plan: TrainPlan,
    result: ModelVersionRef,
    about: 'Fits on train and validation, scores the test split, and registers one new model version.',
    example: { model: 'rf' },
  },
  promote: {
    input: PromoteInput,
    plan: PromotePlan,
    result: PromoteResult,
    about: 'Compares a version with the champion on the same test split, and moves it to a stage if the gate agrees.',
    example: { version: '3', registryStage: 'Production' },
  },
  rollback: {
    input: RollbackInput,
    plan: RollbackPlan,
    result: RollbackResult,
    about: 'Brings the previous or a named version back to Production and to the running API.',
    example: { version: '2', reason: 'complaints from ward 7' },
  },
  redeploy: {
    input: RedeployInput,
    plan: RedeployPlan,
    result: RedeployResult,
    about: 'Starts the Production version beside the running API, verifies it, and moves the traffic to it.',
    example: { version: '3' },
  },
  buildImage: {
    input: BuildImageInput,
    plan: BuildImagePlan,
    result: BuiltImage,
    about: 'Builds and pushes the image of the API, with a model version in it if one is named.',
    example: { version: '3' },
  },
  driftCheck: {
    input: DriftCheckInput,
    plan: DriftCheckPlan,
    result: DriftCheckResult,
    about: 'Reports on drift in the prediction log, and alerts the steward of the model when the gate calls it drift.',
    example: { minRows: 50 },
  },
  driftSteward: {
    input: DriftStewardInput,
    plan: DriftStewardPlan,
    result: z.null(),
    about:
      'Takes the drift alerts of a model, starts one retrain for them, and cools down; there is one for each model.',
    example: { registeredModel: 'MediWatchReadmit' },
  },
} as const satisfies Record<string, WorkflowContract>;

export type WorkflowName = keyof typeof WORKFLOWS;
/** Input of a workflow as a person gives it, parsed. */
export type InputOf<Name extends WorkflowName> = z.output<(typeof WORKFLOWS)[Name]['input']>;
export type PlanOf<Name extends WorkflowName> = z.output<(typeof WORKFLOWS)[Name]['plan']>;
/** A plan as a parent gives it: fields with a default may be left out. */
export type PlanInputOf<Name extends WorkflowName> = z.input<(typeof WORKFLOWS)[Name]['plan']>;
export type ResultOf<Name extends WorkflowName> = z.output<(typeof WORKFLOWS)[Name]['result']>;
