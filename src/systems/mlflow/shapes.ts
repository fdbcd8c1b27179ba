import { z } from 'zod';
import { RegistryStage } from '../../contracts/registry.ts';
import type { Metrics } from '../../contracts/training.ts';

/** `[{key, value}]`, MLflow's form of tags and parameters, as a record. */
const Pairs = z
  .array(z.object({ key: z.string(), value: z.string().default('') }))
  .default([])
  .transform((pairs) => Object.fromEntries(pairs.map(({ key, value }) => [key, value])));

/** Numbers that JSON cannot hold come as the texts `NaN` and `Infinity`; they count as no value. */
export const MetricValue = z.coerce
  .number()
  .catch(Number.NaN)
  .transform((value) => (Number.isFinite(value) ? value : null));

const MetricValues = z
  .array(z.object({ key: z.string(), value: MetricValue }))
  .default([])
  .transform((list): Metrics => Object.fromEntries(list.map(({ key, value }) => [key, value])));

export const time = z.coerce.number().int();

const RUN_STATUSES = ['RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED'] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

export const RunShape = z
  .object({
    info: z.object({
      run_id: z.string(),
      run_name: z.string().default(''),
      experiment_id: z.string(),
      status: z.enum(RUN_STATUSES).default('RUNNING'),
      start_time: time.default(0),
      end_time: time.optional(),
      artifact_uri: z.string().default(''),
      lifecycle_stage: z.string().default('active'),
    }),
    data: z.object({ metrics: MetricValues, params: Pairs, tags: Pairs }).prefault({}),
  })
  .transform(({ info, data }) => ({
    runId: info.run_id,
    name: info.run_name,
    experimentId: info.experiment_id,
    status: info.status,
    /** Unix time (ms). */
    startTime: info.start_time,
    /** Unix time (ms); undefined while it runs. */
    endTime: info.end_time,
    artifactUri: info.artifact_uri,
    deleted: info.lifecycle_stage === 'deleted',
    ...data,
  }));
export type Run = z.infer<typeof RunShape>;

export const VersionShape = z
  .object({
    name: z.string(),
    version: z.coerce.string(),
    creation_timestamp: time.default(0),
    current_stage: RegistryStage.default('None'),
    description: z.string().default(''),
    source: z.string().default(''),
    run_id: z.string().default(''),
    model_id: z.string().optional(),
    status: z.string().default('READY'),
    status_message: z.string().default(''),
    tags: Pairs,
    aliases: z.array(z.string()).default([]),
  })
  .transform((version) => ({
    name: version.name,
    version: version.version,
    stage: version.current_stage,
    aliases: version.aliases,
    tags: version.tags,
    description: version.description,
    source: version.source,
    runId: version.run_id,
    modelId: version.model_id || undefined,
    /** Unix time (ms). */
    createdAt: version.creation_timestamp,
    /** `READY` once it can be loaded. */
    status: version.status,
    statusMessage: version.status_message,
  }));
export type ModelVersion = z.infer<typeof VersionShape>;

/** For calls whose answer holds nothing that is read. */
export const Nothing = z.looseObject({});

/** A record as MLflow's `[{key, value}]`. */
export function toPairs(record: Readonly<Record<string, string>>): Array<{ key: string; value: string }> {
  return Object.entries(record).map(([key, value]) => ({ key, value }));
}
