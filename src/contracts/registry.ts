import { z } from 'zod';
import { Metrics } from './training.ts';
import { Floor, GateVerdict, ModelNeed, Unscored } from './verdicts.ts';

/** MLflow's stages. Deprecated there, but the API of today reads them; aliases are kept in step with them. */
export const RegistryStage = z.enum(['None', 'Staging', 'Production', 'Archived']);
export type RegistryStage = z.infer<typeof RegistryStage>;

/** One rule of the promotion gate; challenger and champion are scored on the same test split. */
export const MetricRule = z
  .strictObject({
    metric: z
      .string()
      .min(1)
      .max(250)
      .describe(
        'metric of the evaluation, such as test_auc (of a regression, test_r2 stands in for it) or test_log_loss',
      ),
    direction: z.enum(['higher', 'lower']).default('higher').describe('which values are better'),
    maxLoss: z.number().min(0).optional().describe('the challenger may be this much worse'),
    minGain: z.number().min(0).optional().describe('the challenger must be this much better'),
    confidence: z
      .number()
      .gt(0)
      .lt(1)
      .optional()
      .describe('hold with this confidence, by a paired bootstrap on the test split, so that noise does not decide'),
  })
  .refine(({ maxLoss, minGain }) => (maxLoss === undefined) !== (minGain === undefined), {
    message: 'Give either maxLoss or minGain',
  });
export type MetricRule = z.infer<typeof MetricRule>;

/** A version of a registered model. */
export const ModelVersionRef = z.object({
  registeredModel: z.string(),
  version: z.string().describe('number that MLflow gave it'),
  runId: z.string().nullable().describe('MLflow run that made it'),
  metrics: Metrics.describe('scores on the test split'),
  reportUri: z.string().nullish().describe('page about it, such as runs:/…/report/report.html; null: there is none'),
  champion: z.string().nullish().describe('version that was in Production when it was registered; null: none'),
});
export type ModelVersionRef = z.infer<typeof ModelVersionRef>;

/** Which version is in which stage and has which alias, at one moment. */
export const RegistrySnapshot = z.object({
  versions: z.array(z.object({ version: z.string(), registryStage: RegistryStage })),
  aliases: z.record(z.string(), z.string()),
});
export type RegistrySnapshot = z.infer<typeof RegistrySnapshot>;

/** Why Production changed. */
export const ChangeReason = z.discriminatedUnion('code', [
  z.object({
    code: z.literal('promote'),
    verdict: GateVerdict,
    forced: z.boolean(),
    challengerAuc: z.number().nullable(),
    championAuc: z.number().nullable(),
  }),
  z.object({ code: z.literal('rollback'), reason: z.string().nullable().describe('as a person gave it') }),
  z.object({ code: z.literal('restore'), cause: z.string().describe('message of the failure that took it back') }),
]);
export type ChangeReason = z.infer<typeof ChangeReason>;

/** One change of what is in Production, kept as a tag of the version that came in, or that went where none came. */
export const ProductionEntry = z.object({
  at: z.iso.datetime(),
  version: z.string().nullable().describe('null: nothing is in Production, since its first version was taken back'),
  replaced: z.string().nullable().describe('version that was in Production before'),
  by: z.string().describe('workflow that did it'),
  actor: z.string().describe('who or what asked for it or approved it'),
  reason: ChangeReason,
});
export type ProductionEntry = z.infer<typeof ProductionEntry>;

/** What the tags of a version say of its files. */
export const RecordedFiles = z.object({
  digest: z.string().describe('SHA-256 of the list of files'),
  files: z
    .string()
    .nullable()
    .describe('that list: SHA-256 and path of each, as sha256sum writes them; null: too long'),
});
export type RecordedFiles = z.infer<typeof RecordedFiles>;

/** Of a step that loads models. */
export const memoryMb = z
  .number()
  .int()
  .min(1)
  .default(4096)
  .describe('memory of each process that loads a model (MiB)');

/** What the evaluation of two versions on one test split found. */
export const Comparison = z.object({
  challenger: Metrics,
  champion: Metrics.nullable().describe('null without a champion, or when it could not be scored'),
  championProblem: z.string().describe('why it could not be scored; empty otherwise'),
  unscored: Unscored.optional().describe('the same as a code'),
  recorded: z
    .boolean()
    .optional()
    .describe('true: the scores that their trainings recorded, not one evaluation of both'),
  sameData: z.boolean().nullable().optional().describe('recorded scores: of the same data; null: not known'),
  unsteadyData: z
    .boolean()
    .optional()
    .describe('true: their data differ although the same command made them of one file'),
  floor: Floor.optional().describe('the challenger beside the trivial model; absent: the evaluation does not say'),
  primary: z.string().optional().describe('score that comes first; absent: a command made the evaluation'),
  needs: z.record(z.string(), z.array(ModelNeed)).optional().describe('what versions did that no model should need'),
  firstRecorded: z.array(z.string()).optional().describe('versions whose digests nobody had recorded before'),
  differences: z
    .record(z.string(), z.object({ difference: z.number(), low: z.number(), high: z.number(), confidence: z.number() }))
    .describe('challenger minus champion by metric, each bound one-sided at its confidence'),
});
export type Comparison = z.infer<typeof Comparison>;

/** What a promotion decided and did. */
export const Promotion = z.object({
  registeredModel: z.string(),
  version: z.string(),
  registryStage: z.enum(['Production', 'Staging']),
  promoted: z.boolean(),
  verdict: GateVerdict,
  forced: z.boolean().describe('promoted although the gate refuses'),
  champion: z.string().nullable().describe('version that was in Production before'),
  challengerAuc: z.number().nullable(),
  championAuc: z.number().nullable(),
  reportUrl: z.string().nullable().describe("page about the version in MLflow's UI; null: none is known"),
  approvedBy: z.string().nullable().describe('who approved it; null: no approval was asked for'),
  before: RegistrySnapshot.describe('the registry before the change: what an undo restores'),
});
export type Promotion = z.infer<typeof Promotion>;
