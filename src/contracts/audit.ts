import { z } from 'zod';

/** Who called, as Temporal knows it. */
export const Caller = z.object({
  identity: z.string().nullable().describe('what the client calls itself; anybody can claim any'),
  principal: z
    .object({ type: z.string(), name: z.string() })
    .nullable()
    .describe('who the server authenticated, by certificate, API key or token; null: it authenticates nobody'),
});
export type Caller = z.infer<typeof Caller>;

/** A change of production, or what was decided about one. */
export const AuditEvent = z.object({
  key: z.string().min(1).describe('names it: an event that comes twice is written once'),
  at: z.iso.datetime(),
  event: z.enum([
    'promoted',
    'rolledBack',
    'restored',
    'deployed',
    'approved',
    'rejected',
    'expired',
    'decisionRefused',
    'gateRefused',
    'refused',
  ]),
  registeredModel: z.string(),
  version: z.string().nullable(),
  replaced: z.string().nullable().describe('version that was there before'),
  by: z.string().nullable().describe('who asked or decided, as claimed; beside it stands who was authenticated'),
  signed: z.boolean().describe("whether the claim was proved by the person's signature"),
  reason: z.string().nullable(),
  workflowId: z.string(),
  runId: z.string(),
  starter: Caller.nullable().describe('who started the workflow; null: Temporal did not answer'),
  decider: Caller.nullable().describe('who sent the decision; null: there was none'),
});
export type AuditEvent = z.infer<typeof AuditEvent>;

/** A line of the audit log. */
export const AuditLine = AuditEvent.extend({
  seq: z.number().int().min(1),
  previous: z.string().describe('SHA-256 of the line before'),
});
export type AuditLine = z.infer<typeof AuditLine>;

/** A place in the log, which stands for all before it. */
export const AuditMark = z.object({ seq: z.number().int().min(0), sha256: z.string() });
export type AuditMark = z.infer<typeof AuditMark>;

/** What is wrong with an audit log. Lines count from 1, as they stand in the file. */
export type AuditFinding =
  | { code: 'changed' | 'unreadable' | 'inserted' | 'torn'; line: number }
  | { code: 'removed'; line: number; from: number; to: number }
  | { code: 'cut'; from: number; to: number }
  | { code: 'headMissing' }
  | { code: 'unknownMark'; sha256: string };
