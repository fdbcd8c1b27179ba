import { z } from 'zod';

/** What a model did while it was loaded or predicted that no model should need. */
export const ModelNeed = z.object({
  code: z.enum(['network', 'process', 'write']).describe('what it reached for outside its own folder'),
  detail: z.string().describe('address, program or path'),
});
export type ModelNeed = z.infer<typeof ModelNeed>;

/** One rule of the promotion gate and what it found. */
export const RuleFinding = z.object({
  metric: z.string(),
  holds: z.boolean(),
  challenger: z.number().nullable().describe('score; null: not known'),
  champion: z.number().nullable(),
  maxLoss: z.number().optional(),
  minGain: z.number().optional(),
  confidence: z.number().optional(),
  gain: z.number().nullable().optional().describe('lower bound of the gain at that confidence; null: not computed'),
});
export type RuleFinding = z.infer<typeof RuleFinding>;

/** A score beside that of the trivial model of its task, which predicts the same for every row. */
export const Floor = z.object({
  metric: z.string().describe('such as test_auc'),
  trivial: z.number().describe('what the trivial model scores'),
  score: z.number(),
  low: z.number().nullable().describe('lower bound of the score with 95 % confidence, one-sided; null: not known'),
});
export type Floor = z.infer<typeof Floor>;

/** Why a champion could not be scored, or must not be. */
export const Unscored = z.enum(['otherSplit', 'cannotRead', 'noScores', 'failed']);
export type Unscored = z.infer<typeof Unscored>;

const logged = z.array(z.string()).default([]).describe('scores that it has instead');

const TagFinding = z.object({
  tag: z.string(),
  wanted: z.string().describe('"*": any value'),
  found: z.string().nullable().describe('null: the version has no such tag'),
});

/** What the promotion gate decides about a challenger, and on what grounds. */
export const GateVerdict = z.discriminatedUnion('code', [
  z.object({
    code: z.enum(['passed', 'refused']),
    champion: z.string(),
    rules: z.array(RuleFinding).describe('the rules that decided: those that failed, or all of them'),
    recorded: z.boolean().describe('true: scores that the trainings recorded, not one evaluation of both'),
    sameData: z.boolean().nullable().optional().describe('recorded scores: of the same data; null: not known'),
    lacking: z
      .array(z.object({ version: z.string(), logged }))
      .optional()
      .describe('versions without a score that a rule needs'),
  }),
  z.object({
    code: z.literal('firstVersion'),
    scores: z.record(z.string(), z.number()),
    floor: Floor.nullish().describe('null: no trivial model is known for its scores; absent: not asked'),
  }),
  z.object({ code: z.literal('belowFloor'), version: z.string(), floor: Floor }),
  z.object({
    code: z.literal('scoresMissing'),
    version: z.string(),
    metrics: z.array(z.string()),
    logged,
    recorded: z.boolean().optional().describe('false: an evaluation was to score it, not its training'),
  }),
  z.object({
    code: z.literal('championNotScored'),
    champion: z.string(),
    problem: z.string(),
    reason: Unscored.default('failed'),
  }),
  z.object({
    code: z.literal('notComparable'),
    version: z.string(),
    champion: z.string().describe('its recorded scores are of other data'),
    unsteadyData: z.boolean().optional().describe('true: the same command made both data sets of one file'),
  }),
  z.object({ code: z.literal('policyAlways'), floor: Floor.optional().describe('it is no better than this') }),
  z.object({ code: z.literal('policyNever') }),
  z.object({ code: z.literal('rolledBack'), version: z.string(), reason: z.string() }),
  z.object({
    code: z.literal('unfit'),
    version: z.string(),
    tags: z.array(TagFinding),
    ageDays: z.number().nullable().describe('null: not too old'),
    maxAgeDays: z.number().nullable(),
  }),
  z.object({
    code: z.literal('needsTooMuch'),
    version: z.string(),
    needs: z.array(ModelNeed).describe('what it did while it was loaded or predicted that no model should need'),
  }),
  z.object({ code: z.literal('inProduction'), version: z.string() }),
]);
export type GateVerdict = z.infer<typeof GateVerdict>;

/** Of numbers that were predicted. */
export const MeanAndSpread = z.object({
  mean: z.number(),
  spread: z.number().describe('standard deviation; 0 with fewer than two numbers'),
});
export type MeanAndSpread = z.infer<typeof MeanAndSpread>;

/** Why a candidate loses its traffic during a rollout. */
export const Breach = z.discriminatedUnion('code', [
  z.object({ code: z.literal('errorRate'), requests: z.number(), candidate: z.number(), incumbent: z.number() }),
  z.object({ code: z.literal('latency'), p95Ms: z.number(), allowedMs: z.number() }),
  z.object({
    code: z.literal('predictions'),
    shift: z.number(),
    allowed: z.number(),
    numbers: z.object({ candidate: MeanAndSpread, incumbent: MeanAndSpread }).optional().describe('of a regression'),
  }),
]);
export type Breach = z.infer<typeof Breach>;

/** What one rule of the drift gate found in a report. */
export const DriftFinding = z.object({
  rule: z.enum(['dataset', 'minColumns', 'share', 'column', 'prediction', 'target']),
  drift: z.boolean().nullable().describe('null: the report does not say'),
  column: z.string().optional(),
  columns: z.array(z.string()).optional().describe('columns that the finding rests on'),
  share: z.number().nullable().optional(),
  threshold: z.number().nullable().optional(),
  drifted: z.number().optional().describe('number of features that drifted'),
  features: z.number().optional(),
});
export type DriftFinding = z.infer<typeof DriftFinding>;

/** Why the direction in which a metric is compared may be the wrong one, by its name and its value. */
export const Suspicion = z
  .enum(['errorMaximized', 'errorNegated', 'scoreMinimized'])
  .describe(
    'errorMaximized: higher counts as better of an error; errorNegated: lower does of one that is negated; scoreMinimized: lower does of a score',
  );
export type Suspicion = z.infer<typeof Suspicion>;

/** The limit of a search (`search.timeout`, `search.patience`) that kept its last trials from beginning. */
export const SearchStop = z.enum(['timeout', 'patience']);
export type SearchStop = z.infer<typeof SearchStop>;
