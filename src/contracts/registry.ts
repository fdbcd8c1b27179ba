import { z } from 'zod';
import { Metrics } from './training.ts';

/** MLflow's stages. Deprecated there, but what the API of today reads; aliases are kept in step with them. */
export const RegistryStage = z.enum(['None', 'Staging', 'Production', 'Archived']);
export type RegistryStage = z.infer<typeof RegistryStage>;

/** A version of a registered model. */
export const ModelVersionRef = z.object({
  registeredModel: z.string(),
  version: z.string().describe('number that MLflow gave it'),
  runId: z.string().nullable().describe('MLflow run that made it'),
  metrics: Metrics.describe('scores on the test split'),
  reportUri: z.string().nullish(),
});
export type ModelVersionRef = z.infer<typeof ModelVersionRef>;

/** Which version is in which stage and has which alias, at one moment. */
export const RegistrySnapshot = z.object({
  versions: z.array(z.object({ version: z.string(), stage: RegistryStage })),
  aliases: z.record(z.string(), z.string()),
});
export type RegistrySnapshot = z.infer<typeof RegistrySnapshot>;

/** What a promotion decided and did. */
export const Promotion = z.object({
  registeredModel: z.string(),
  version: z.string(),
  stage: z.enum(['Production', 'Staging']),
  promoted: z.boolean(),
  reason: z.string().describe('why it was promoted or not, in words'),
  champion: z.string().nullable().describe('version that was in Production before'),
  challengerAuc: z.number().nullable(),
  championAuc: z.number().nullable(),
  before: RegistrySnapshot.describe('the registry before the change: what a compensation restores'),
});
export type Promotion = z.infer<typeof Promotion>;
