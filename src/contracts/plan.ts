import { z } from 'zod';
import { DriftGate } from './drift.ts';
import { STAGES } from './names.ts';
import { MetricRule } from './registry.ts';
import { MODELS, Space } from './training.ts';

/** Steps that can be commands of their own in `mediwatch.yaml`. */
export const STEPS = ['prepare', 'search', 'suggest', 'trial', 'train', 'evaluate', 'report', 'monitor'] as const;
export type StepName = (typeof STEPS)[number];

/** How often a step is tried. */
export const StepRetry = z.object({
  attempts: z.number().int().min(1),
  backoffSeconds: z.number().positive(),
  slotWaitSeconds: z.number().default(0).describe('how long an attempt may wait for a slot of its host'),
});
export type StepRetry = z.infer<typeof StepRetry>;

/** A command of the project that stands before or after a stage of a retrain. */
export const PlannedExtraStep = StepRetry.extend({
  name: z.string(),
  stage: z.enum(STAGES),
  when: z.enum(['before', 'after']),
  timeoutSeconds: z.number(),
});
export type PlannedExtraStep = z.infer<typeof PlannedExtraStep>;

/**
 * What a workflow will do: its input laid over the configuration of the worker that started it.
 * It is recorded in the history, so a changed configuration does not change a workflow under way.
 */
export const Plan = z.object({
  registeredModel: z.string(),
  model: z.enum(MODELS),
  data: z.string(),
  seed: z.number().int(),
  trials: z.number().int(),
  parallel: z.number().int(),
  sampler: z.enum(['tpe', 'random']),
  space: Space.nullable(),
  maxFailedShare: z.number(),
  stage: z.enum(['Production', 'Staging', 'None']),
  policy: z.enum(['rules', 'always', 'never']),
  rules: z.array(MetricRule),
  requiredTags: z.record(z.string(), z.string()),
  maxAgeDays: z.number().nullable(),
  stagingFirst: z.boolean(),
  approval: z.object({ required: z.boolean(), remindEverySeconds: z.number(), expireAfterSeconds: z.number() }),
  rollout: z.object({
    strategy: z.enum(['atOnce', 'canary', 'linear']),
    share: z.number(),
    bakeSeconds: z.number(),
    minRequests: z.number(),
    maxErrorRate: z.number(),
    maxLatencyRatio: z.number(),
    maxPredictionShift: z.number(),
  }),
  redeploy: z.boolean().describe('whether the API follows a promotion to Production'),
  monitoring: z.object({
    log: z.string().describe("prediction log; empty: the embedded gateway's"),
    reference: z.enum(['log', 'training']),
    minRows: z.number().int(),
    gate: DriftGate,
  }),
  steward: z.object({
    cooldownSeconds: z.number(),
    backoffSeconds: z.number(),
    maxBackoffSeconds: z.number(),
    maxFailures: z.number().int(),
    retrain: z.record(z.string(), z.unknown()).describe('input of the retrains that it starts'),
  }),
  stepTimeoutSeconds: z.record(z.enum(STEPS), z.number()),
  stepRetry: z.partialRecord(z.enum(STEPS), StepRetry).optional().describe('absent: the retry policy of steps'),
  direction: z.enum(['maximize', 'minimize']).optional().describe('which scores of trials are better; absent: higher'),
  metric: z.string().optional().describe("metric that is a trial's score; absent or empty: score"),
  searchIsOneCommand: z.boolean().optional().describe('whether one command does the whole search'),
  extraSteps: z.array(PlannedExtraStep).optional().describe('commands before and after stages, in their order'),
  notifications: z.boolean().optional().describe('whether anybody is to be told; absent: nobody, as before 0.2'),
  report: z.boolean().optional().describe('whether a page on the new version is made; absent: no, as before 0.2'),
  searchAttributes: z.boolean().describe('whether the namespace knows our search attributes'),
  waitingAttribute: z
    .boolean()
    .optional()
    .describe('whether it knows the one for what is waited for; absent: no, as before 0.2'),
  links: z.object({ temporalUi: z.string(), api: z.string() }),
});
export type Plan = z.infer<typeof Plan>;

/** The fields of any workflow's input that override the configuration. */
export type PlanRequest = {
  [Key in
    | 'registeredModel'
    | 'model'
    | 'data'
    | 'seed'
    | 'trials'
    | 'parallel'
    | 'stage'
    | 'policy'
    | 'stagingFirst'
    | 'redeploy']?: Plan[Key] | undefined;
} & {
  maxAucLoss?: number | undefined;
  rules?: MetricRule[] | undefined;
  approval?: boolean | undefined;
  strategy?: Plan['rollout']['strategy'] | undefined;
  log?: string | undefined;
  reference?: Plan['monitoring']['reference'] | undefined;
  minRows?: number | undefined;
};
