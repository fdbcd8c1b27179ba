import {
  type ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  condition,
  continueAsNew,
  getExternalWorkflowHandle,
  setCurrentDetails,
  setHandler,
  setWorkflowOptions,
  workflowInfo,
} from '@temporalio/workflow';
import { failure } from '../contracts/errors.ts';
import { LockInput, LockRequest, lockGranted, lockQueue, releaseLock, requestLock } from '../contracts/lock.ts';
import { tooLarge } from '../contracts/text.ts';
import { lockMarkdown } from '../words/details.ts';
import { fitted, plain } from '../words/markdown.ts';
import { activities } from './runtime/activities.ts';

/**
 * The lock of one registered model, or of one gateway: grants it in order of arrival and follows its holder. The lock is free again when
 * the holder gives it back, or when the holder's workflow has ended in whatever way; there is no time-out that could
 * let a second one in beside a slow holder. It ends when nobody wants it; the next request starts it again.
 */
export async function modelLock(input: unknown): Promise<void> {
  // A cancelled lock would let a second holder in: it ends by itself when nobody wants it.
  await CancellationScope.nonCancellable(() => serve(input));
}

async function serve(input: unknown): Promise<void> {
  const start = readStart(input);
  const { registeredModel, queue } = start ?? { registeredModel: 'unknown', queue: [] };
  const remove = (isMeant: (request: LockRequest) => boolean) => {
    const index = queue.findIndex(isMeant);
    if (index >= 0) queue.splice(index, 1);
  };
  const show = () => setCurrentDetails(lockMarkdown(registeredModel, queue));
  const release = (token: unknown) => {
    remove((request) => request.token === token);
    show();
  };
  const enqueue = (raw: unknown) => {
    const request = LockRequest.safeParse(raw);
    if (!request.success) return;
    const { token, holder } = request.data;
    // A workflow has one run at a time: when a second one asks it was reset, and the first one is over.
    remove((earlier) => earlier.holder.workflowId === holder.workflowId && earlier.holder.runId !== holder.runId);
    if (queue.some((earlier) => earlier.token === token)) return;
    queue.push({ ...request.data, askedAt: Date.now() });
    show();
  };
  show();
  setHandler(lockQueue, () => queue, { description: 'Who wants the lock, in order of arrival; the first holds it' });
  setHandler(releaseLock, release, { description: 'From a workflow: I am done, or no longer want the lock' });
  setHandler(requestLock, enqueue, { description: 'From a workflow: put me into the queue' });
  // A request that came with the start is served whatever the input was: somebody waits for it.
  if (!start && queue.length === 0) {
    const refused = refusal();
    setCurrentDetails(fitted([plain(refused.message)]));
    throw refused;
  }
  await condition(() => queue.length > 0, '10 seconds', { summary: 'it ends when nobody wants the lock' });

  const watches = new Set<Promise<void>>();
  while (queue.length > 0) {
    for (let holder = queue[0]; holder; holder = queue[0]) {
      holder.heldSince ??= Date.now();
      show();
      if (await grant(holder)) await untilReleased(holder, queue, watches);
      remove((request) => request === holder);
      if (workflowInfo().continueAsNewSuggested && allHandlersFinished()) {
        await continueAsNew<typeof modelLock>({ registeredModel, queue });
      }
    }
    show();
    // Watches that were called off answer within seconds; a request that comes meanwhile need not wait for them.
    await Promise.race([Promise.all(watches), condition(() => queue.length > 0)]);
  }
}

function readStart(input: unknown): LockInput | null {
  return tooLarge(input) ? null : (LockInput.safeParse(input).data ?? null);
}

function refusal(): ApplicationFailure {
  const example = JSON.stringify({ registeredModel: 'MediWatchReadmit', queue: [] } satisfies LockInput);
  return failure(
    'InvalidInput',
    'modelLock is started by the workflows that change what is in Production, one at a time: there is nothing to start ' +
      `by hand. registeredModel: expected what is locked; queue: expected a list. An input that works: ${example}.`,
  );
}

/** Signals the workflow that asked that the lock is granted; false when it has ended. */
async function grant({ workflowId, runId, token }: LockRequest): Promise<boolean> {
  try {
    await getExternalWorkflowHandle(workflowId, runId).signal(lockGranted, token);
    return true;
  } catch {
    return false;
  }
}

async function untilReleased(request: LockRequest, queue: LockRequest[], watches: Set<Promise<void>>): Promise<void> {
  const watching = new CancellationScope();
  const ended: Promise<void> = watching
    .run(() => activities.awaitWorkflowEnd(request.holder))
    .catch(() => undefined)
    .finally(() => watches.delete(ended));
  watches.add(ended);
  await Promise.race([ended, condition(() => !queue.includes(request))]);
  watching.cancel();
}

// It may outlive many releases: it moves on to the newest code, which replays its history.
setWorkflowOptions({ versioningBehavior: 'AUTO_UPGRADE' }, modelLock);
