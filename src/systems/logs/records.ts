import { z } from 'zod';
import { parseJson } from '../../contracts/text.ts';

/** Which attempt of which step wrote a log, and where. */
export const LogOrigin = z.object({
  workflowId: z.string(),
  runId: z.string(),
  /** Type of the workflow. */
  workflow: z.string(),
  /** Such as `prepare` or `trial-7`. */
  step: z.string(),
  activityId: z.string(),
  /** From 1. */
  attempt: z.number().int(),
});
export type LogOrigin = z.infer<typeof LogOrigin>;

const LOG_STATES = ['completed', 'failed', 'cancelled', 'lost'] as const;
/** How an attempt ended; `lost`: its worker died. */
export type LogState = (typeof LOG_STATES)[number];

/** An attempt of a step that began, with the host of its worker and the path of the log there. */
export const Opened = LogOrigin.extend({
  event: z.literal('opened'),
  log: z.string(),
  at: z.iso.datetime(),
  host: z.string(),
  file: z.string(),
});
export type Opened = z.infer<typeof Opened>;

/** Part of a log: whole lines, except perhaps at its end. */
export const Text = z.object({
  event: z.literal('text'),
  log: z.string(),
  /** Bytes of the log before it. */
  offset: z.number().int().nonnegative(),
  /** Bytes of it. */
  size: z.number().int().positive(),
  text: z.string(),
});
export type Text = z.infer<typeof Text>;

/** The limit was reached: what follows stays on the host, but for its end. */
const Full = z.object({ event: z.literal('full'), log: z.string(), offset: z.number().int() });

export const Closed = z.object({
  event: z.literal('closed'),
  log: z.string(),
  at: z.iso.datetime(),
  state: z.enum(LOG_STATES),
  /** Why it did not complete. */
  reason: z.string(),
  /** Size of the whole log on its host (bytes). */
  size: z.number().int(),
});
export type Closed = z.infer<typeof Closed>;

/** `log` names the attempt within the run of its workflow. */
export const LogRecord = z.discriminatedUnion('event', [Opened, Text, Full, Closed]);
export type LogRecord = z.infer<typeof LogRecord>;

/** Tells half a segment, as a reader may find it while it is stored, from a whole one. */
const END = '{"event":"end"}\n';

/** Records as the content of an object in the store. */
export function encodeSegment(records: readonly LogRecord[]): Buffer {
  return Buffer.from(`${records.map((record) => `${JSON.stringify(record)}\n`).join('')}${END}`);
}

/** The records of a segment; undefined when it is not whole. Records of other releases are passed over. */
export function decodeSegment(content: string): LogRecord[] | undefined {
  if (!content.endsWith(END)) return undefined;
  return content
    .split('\n')
    .slice(0, -2)
    .flatMap((line) => LogRecord.safeParse(parseJson(line)).data ?? []);
}
