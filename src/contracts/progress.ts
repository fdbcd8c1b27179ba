import { z } from 'zod';
import { truncate } from './errors.ts';
import { STAGES } from './names.ts';
import { Params } from './training.ts';

export const StageState = z.enum(['waiting', 'running', 'done', 'skipped', 'failed', 'cancelled']);

/** A time that a date can have: anyone may signal another number. */
const time = z.number().min(0).max(8.64e15);
/** A line for the UI; the answer of a query has two megabytes at most. */
const line = z.string().overwrite((text) => truncate(text));

export const StageProgress = z.object({
  name: z.enum(STAGES),
  state: StageState,
  startedAt: time.optional().describe('Unix time (ms)'),
  endedAt: time.optional().describe('Unix time (ms)'),
  summary: line.optional().describe('what came of it, in a line'),
  workflowId: z.string().optional().describe('child workflow that runs it; absent: the workflow itself does'),
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
  failed: z.number().int(),
  running: z.number().int(),
  metric: z.string().optional().describe('what the score is called; absent: validation AUC'),
  best: z.object({ number: z.number().int(), score: z.number(), params: Params }).nullable(),
});
export type SearchProgress = z.infer<typeof SearchProgress>;

/** A promotion that waits for a person. */
export const PendingDecision = z.object({
  registeredModel: z.string(),
  version: z.string(),
  evidence: z.string().describe('what the decision can rest on, in words'),
  until: z.number().describe('Unix time (ms) at which it counts as rejected'),
});
export type PendingDecision = z.infer<typeof PendingDecision>;

/** What a failed workflow tells whoever finds it. */
export const Explanation = z.object({
  happened: z.string(),
  left: z.string().describe('what was left as it was, or was put back'),
  next: z.string().describe('what to do'),
});
export type Explanation = z.infer<typeof Explanation>;

/** Where a workflow stands: the answer of its `progress` query, and the source of its details in the UI. */
export const Progress = z.object({
  stages: z.array(StageProgress),
  search: SearchProgress.nullable(),
  extraSteps: z.array(ExtraStepProgress).optional().describe('commands of the project besides the stages'),
  waitingFor: z.string().nullable().describe('what it waits for and how to answer'),
  decision: PendingDecision.nullish().describe('what a person is asked to decide; absent: nothing'),
  notes: z.array(z.string()).optional().describe('what else is to be known of it, a sentence or two each'),
  problem: z.string().nullable().describe('what went wrong, in a sentence or two'),
  failure: Explanation.nullish().describe('how it failed; absent: it has not'),
  result: z.string().nullish().describe('what came of it, in words; absent: it has not completed'),
  links: z.array(z.object({ name: z.string(), url: z.string() })),
});
export type Progress = z.infer<typeof Progress>;
