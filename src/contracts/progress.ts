import { defineQuery, defineSignal } from '@temporalio/workflow';
import { z } from 'zod';
import { STAGES } from './names.ts';
import { truncate } from './text.ts';
import { DroppedColumn, NamedScore, Params, TableRemark, Task } from './training.ts';
import { GateVerdict, SearchStop, Suspicion } from './verdicts.ts';
import { WORKFLOWS, WouldChange } from './workflows.ts';

/*
 * Where a workflow stands: the answer of its `progress` query, and what its page in the UI and the command's view are
 * made from. All of it is codes and fields; src/words makes the sentences.
 */

const StageState = z.enum(['waiting', 'running', 'done', 'skipped', 'failed', 'cancelled']);

/** A time that a date can have: anyone may signal another number. */
const time = z.number().min(0).max(8.64e15).describe('Unix time (ms)');
/** Text from elsewhere; the answer of a query has two megabytes at most. */
const text = z.string().overwrite((long) => truncate(long));

/** Why a stage is left out. */
export const SkipReason = z.enum([
  'noSearch',
  'registerOnly',
  'notPromoted',
  'notProduction',
  'notAskedFor',
  'noTarget',
]);
export type SkipReason = z.infer<typeof SkipReason>;

/** What a workflow waits for, besides its steps. */
export const Waiting = z.discriminatedUnion('for', [
  z.object({ for: z.literal('lock'), registeredModel: text }),
  z.object({
    for: z.literal('decision'),
    registeredModel: text,
    version: text,
    verdict: GateVerdict.describe('what the decision can rest on'),
    until: time.describe('when it counts as rejected; Unix time (ms)'),
    reminders: z.number().int(),
  }),
  z.object({ for: z.literal('bake'), share: z.number(), seconds: z.number() }),
  z.object({ for: z.literal('driftReport'), log: text }),
  z.object({ for: z.literal('steward'), registeredModel: text }),
  z.object({ for: z.literal('image'), registeredModel: text, version: text.nullable() }),
]);
export type Waiting = z.infer<typeof Waiting>;
export type PendingDecision = Extract<Waiting, { for: 'decision' }>;

/** What came of a stage. */
export const StageOutcome = z.discriminatedUnion('code', [
  z.object({
    code: z.literal('dataset'),
    rows: z.number().nullable(),
    groups: z.number().nullable(),
    features: z.number().nullable(),
    splits: z.array(z.number().nullable()).nullable().describe('rows to train, validate and test on'),
    sizeBytes: z.number(),
    dropped: z.array(DroppedColumn).optional(),
    remarks: z.array(TableRemark).optional(),
    task: Task.nullish(),
    positive: text.nullish().describe('value of the target that counts as positive'),
    classes: z.number().nullish().describe('how many values the target has, where there are several'),
  }),
  z.object({
    code: z.literal('search'),
    complete: z.number(),
    pruned: z.number(),
    failed: z.number(),
    metric: text,
    best: z.object({ number: z.number(), score: z.number().nullable(), params: Params }).nullable(),
    stopped: SearchStop.optional(),
    suspicion: Suspicion.optional(),
  }),
  z.object({ code: z.literal('version'), registeredModel: text, version: text, score: NamedScore.nullable() }),
  z.object({
    code: z.literal('promotion'),
    version: text,
    registryStage: text,
    promoted: z.boolean(),
    verdict: GateVerdict,
    forced: z.boolean(),
  }),
  z.object({ code: z.literal('rolledBack'), version: text }),
  z.object({ code: z.literal('deployment'), version: text, previousVersion: text.nullable(), url: text }),
  z.object({ code: z.literal('skipped'), reason: SkipReason }),
  z.object({
    code: z.literal('dryRun'),
    would: z.array(WouldChange),
    verdict: GateVerdict.optional(),
  }),
  z.object({ code: z.literal('failed'), message: text }),
  z.object({ code: z.literal('cancelled') }),
]);
export type StageOutcome = z.infer<typeof StageOutcome>;

export const StageProgress = z.object({
  name: z.enum(STAGES),
  state: StageState,
  startedAt: time.optional(),
  endedAt: time.optional(),
  workflowId: z.string().optional().describe('child workflow that runs it; absent: the workflow itself does'),
  waiting: Waiting.nullable().optional().describe('what it waits for'),
  outcome: StageOutcome.optional(),
});
export type StageProgress = z.infer<typeof StageProgress>;

/** A command of the project that stands before or after a stage. */
export const ExtraStepProgress = z.object({
  name: z.string(),
  stage: z.enum(STAGES),
  when: z.enum(['before', 'after']),
  state: StageState,
});
export type ExtraStepProgress = z.infer<typeof ExtraStepProgress>;

export const SearchProgress = z.object({
  total: z.number().int(),
  complete: z.number().int(),
  pruned: z.number().int(),
  failed: z.number().int(),
  running: z.number().int(),
  metric: z.string().default('').describe('name of the score; empty: validation AUC'),
  best: z.object({ number: z.number().int(), score: z.number(), params: Params }).nullable(),
});
export type SearchProgress = z.infer<typeof SearchProgress>;

export const Link = z.object({
  kind: z.enum(['api', 'mlflowRun', 'modelReport', 'driftReport', 'stage']),
  stage: z.enum(STAGES).optional().describe('of a child workflow that is no stage of this one'),
  url: z.string(),
});
export type Link = z.infer<typeof Link>;

/** Something besides that a reader should know. */
export const Remark = z.object({
  code: z.enum(['takenBack', 'runNotClosed', 'reportNotWritten', 'reportOutcomeMissing', 'suspiciousScore']),
  cause: text.describe('of a suspicious score: the metric'),
  suspicion: Suspicion.optional(),
  version: text.optional(),
});
export type Remark = z.infer<typeof Remark>;

/** What the workflow found out and did on its way, as far as an explanation of its failure needs it. */
export const Facts = z.object({
  version: text.optional().describe('that is to be promoted, deployed, or built'),
  registered: text.optional().describe('version that this workflow registered'),
  inProduction: text.nullable().optional().describe('version in Production before anything was changed'),
  serving: text.nullable().optional().describe('version that answered before anything was changed'),
  deployed: text.optional().describe('version that all requests went to before it failed'),
  promotedTo: text.optional().describe('registry stage that the registered version has been promoted to'),
  putBack: z
    .union([z.literal(true), text])
    .optional()
    .describe('the registry was put back, or could not be: why'),
  unmarked: text.optional().describe('version that could not be marked as rolled back'),
  alerted: z.boolean().optional(),
  testAuc: z.number().nullable().optional().describe('of the version'),
  driftShare: z.number().nullable().optional(),
});
export type Facts = z.infer<typeof Facts>;

/** How the workflow failed. */
export const WorkflowFailure = z.object({
  type: z.string().nullable().describe('failure type; null: not one of the contract'),
  message: text,
  cancelled: z.boolean(),
  child: z.string().nullable().describe('child workflow that failed'),
});
export type WorkflowFailure = z.infer<typeof WorkflowFailure>;

const workflowNames = Object.keys(WORKFLOWS) as [keyof typeof WORKFLOWS];

export const Progress = z.object({
  workflow: z.enum(workflowNames),
  workflowId: z.string(),
  parentId: z.string().nullable(),
  registeredModel: z.string().nullable().describe('null: not known yet'),
  version: z.string().nullable(),
  dryRun: z.boolean(),
  temporalUi: z.string().nullable().describe('where pages of workflows are; null: not known yet'),
  stages: z.array(StageProgress),
  search: SearchProgress.nullable(),
  extraSteps: z.array(ExtraStepProgress),
  waiting: Waiting.nullable(),
  remarks: z.array(Remark),
  links: z.array(Link),
  facts: Facts,
  failure: WorkflowFailure.nullable(),
  result: z.unknown().describe('result of a workflow that has completed'),
});
export type Progress = z.infer<typeof Progress>;

/** To any workflow: where do you stand? */
export const progressQuery = defineQuery<Progress>('progress');

/** From a stage to the workflow that started it: what it waits for; null: for nothing any more. */
export const StageWaits = z.object({ stage: z.enum(STAGES), waiting: Waiting.nullable() });
export type StageWaits = z.infer<typeof StageWaits>;
export const stageWaits = defineSignal<[StageWaits]>('stageWaits');

/** From a search to the retrain that started it. */
export const searchProgressed = defineSignal<[SearchProgress]>('searchProgressed');
