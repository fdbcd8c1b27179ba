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
import { locks } from './activities.ts';
import type { Board } from './board.ts';

interface Lock {
  registeredModel: string;
  /** What it is wanted for, in words. */
  purpose: string;
  /** Parent workflow that holds the lock already, if there is one. */
  underLockOf?: string | undefined;
}

/**
 * Runs the body while this workflow holds the registered model's lock, so that only one workflow at a time changes
 * what is in Production. A child of the holder runs at once.
 */
export async function withModelLock<Result>(board: Board, lock: Lock, body: () => Promise<Result>): Promise<Result> {
  const { workflowId, runId, parent } = workflowInfo();
  if (lock.underLockOf !== undefined && parent?.workflowId === lock.underLockOf) return body();

  const token = uuid4();
  let granted = false;
  setHandler(lockGranted, (to) => {
    granted ||= to === token;
  });
  const { registeredModel, purpose } = lock;
  try {
    const ask = () => locks.askForLock({ registeredModel, request: { token, workflowId, runId, purpose } });
    await ask();
    if (!(await condition(() => granted, '2 seconds'))) {
      board.waitFor(`the lock of ${registeredModel}: another workflow is changing what is in Production.`);
    }
    // Asking again now and then costs nothing and brings the request back should the lock have been terminated.
    while (!granted && !(await condition(() => granted, '1 minute'))) await ask();
    board.waitFor(null);
    return await body();
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
