import { z } from 'zod';
import { STAGES } from './names.ts';
import {
  ApprovalSettings,
  DriftGate,
  MonitoringOptions,
  PromotionSettings,
  RolloutSettings,
  SearchSettings,
  StewardSettings,
  TrainingOptions,
} from './options.ts';
import { MetricRule } from './registry.ts';
import { ArtifactRef, Dataset, FoundByTrial, Params, Trial } from './training.ts';
/*
 * The plan of a workflow: its input laid over the settings. It is complete, so that nothing else governs what the workflow
 * does. A stage gets the plan that its parent made for it; the plan of what a person started is resolved once, and kept
 * in the history, so that a changed mediwatch.yaml changes no run under way.
 */

/** Steps that can be commands of their own in `mediwatch.yaml`. */
export const STEPS = ['prepare', 'search', 'suggest', 'trial', 'train', 'evaluate', 'report', 'monitor'] as const;
export type StepName = (typeof STEPS)[number];

/** How long one step may take, and how often it is tried. */
export const StepLimits = z.object({
  timeoutSeconds: z.number().positive(),
  attempts: z.number().int().min(1),
  backoffSeconds: z.number().positive(),
  slotWaitSeconds: z.number().min(0).describe('how long an attempt may wait for a slot of its host'),
});
export type StepLimits = z.infer<typeof StepLimits>;

/** A command of the project that stands before or after a stage of a retrain. */
export const ExtraStepPlan = StepLimits.extend({
  name: z.string(),
  stage: z.enum(STAGES),
  when: z.enum(['before', 'after']),
});
export type ExtraStepPlan = z.infer<typeof ExtraStepPlan>;

/** Where a lock was asked for, and by whom it is held. */
export const LockTicket = z.object({
  token: z.string(),
  workflowId: z.string().describe('workflow that holds the lock'),
  runId: z.string(),
});
export type LockTicket = z.infer<typeof LockTicket>;

/** What every workflow knows of where it runs. */
const common = {
  registeredModel: z.string(),
  links: z.object({ temporalUi: z.string().describe('where pages of workflows are'), api: z.string() }),
  notifies: z.boolean().describe('whether there is anybody to notify'),
  searchable: z.boolean().describe('whether the namespace has our search attributes'),
};
const source = {
  data: z.string().describe('CSV file, or what the command of the project reads'),
  seed: z.number().int(),
};
const limits = <Names extends readonly StepName[]>(...names: Names) =>
  z.object(Object.fromEntries(names.map((name) => [name, StepLimits])) as Record<Names[number], typeof StepLimits>);
const lineage = {
  trigger: z.string().describe('what started it'),
  driftReport: z.string().nullable().describe('link to the drift report that led to it'),
};
/** What its lock is taken for besides the model: two models never move the traffic of one gateway at once. */
const gateway = z.string().nullable().describe('gateway that answers for the model; null: nothing is deployed');
const onlyPromoted = z
  .boolean()
  .default(false)
  .describe('refuse versions that nobody approved: they were never in Production');
const lock = LockTicket.nullable().describe('lock of the model that a parent workflow answers for; null: its own');
/** The rules of the gate, resolved: maxAucLoss is one of them. */
const gate = {
  ...PromotionSettings.omit({ maxAucLoss: true, rules: true }).shape,
  rules: z.array(MetricRule),
  approval: z.object(ApprovalSettings.omit({ approvers: true, notRequester: true }).shape),
};

export const PrepareDataPlan = z.object({
  ...common,
  ...source,
  force: z.boolean().describe('prepare again although the same data set is in the store'),
  limits: limits('prepare'),
});

export const SearchPlan = z.object({
  ...common,
  ...source,
  ...TrainingOptions.shape,
  ...SearchSettings.shape,
  parallel: z.number().int(),
  oneCommand: z.boolean().describe('whether one command of the project does the whole search'),
  trialCommand: z.boolean().describe('whether a trial is a command of the project'),
  dataset: Dataset.nullable().describe('null: it is prepared first'),
  parentRunId: z.string().nullable().describe('MLflow run under which the trials are nested; null: one of its own'),
  trigger: lineage.trigger,
  limits: limits('prepare', 'search', 'suggest', 'trial'),
});
export type SearchPlan = z.output<typeof SearchPlan>;

export const TrainPlan = z.object({
  ...common,
  ...source,
  ...lineage,
  ...TrainingOptions.shape,
  ...SearchSettings.pick({ metric: true, direction: true, space: true }).shape,
  dataset: Dataset.nullable().describe('null: it is prepared first'),
  splitSeed: z.number().int().nullable().describe('seed that the data set was split by; null: nobody knows'),
  params: Params.nullable().describe('null: the defaults of the model'),
  searchTrials: z.array(Trial),
  found: FoundByTrial.nullable()
    .default(null)
    .describe('what the best trial found; null: a fit before the final one finds it'),
  runId: z.string().nullable().describe('MLflow run that the model is logged to; null: one of its own'),
  report: z.boolean().describe('whether a page about the version is written'),
  limits: limits('prepare', 'train', 'report'),
});
export type TrainPlan = z.output<typeof TrainPlan>;

export const PromotePlan = z.object({
  ...common,
  ...source,
  ...gate,
  registryStage: z.enum(['Production', 'Staging']),
  version: z.string().nullable().describe('null: the newest'),
  force: z.boolean().describe('promote although the gate refuses'),
  dataset: ArtifactRef.nullable().describe('data set whose test split is scored; null: the one of the version'),
  deploys: z.boolean().describe('whether a deployment target is there, for the smoke test in Staging'),
  gateway,
  redeploy: z.boolean().describe('whether it lets the API follow; a retrain does that itself'),
  rollout: RolloutSettings,
  report: z.boolean().describe('whether versions have a page'),
  by: z.string().nullable().describe('who asks for it'),
  dryRun: z.boolean(),
  lock,
  changeKey: z.string().nullable().describe('names the change of the registry, through resets; null: its own'),
  limits: limits('prepare', 'evaluate'),
});
export type PromotePlan = z.output<typeof PromotePlan>;

export const RedeployPlan = z.object({
  ...common,
  version: z.string().nullable().describe('null: the one in Production'),
  onlyPromoted,
  rollout: RolloutSettings,
  deploys: z.boolean(),
  gateway,
  onlyIfOther: z.boolean().describe('keep an API that answers with this version already'),
  dryRun: z.boolean(),
  lock,
});
export type RedeployPlan = z.output<typeof RedeployPlan>;

export const RollbackPlan = z.object({
  ...common,
  version: z.string().nullable().describe('null: the one before'),
  onlyPromoted,
  reason: z.string().nullable(),
  by: z.string().nullable(),
  rollout: RolloutSettings,
  deploys: z.boolean(),
  gateway,
  dryRun: z.boolean(),
});
export type RollbackPlan = z.output<typeof RollbackPlan>;

export const BuildImagePlan = z.object({
  ...common,
  version: z.string().nullable().describe('version whose model is baked in; null: the runtime image'),
  force: z.boolean(),
});
export type BuildImagePlan = z.output<typeof BuildImagePlan>;

export const RetrainPlan = z.object({
  ...common,
  ...source,
  ...lineage,
  ...TrainingOptions.shape,
  ...SearchSettings.shape,
  parallel: z.number().int(),
  oneCommand: z.boolean(),
  trialCommand: z.boolean(),
  ...gate,
  deploys: z.boolean(),
  gateway,
  redeploy: z.boolean().describe('whether the API follows a promotion to Production'),
  rollout: RolloutSettings,
  prepareAgain: z.boolean(),
  report: z.boolean(),
  extraSteps: z.array(ExtraStepPlan).describe('commands of the project before and after stages, in their order'),
  limits: limits(...STEPS),
});
export type RetrainPlan = z.output<typeof RetrainPlan>;

export const DriftCheckPlan = z.object({
  ...common,
  ...MonitoringOptions.shape,
  trigger: lineage.trigger,
  gate: DriftGate,
  alert: z.boolean().describe('whether the steward gets an alert on drift'),
  limits: limits('monitor'),
});
export type DriftCheckPlan = z.output<typeof DriftCheckPlan>;

export const DriftStewardPlan = z.object({ ...common, ...StewardSettings.shape });
export type DriftStewardPlan = z.output<typeof DriftStewardPlan>;

/** What every plan has. */
export type CommonPlan = z.output<z.ZodObject<typeof common>>;
