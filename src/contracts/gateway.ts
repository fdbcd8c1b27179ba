import { z } from 'zod';
import { MeanAndSpread } from './verdicts.ts';

/** What the admin API of the gateway takes and gives: shared with the deployment target that calls it. */

const label = (what: string) =>
  z
    .string()
    .regex(/^[\w.:@+~-]{1,200}$/, 'may hold letters, digits and . _ : @ + ~ - only (at most 200)')
    .describe(what);

/**
 * Headers of each answer of the API's port that an upstream gave: who it was, as the gateway knows it. The model is
 * percent-encoded.
 */
export const SERVED_BY = { model: 'x-mediwatch-model', version: 'x-mediwatch-version' } as const;

/** The API process that is wanted: one model version under a key that the caller chose. */
export const InstanceSpec = z.strictObject({
  key: label('name of the process; starting it again under the same key gives the same process'),
  model: z.string().min(1).describe('registered model'),
  version: label('version of the model that it serves'),
  runId: z.string().optional().describe('MLflow run that made the version'),
});
export type InstanceSpec = z.infer<typeof InstanceSpec>;

/** An API process as the gateway sees it. `running`: it has answered /health with 200. */
export const Instance = z.object({
  key: z.string(),
  model: z.string(),
  version: z.string(),
  runId: z.string().optional(),
  url: z.string().describe('base URL of the process itself, past the gateway'),
  pid: z.number().int().optional().describe('absent: the program could not be started'),
  port: z.number().int(),
  state: z.enum(['starting', 'running', 'exited']),
  reason: z.string().optional().describe('why it is not running'),
  exitCode: z.number().int().optional(),
  signal: z.string().optional().describe('signal that ended it'),
  logFile: z.string(),
  logTail: z.string().optional().describe('the last 4,000 characters of its log, once it has exited'),
  startedAt: z.string().describe('ISO 8601'),
});
export type Instance = z.infer<typeof Instance>;

/** A server that something else runs, a container for instance: the gateway sends requests to it and no more. */
export const ExternalSpec = z.strictObject({
  key: label('name of the server; putting it again under the same key changes its address'),
  model: z.string().min(1).describe('registered model'),
  version: label('version of the model that it serves'),
  url: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .refine((text) => URL.canParse(text) && new URL(text).pathname === '/', 'may have no path')
    .transform((text) => new URL(text).origin)
    .describe('base URL of the server, as the gateway reaches it'),
});
export type ExternalSpec = z.infer<typeof ExternalSpec>;

/** What answers requests, as it is kept on disk: only an external server has a `url` of its own. */
export const ActiveSpec = z.union([ExternalSpec, InstanceSpec]);
export type ActiveSpec = z.infer<typeof ActiveSpec>;

/** What the gateway saw of one upstream since it was started or since the last shift of shares. */
export const UpstreamStatistics = z.object({
  requests: z.number().int().describe('requests that went to it and are over'),
  failed: z.number().int().describe('of these, answered with 5xx, cut off, not answered in time, or not connected'),
  latencyMs: z
    .object({ p50: z.number(), p95: z.number() })
    .nullable()
    .describe('until the answer began (ms); null: no request was answered'),
  probabilities: z
    .array(z.number().int())
    .length(10)
    .describe('predicted probabilities of /predict in ten equal bins of 0 to 1'),
  classes: z.record(z.string(), z.number().int()).optional().describe('how often /predict gave each class, of several'),
  numbers: MeanAndSpread.extend({ count: z.number().int() })
    .optional()
    .describe('the numbers that /predict gave, of a regression'),
});
export type UpstreamStatistics = z.infer<typeof UpstreamStatistics>;

/** A server that requests can go to: a process of the gateway, or one that something else runs. */
export const UpstreamView = z.object({
  key: z.string(),
  kind: z.enum(['process', 'external']),
  model: z.string(),
  version: z.string(),
  url: z.string(),
  state: Instance.shape.state.optional().describe('of a process; how an external server does is not watched'),
  reason: z.string().optional().describe('why a process is not running'),
  active: z.boolean().describe('it answers the requests that no candidate gets'),
  share: z.number().describe('share of new requests that goes to it (0 to 1)'),
  traffic: UpstreamStatistics,
});
export type UpstreamView = z.infer<typeof UpstreamView>;

export const UpstreamList = z.object({ upstreams: z.array(UpstreamView) });
export type UpstreamList = z.infer<typeof UpstreamList>;

export const Status = z.object({
  active: UpstreamView.nullable().describe('the upstream that answers requests'),
  previous: UpstreamView.nullable().describe('the one that answered before it, while it is kept'),
  candidate: UpstreamView.nullable().describe('the one that gets a share of the requests beside it'),
  requests: z.object({
    total: z.number().int().describe('requests to the API port since the gateway started'),
    failed: z.number().int().describe('answered with 5xx, or cut off before the end'),
    inFlight: z.number().int(),
  }),
});
export type Status = z.infer<typeof Status>;

export const TrafficRequest = z.strictObject({
  key: label('upstream that the share of new requests goes to'),
  share: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('1: it answers all; between 0 and 1: the active one answers the rest; 0: it gets none'),
});
export const TrafficShifted = z.object({
  active: z.string().nullable(),
  previous: z.string().nullable().describe('the one that was active before'),
  candidate: z.object({ key: z.string(), share: z.number() }).nullable(),
});
export type TrafficShifted = z.infer<typeof TrafficShifted>;

export const KeyParams = z.object({ key: label('key of the instance or upstream') });
export const StopQuery = z.strictObject({
  drainMs: z.coerce
    .number()
    .int()
    .min(0)
    .max(600_000)
    .default(10_000)
    .describe('how long open requests may go on (ms)'),
  force: z.stringbool().default(false).describe('also stop the one that answers requests'),
});
export type StopQuery = z.infer<typeof StopQuery>;
