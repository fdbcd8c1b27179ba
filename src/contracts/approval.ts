import { defineUpdate } from '@temporalio/workflow';
import { z } from 'zod';
import { VersionNumber, words } from './text.ts';

/** What a person says of a promotion that waits for approval. */
export const Decision = z.strictObject({
  decision: z.enum(['approve', 'reject']),
  by: words(200).min(1).describe('who decides'),
  reason: words(1000).default('').describe('why; needed to reject'),
  version: VersionNumber.optional().describe(
    'the version that is meant; a decision about another one is refused as stale',
  ),
  at: z.iso.datetime().optional().describe('when it was signed'),
  signature: words(200).optional().describe('of the approver, in base64: "mediwatch approve --key" makes it'),
});
export type Decision = z.output<typeof Decision>;

/** To a promotion that waits: approve or reject it. A second or stale decision is refused. */
export const decidePromotion = defineUpdate<Decided, [z.input<typeof Decision>]>('decide');

/** What a promotion answers to a decision. */
export interface Decided {
  registeredModel: string;
  version: string;
  decision: Decision['decision'];
}
