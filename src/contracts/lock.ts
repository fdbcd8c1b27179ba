import { defineQuery, defineSignal } from '@temporalio/workflow';
import { z } from 'zod';

/** A workflow that holds or waits for the lock of a registered model. */
export const LockRequest = z.object({
  token: z.string().describe('names this request; asking twice with one token is asking once'),
  workflowId: z.string(),
  runId: z.string(),
  purpose: z.string().describe('what the lock is wanted for, in words'),
});
export type LockRequest = z.infer<typeof LockRequest>;

export const LockInput = z.object({ registeredModel: z.string(), queue: z.array(LockRequest) });
export type LockInput = z.infer<typeof LockInput>;

/** To the lock: put me into the queue. */
export const requestLock = defineSignal<[LockRequest]>('requestLock');
/** To the lock: I am done, or no longer want it. */
export const releaseLock = defineSignal<[string]>('releaseLock');
/** To the holder: the lock is yours. */
export const lockGranted = defineSignal<[string]>('lockGranted');
/** The queue in order of arrival; the first holds the lock. */
export const lockQueue = defineQuery<LockRequest[]>('lockQueue');
