import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  setHandler,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import { failure } from '../../contracts/errors.ts';
import { type Locked, type LockRequest, lockGranted, locksOf, releaseLock } from '../../contracts/lock.ts';
import { workflowIds } from '../../contracts/names.ts';
import type { LockTicket } from '../../contracts/plans.ts';
import { shorten } from '../../contracts/text.ts';
import { activities } from './activities.ts';
import { applicationFailure, rootMessage } from './failures.ts';
import type { Run } from './workflow.ts';

/*
 * The lock of a registered model and of its gateway: only one workflow at a time changes what is in Production, and what
 * answers. A workflow takes it for itself, or, as a stage, for the workflow that started it, which then holds it until its
 * later stages have ended too.
 */

/**
 * Makes sure, right before something is changed, that the lock is still held. A workflow that was reset to a point under
 * the lock may not have it any more; a stage that outlived a reset of its parent must change nothing.
 *
 * @throws ApplicationFailure of type LockLost
 */
export type Held = (() => Promise<void>) & { ticket: LockTicket };

interface Lock extends Locked {
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
      const result = await body(heldBy(lock, ticket, lock.ticket === null ? askedBy : null));
      isKept = lock.ticket !== null && keeps(result);
      return result;
    } finally {
      if (!isKept) await release(lock, ticket);
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
  locked: Locked,
  body: (ticket: LockTicket) => Promise<Result>,
): Promise<Result> {
  return untilNotLost(async () => {
    const ticket = newTicket();
    try {
      return await body(ticket);
    } catch (error) {
      // Without the lock there is nothing to undo: another workflow may have it by now.
      if (!isLockLost(error) && (await holds(locked, ticket))) {
        await CancellationScope.nonCancellable(() => stages.undo(rootMessage(error)));
      }
      throw error;
    } finally {
      await release(locked, ticket);
    }
  });
}

/** For a stage that runs under the lock of its parent. */
export function heldBy(locked: Locked, ticket: LockTicket, askedBy: string | null = null): Held {
  const { registeredModel, gateway } = locked;
  const check = async () => {
    if (await activities.holdsLock({ registeredModel, gateway, token: ticket.token, askedBy })) return;
    throw failure('LockLost', `The lock of ${registeredModel} is no longer held for this workflow.`);
  };
  return Object.assign(check, { ticket });
}

const holds = ({ registeredModel, gateway }: Locked, { token }: LockTicket) =>
  CancellationScope.nonCancellable(() => activities.holdsLock({ registeredModel, gateway, token, askedBy: null }));

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

/**
 * Asks for the locks and waits for each.
 *
 * @returns the run that asked, which a reset does not change; null: a reset came between, so that none asked for both
 */
async function take({ report }: Run<unknown>, lock: Lock, { token, ...holder }: LockTicket): Promise<string | null> {
  const { purpose, version } = lock;
  const { workflowId, runId } = workflowInfo();
  const locks = locksOf(lock, token);
  const granted = new Set<string>();
  setHandler(
    lockGranted,
    (to) => {
      if (locks.some((wanted) => wanted.token === to)) granted.add(to);
    },
    { description: 'From the lock of the model or of its gateway: it is granted. Nobody else sends it' },
  );
  const askedBy = new Set<string>();
  for (const { name, token } of locks) {
    const request: LockRequest = { token, workflowId, runId, holder, purpose, version };
    const ask = () => activities.askForLock({ registeredModel: name, request });
    let asked = await ask();
    const isGranted = () => granted.has(token);
    const summary = shorten(`the lock of ${name}, to ${purpose}`);
    if (!(await condition(isGranted, '2 seconds', { summary }))) {
      report({ event: 'waits', waiting: { for: 'lock', registeredModel: name } });
    }
    // Asking again now and then costs nothing and brings the request back should the lock have been terminated.
    while (!isGranted() && !(await condition(isGranted, '1 minute', { summary }))) asked = await ask();
    askedBy.add(asked.runId);
  }
  report({ event: 'waits', waiting: null });
  const [first, ...others] = askedBy;
  return others.length === 0 ? (first ?? null) : null;
}

/** A lock that has ended needs no release; one that is not reached notices the end of this workflow. */
async function release(locked: Locked, ticket: LockTicket): Promise<void> {
  const signals = locksOf(locked, ticket.token).map(({ name, token }) =>
    getExternalWorkflowHandle(workflowIds.lock(name))
      .signal(releaseLock, token)
      .catch(() => undefined),
  );
  await CancellationScope.nonCancellable(() => Promise.all(signals));
}
