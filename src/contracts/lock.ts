import { defineQuery, defineSignal } from '@temporalio/workflow';
import { z } from 'zod';
import { ForeignId, Location, utf8Length, VersionNumber, words } from './text.ts';

/** A workflow that holds or waits for a lock. */
export const LockRequest = z.object({
  token: words(200).min(1).describe('names this request; asking twice with one token is asking once'),
  // Temporal takes no signal to what cannot be a workflow, and the lock would ask it forever.
  workflowId: ForeignId.min(1).refine((id) => utf8Length(id) <= 1_000, 'Expected 1,000 bytes at most'),
  runId: z.guid(),
  holder: z
    .object({ workflowId: ForeignId.min(1), runId: z.guid() })
    .describe('workflow that the lock is for, and follows; a stage asks for the workflow that started it'),
  purpose: z.enum(['promote', 'rollback', 'redeploy']).describe('what the lock is wanted for'),
  version: VersionNumber.nullable().describe('version that it is about; null: not known yet'),
  askedAt: z.number().min(0).max(8.64e15).optional().describe('when it was asked for; Unix time (ms), set by the lock'),
  heldSince: z
    .number()
    .min(0)
    .max(8.64e15)
    .optional()
    .describe('since when it is held; Unix time (ms), set by the lock'),
});
export type LockRequest = z.infer<typeof LockRequest>;

export const LockInput = z.object({
  registeredModel: Location.describe('what is locked: a registered model, or the gateway that answers for it'),
  queue: z.array(LockRequest).max(10_000),
});
export type LockInput = z.infer<typeof LockInput>;

/** What a change of production locks: the model and, where it is deployed, the gateway. */
export interface Locked {
  registeredModel: string;
  gateway: string | null;
}

/**
 * The locks of a change with the token of each, in the order in which they are taken. A gateway comes last for everybody,
 * so that no two wait for each other. An address holds a "/" and can be no model's name.
 */
export function locksOf({ registeredModel, gateway }: Locked, token: string): Array<{ name: string; token: string }> {
  const model = { name: registeredModel, token };
  return gateway === null ? [model] : [model, { name: gateway, token: `${token}/gateway` }];
}

/** To the lock: put me into the queue. */
export const requestLock = defineSignal<[LockRequest]>('requestLock');
/** To the lock: I am done, or no longer want it. */
export const releaseLock = defineSignal<[string]>('releaseLock');
/** To the holder: the lock is yours. */
export const lockGranted = defineSignal<[string]>('lockGranted');
/** The queue in order of arrival; the first holds the lock. */
export const lockQueue = defineQuery<LockRequest[]>('lockQueue');
