import {
  CancellationScope,
  condition,
  getExternalWorkflowHandle,
  setHandler,
  uuid4,
  workflowInfo,
} from '@temporalio/workflow';
import { workflowIds } from '../../contracts/ids.ts';
import { lockGranted, releaseLock } from '../../contracts/lock.ts';
import { shorten } from '../../words/markdown.ts';
import { checks, locks } from './activities.ts';
import type { Board } from './board.ts';

interface Lock {
  registeredModel: string;
  /** What it is wanted for, in words. */
  purpose: string;
  /** Parent workflow that holds the lock already, if there is one. */
  underLockOf?: string | undefined;
}

/**
 * Makes sure, right before something is changed, that the lock is still held. A workflow that was reset to a point under
 * the lock may not have it any more: its body is then run anew, under the lock again.
 *
 * @throws {LockLost} when it is not held; whoever catches it must change nothing
 */
export type Held = () => Promise<void>;

export class LockLost extends Error {
  override name = 'LockLost';
}

/**
 * Runs the body while this workflow holds the registered model's lock, so that only one workflow at a time changes
 * what is in Production. A child of the holder runs at once.
 */
export async function withModelLock<Result>(
  board: Board,
  lock: Lock,
  body: (held: Held) => Promise<Result>,
): Promise<Result> {
  if (lock.underLockOf !== undefined && workflowInfo().parent?.workflowId === lock.underLockOf) {
    return body(async () => undefined);
  }
  for (;;) {
    try {
      return await underLock(board, lock, body);
    } catch (error) {
      if (!(error instanceof LockLost)) throw error;
    }
  }
}

async function underLock<Result>(board: Board, lock: Lock, body: (held: Held) => Promise<Result>): Promise<Result> {
  const { workflowId, runId } = workflowInfo();
  const token = uuid4();
  let granted = false;
  const take = (to: string) => {
    granted ||= to === token;
  };
  setHandler(lockGranted, take, { description: 'From the lock of the model: it is yours. Nobody else sends it' });
  const { registeredModel, purpose } = lock;
  try {
    const ask = () => locks.askForLock({ registeredModel, request: { token, workflowId, runId, purpose } });
    let asked = await ask();
    const summary = shorten(`the lock of ${registeredModel}, to ${purpose}`);
    if (!(await condition(() => granted, '2 seconds', { summary }))) {
      board.waitFor(
        `the lock of ${registeredModel}: another workflow is changing what is in Production. It goes on by itself when ` +
          `that one has ended; ${workflowIds.lock(registeredModel)} shows who holds the lock.`,
        'lock',
      );
    }
    // Asking again now and then costs nothing and brings the request back should the lock have been terminated.
    while (!granted && !(await condition(() => granted, '1 minute', { summary }))) asked = await ask();
    board.waitFor(null);
    return await body(async () => {
      // An earlier release did not remember who asked.
      const holds = !asked || (await checks.holdsLock({ registeredModel, token, runId: asked.runId }));
      if (!holds) throw new LockLost();
    });
  } finally {
    await CancellationScope.nonCancellable(() => release(registeredModel, token));
  }
}

/** A lock that is gone already needs no release; one that cannot be told notices the end of this workflow. */
async function release(registeredModel: string, token: string): Promise<void> {
  await getExternalWorkflowHandle(workflowIds.lock(registeredModel))
    .signal(releaseLock, token)
    .catch(() => undefined);
}
