import { lockQueue } from '../../contracts/lock.ts';
import { workflowIds } from '../../contracts/names.ts';
import type { Session } from '../session.ts';

/** A workflow that holds or wants the lock of the model. */
export interface LockState {
  workflowId: string;
  purpose: string;
}

const LIMIT_MS = 2_000;

/** Who holds the lock and who waits for it, in order; nobody when the lock's workflow has ended or does not answer. */
export async function lockState({ client, config }: Session): Promise<LockState[]> {
  const handle = client.workflow.getHandle(workflowIds.lock(config.registry.registeredModel));
  try {
    return await client.withDeadline(Date.now() + LIMIT_MS, async () => {
      const { status } = await handle.describe();
      if (status.name !== 'RUNNING') return [];
      const queue = await handle.query(lockQueue);
      return queue.map(({ workflowId, purpose }) => ({ workflowId, purpose }));
    });
  } catch {
    // No lock was ever asked for, or no worker is there to tell: the rest of the status says the latter.
    return [];
  }
}
