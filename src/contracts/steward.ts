import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import { z } from 'zod';
import { words } from './text.ts';
import { GateVerdict } from './verdicts.ts';

/** Somebody or something says that a model's data have drifted. All of it may be left out: an empty alert is one too. */
export const DriftAlert = z.object({
  key: z.string().min(1).max(100).optional().describe('idempotency key: two alerts with one key are one'),
  reason: words(1000).default('').describe('what was noticed'),
  source: words(100).default('signal').describe('who raised it, such as driftCheck, webhook, alertmanager'),
  report: words(2000).nullish().describe('link to the drift report'),
  share: z.number().min(0).max(1).nullish().describe('share of the features that drifted'),
  sender: words(200).optional().describe('whom the webhook knew the sender as, such as webhook.token from 10.1.2.3'),
});
export type DriftAlert = z.output<typeof DriftAlert>;

/** Who steers, and why: the input of pause, resume and retrainNow. All of it may be left out. */
export const Steering = z.object({
  by: words(200).default('an operator'),
  reason: words(1000).default(''),
});
export type Steering = z.output<typeof Steering>;

/** What came of a retrain, for its steward. */
export const RetrainEnding = z.discriminatedUnion('code', [
  z.object({ code: z.literal('promoted'), version: z.string(), registryStage: z.string() }),
  z.object({ code: z.literal('notPromoted'), version: z.string(), verdict: GateVerdict }),
  z.object({ code: z.literal('registered'), version: z.string() }),
  z.object({ code: z.literal('failed'), message: z.string() }),
  z.object({ code: z.literal('rejected'), message: z.string() }),
  z.object({ code: z.literal('notStarted'), message: z.string() }),
  z.object({ code: z.literal('cancelled') }),
  z.object({ code: z.literal('completed') }).describe('with a result that cannot be read'),
  z.object({ code: z.literal('gone') }).describe('Temporal does not know it any more'),
]);
export type RetrainEnding = z.infer<typeof RetrainEnding>;

const EndedRetrain = z.object({ workflowId: z.string(), endedAt: z.number(), ending: RetrainEnding });

/** What a steward is doing: the answer of its query. Times are Unix times (ms). */
export const StewardState = z.object({
  registeredModel: z.string(),
  phase: z
    .enum(['idle', 'waiting', 'retraining', 'cooling', 'backingOff', 'paused'])
    .describe('waiting: for a retrain that somebody else started'),
  until: z.number().nullable().describe('when a cooldown or back-off ends'),
  paused: z
    .object({
      by: z.string().nullable(),
      reason: z.string(),
      at: z.number(),
      undeclared: z.literal(true).optional().describe('the settings no longer declare the model'),
    })
    .nullable()
    .describe('by null: the steward itself, after too many failures or as its model is undeclared'),
  counted: z.number().int().describe('alerts received, without those seen before'),
  duplicates: z.number().int().describe('alerts ignored because their key had been seen'),
  pending: z
    .object({ count: z.number().int(), firstAt: z.number(), lastAt: z.number(), latest: DriftAlert })
    .nullable()
    .describe('alerts that no retrain has answered yet, coalesced'),
  retrains: z.number().int().describe('retrains started'),
  failures: z.number().int().describe('retrains that failed in a row'),
  current: z
    .object({ workflowId: z.string(), startedAt: z.number(), alerts: z.number().int() })
    .nullable()
    .describe('retrain under way'),
  last: EndedRetrain.nullable().describe('the latest retrain that ended'),
});
export type StewardState = z.infer<typeof StewardState>;

/** To a steward: the data have drifted, once or several times. May be sent with the start (signal-with-start). */
export const driftAlert =
  defineSignal<[(z.input<typeof DriftAlert> | Array<z.input<typeof DriftAlert>>)?]>('driftAlert');
/** To a steward: count alerts, but start nothing. */
export const pauseSteward = defineSignal<[z.input<typeof Steering>?]>('pause');
/** To a steward: go on; alerts that came meanwhile are decided. */
export const resumeSteward = defineSignal<[z.input<typeof Steering>?]>('resume');
/** To a steward: what are you doing? */
export const stewardQuery = defineQuery<StewardState>('steward');
/** To a steward: retrain now, whatever the cooldown or a pause says. Refused while a retrain is under way. */
export const retrainNow = defineUpdate<RetrainStart, [z.input<typeof Steering>]>('retrainNow');

interface RetrainStart {
  /** The retrain; null: it has not started. */
  workflowId: string | null;
  /** Retrain of somebody else whose end it waits for; null: none. */
  startsAfter: string | null;
}
