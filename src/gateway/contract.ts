import { z } from 'zod';

/** What the admin API of the gateway takes and gives: shared with the deployment target that calls it. */

const label = (what: string) =>
  z
    .string()
    .regex(/^[\w.:@+~-]{1,200}$/, 'may hold letters, digits and . _ : @ + ~ - only (at most 200)')
    .describe(what);

/** The API process that is wanted: one model version under a key that the caller chose. */
export const InstanceSpec = z.strictObject({
  key: label('name of the process; starting it again under the same key gives the same process'),
  model: z.string().min(1).describe('registered model'),
  version: label('version of the model that it serves'),
  runId: z.string().optional().describe('MLflow run that made the version'),
  env: z.record(z.string(), z.string()).optional().describe('extra environment variables of the process'),
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

export const InstanceList = z.object({ instances: z.array(Instance) });

export const Status = z.object({
  active: Instance.nullable().describe('the process that answers requests'),
  previous: Instance.nullable().describe('the one that answered before it, while it is kept'),
  requests: z.object({
    total: z.number().int().describe('requests to the API port since the gateway started'),
    failed: z.number().int().describe('answered with 5xx, or cut off before the end'),
    inFlight: z.number().int(),
  }),
});
export type Status = z.infer<typeof Status>;

export const TrafficRequest = z.strictObject({ key: label('instance that new requests go to') });
export const TrafficSwitched = z.object({ active: z.string(), previous: z.string().nullable() });
export type TrafficSwitched = z.infer<typeof TrafficSwitched>;

export const KeyParams = z.object({ key: label('key of the instance') });
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
