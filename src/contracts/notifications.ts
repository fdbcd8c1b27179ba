import { z } from 'zod';
import { PassEnv } from './schemas.ts';

export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What people can be told of. */
export const EVENTS = [
  'retrainFinished',
  'retrainFailed',
  'promoted',
  'promotionRefused',
  'approvalNeeded',
  'rolledBack',
  'deploymentFailed',
  'driftDetected',
  'driftUnknown',
  'stewardPaused',
] as const;

export const Notification = z.object({
  /** Named in every delivery, so that a receiver can tell a repeated one. */
  id: z.string(),
  event: z.enum(EVENTS),
  severity: z.enum(SEVERITIES),
  registeredModel: z.string(),
  title: z.string().max(200),
  text: z.string().max(4000),
  links: z.array(z.object({ name: z.string(), url: z.string() })),
  workflowId: z.string(),
});
export type Notification = z.infer<typeof Notification>;

/** What people are told; the rest of a notification comes from the workflow that tells it. */
export type News = Pick<Notification, 'event' | 'severity' | 'title' | 'text'> & { links?: Notification['links'] };

/** What came of a notification at one target. */
export const Delivery = z.object({
  target: z.string().describe('kind and position, such as "slack (notifications[1] in mediwatch.yaml)"'),
  outcome: z.enum(['sent', 'failed', 'filtered']),
  attempts: z.number().int(),
  detail: z.string().describe('why it failed and what to do, or why it was not wanted; empty when it was sent'),
});
export type Delivery = z.infer<typeof Delivery>;

const shared = {
  events: z.array(z.enum(EVENTS)).optional().describe('which events; absent: all'),
  minSeverity: z.enum(SEVERITIES).default('info').describe('the least severity that is sent'),
};

/** Where notifications go. Secrets are read from the environment variable that is named. */
export const NotificationTarget = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('webhook'),
    url: z.string().describe('receives the notification as JSON'),
    secretEnv: z.string().optional().describe('variable with a secret that signs the body (HMAC-SHA256)'),
    ...shared,
  }),
  z.strictObject({
    kind: z.literal('slack'),
    urlEnv: z.string().describe("variable with the address of Slack's, or a compatible, incoming webhook"),
    ...shared,
  }),
  z.strictObject({
    kind: z.literal('email'),
    from: z.string().describe('address of the sender'),
    to: z.array(z.string()).min(1).describe('addresses that it goes to'),
    smtpEnv: z.string().describe('variable with the server, such as smtps://user:password@mail.example.org'),
    ...shared,
  }),
  z.strictObject({
    kind: z.literal('command'),
    command: z.array(z.string()).min(1).describe('program and arguments; gets the notification as JSON on stdin'),
    passEnv: PassEnv.describe('variables of the worker that it gets too'),
    ...shared,
  }),
]);
export type NotificationTarget = z.infer<typeof NotificationTarget>;
