import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  setHandler,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import { failure } from '../../contracts/errors.ts';
import { type LockRequest, lockGranted, releaseLock } from '../../contracts/lock.ts';
import { workflowIds } from '../../contracts/names.ts';
import type { LockTicket } from '../../contracts/plans.ts';
import { shorten } from '../../contracts/text.ts';
import { activities } from './activities.ts';
import { applicationFailure, rootMessage } from './failures.ts';
import type { Run } from './workflow.ts';

/*
 * The lock of a registered model: only one workflow at a time changes what is in Production. A workflow takes it for
 * itself, or, as a stage, for the workflow that started it, which then holds it until its later stages have ended too.
 */

/**
 * Makes sure, right before something is changed, that the lock is still held. A workflow that was reset to a point under
 * the lock may not have it any more; a stage that outlived a reset of its parent must change nothing.
 *
 * @throws ApplicationFailure of type LockLost
 */
export type Held = (() => Promise<void>) & { ticket: LockTicket };

interface Lock {
  registeredModel: string;
  purpose: LockRequest['purpose'];
  version: string | null;
  /** Ticket of the parent workflow, for which the lock is taken; null: this workflow takes it for itself. */
  ticket: LockTicket | null;
}

/**
 * Runs the body under the lock. Taken for a parent workflow, it stays with that one when the body returns true for `keeps`.
 */
export async function underLock<Result>(
  run: Run<unknown>,
  lock: Lock,
  body: (held: Held) => Promise<Result>,
  keeps: (result: Result) => boolean = () => true,
): Promise<Result> {
  const attempt = async () => {
    const ticket = lock.ticket ?? newTicket();
    let isKept = false;
    try {
      const askedBy = await take(run, lock, ticket);
      const result = await body(heldBy(lock.registeredModel, ticket, lock.ticket === null ? askedBy : null));
      isKept = lock.ticket !== null && keeps(result);
      return result;
    } finally {
      if (!isKept) await release(lock.registeredModel, ticket);
    }
  };
  // What a parent workflow has lost, its stage cannot take again.
  return lock.ticket ? attempt() : untilNotLost(attempt);
}

/**
 * Runs stages that share one lock: the first takes it for this workflow, the others run under it. When one fails, what
 * the stages before it did is undone, still under the lock.
 */
export async function sharingLock<Result>(
  { stages }: Run<unknown>,
  registeredModel: string,
  body: (ticket: LockTicket) => Promise<Result>,
): Promise<Result> {
  return untilNotLost(async () => {
    const ticket = newTicket();
    try {
      return await body(ticket);
    } catch (error) {
      // Without the lock there is nothing to undo: another workflow may have it by now.
      if (!isLockLost(error) && (await holds(registeredModel, ticket))) {
        await CancellationScope.nonCancellable(() => stages.undo(rootMessage(error)));
      }
      throw error;
    } finally {
      await release(registeredModel, ticket);
    }
  });
}

/** For a stage that runs under the lock of its parent. */
export function heldBy(registeredModel: string, ticket: LockTicket, askedBy: string | null = null): Held {
  const check = async () => {
    if (await activities.holdsLock({ registeredModel, token: ticket.token, askedBy })) return;
    throw failure('LockLost', `The lock of ${registeredModel} is no longer held for this workflow.`);
  };
  return Object.assign(check, { ticket });
}

const holds = (registeredModel: string, { token }: LockTicket) =>
  CancellationScope.nonCancellable(() => activities.holdsLock({ registeredModel, token, askedBy: null }));

export const isLockLost = (error: unknown) => applicationFailure(error)?.type === 'LockLost';

/** A workflow that finds the lock lost was reset: it takes the lock again, and decides again under it. */
async function untilNotLost<Result>(body: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await body();
    } catch (error) {
      if (!isLockLost(error)) throw error;
    }
  }
}

function newTicket(): LockTicket {
  const { workflowId, runId } = workflowInfo();
  return { token: uuid4(), workflowId, runId };
}

/** Asks for the lock and waits for it. Returns the run that asked, which a reset does not change. */
async function take({ report }: Run<unknown>, lock: Lock, { token, ...holder }: LockTicket): Promise<string> {
  const { registeredModel, purpose, version } = lock;
  const { workflowId, runId } = workflowInfo();
  let granted = false;
  setHandler(
    lockGranted,
    (to) => {
      granted ||= to === token;
    },
    { description: 'From the lock of the model: it is granted. Nobody else sends it' },
  );
  const request: LockRequest = { token, workflowId, runId, holder, purpose, version };
  const ask = () => activities.askForLock({ registeredModel, request });
  let asked = await ask();
  const summary = shorten(`the lock of ${registeredModel}, to ${purpose}`);
  if (!(await condition(() => granted, '2 seconds', { summary }))) {
    report({ event: 'waits', waiting: { for: 'lock', registeredModel } });
  }
  // Asking again now and then costs nothing and brings the request back should the lock have been terminated.
  while (!granted && !(await condition(() => granted, '1 minute', { summary }))) asked = await ask();
  report({ event: 'waits', waiting: null });
  return asked.runId;
}

/** A lock that has ended needs no release; one that is not reached notices the end of this workflow. */
async function release(registeredModel: string, { token }: LockTicket): Promise<void> {
  await CancellationScope.nonCancellable(() =>
    getExternalWorkflowHandle(workflowIds.lock(registeredModel)).signal(releaseLock, token),
  ).catch(() => undefined);
}
