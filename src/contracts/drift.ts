import { z } from 'zod';
import { DriftFinding } from './verdicts.ts';

export const DriftWindow = z.object({
  source: z.string().describe('what it was read from: file names, or the training data'),
  rows: z.number().int().min(0),
  from: z.number().nullable().default(null).describe('Unix time of the first row (s); null: rows without a time'),
  to: z.number().nullable().default(null).describe('Unix time of the last row (s)'),
});
export type DriftWindow = z.infer<typeof DriftWindow>;

export const DriftColumn = z.object({
  name: z.string(),
  role: z.enum(['feature', 'prediction', 'target']),
  method: z.string().nullable().default(null).describe('statistical test or distance, as Evidently calls it'),
  score: z.number().nullable().default(null).describe('p-value or distance, whichever the method gives'),
  threshold: z.number().nullable().default(null),
  drifted: z.boolean().nullable().default(null).describe('null: the report does not say'),
});
export type DriftColumn = z.infer<typeof DriftColumn>;

/** Rows of a prediction log that no API has logged, or that cannot be read: no check fails by them. */
export const LeftOutRows = z.object({
  code: z
    .enum(['cells', 'bytes', 'quote', 'size', 'time', 'number'])
    .describe(
      'cells: more or fewer than the header; bytes: no UTF-8; quote: one that nobody closes; size: too long; time: it is still to come; number: a text among numbers',
    ),
  rows: z.number().int().min(1),
  at: z.array(z.string()).describe('file and line of the first ten'),
});
export type LeftOutRows = z.infer<typeof LeftOutRows>;

/** What a drift report of whatever tool and version says, in one shape. Python writes it (`drift/document.py`). */
export const DriftDocument = z.object({
  schema: z.literal('mediwatch.drift/1'),
  key: z.string().min(1).max(100).describe('digest of what was compared: the same rows make the same key'),
  createdAt: z.iso.datetime({ offset: true }).nullable().default(null),
  tool: z.string().describe('what wrote the report, such as "evidently 0.7"'),
  current: DriftWindow.nullable().default(null).describe('null: the report does not say'),
  reference: DriftWindow.nullable().default(null),
  minRows: z
    .number()
    .int()
    .nullable()
    .default(null)
    .describe('rows that each window was asked to have; null: not said'),
  columns: z.array(DriftColumn).describe('empty when a window has too few rows: nothing was compared'),
  driftedColumns: z.number().int().nullable().default(null).describe('features that drifted'),
  share: z.number().min(0).max(1).nullable().default(null).describe('share of the features that drifted'),
  shareThreshold: z.number().nullable().default(null).describe('share from which the data set counts as drifted'),
  datasetDrift: z.boolean().nullable().default(null).describe('null: the report does not say'),
  note: z
    .string()
    .max(500)
    .optional()
    .describe('why nothing was compared, as whoever wrote the report says it; absent: it says nothing'),
  leftOut: z.array(LeftOutRows).optional().describe('rows that were left out; absent: none'),
  leftOutShare: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe('share of the newest rows that was left out, where the current window is; absent: none'),
  labels: z
    .object({ known: z.number().int(), rows: z.number().int() })
    .optional()
    .describe('of how many rows of the log the outcome is known; absent: there is no file of labels'),
});
export type DriftDocument = z.infer<typeof DriftDocument>;

/** What a verdict on a report rests on. */
export const DriftGrounds = z.discriminatedUnion('code', [
  z.object({
    code: z.literal('tooFewRows'),
    window: z.enum(['current', 'reference']),
    rows: z.number().int(),
    minRows: z.number().int(),
  }),
  z.object({ code: z.literal('note'), note: z.string().describe('why the report is empty, as it says itself') }),
  z.object({ code: z.literal('noRule') }),
  z.object({
    code: z.literal('leftOut'),
    rows: z.number().int().describe('rows of the log that were left out'),
    share: z.number().describe('of the newest rows'),
  }),
  z.object({ code: z.literal('rules'), findings: z.array(DriftFinding).describe('the findings that decided') }),
]);
export type DriftGrounds = z.infer<typeof DriftGrounds>;

/** What the gate says of a report. */
export const DriftVerdict = z.object({
  verdict: z.enum(['drift', 'no drift', 'skipped', 'cannot tell']),
  grounds: DriftGrounds,
  columns: z.array(z.string()).describe('columns that drifted'),
});
export type DriftVerdict = z.infer<typeof DriftVerdict>;

/** A report that was made: what it says, and where people find it. */
export const DriftReport = z.object({
  document: DriftDocument,
  htmlPath: z.string().nullable().describe('HTML report on the host that made it'),
  jsonPath: z.string().nullable().describe("Evidently's own JSON there"),
  url: z.string().nullable().describe('page of the MLflow run that holds the files'),
});
export type DriftReport = z.infer<typeof DriftReport>;
