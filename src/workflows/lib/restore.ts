import { CancellationScope, workflowInfo } from '@temporalio/workflow';
import type { Deployment } from '../../contracts/deployment.ts';
import type { Plan } from '../../contracts/plan.ts';
import type { RegistrySnapshot } from '../../contracts/registry.ts';
import { describeDeployment, redeploy } from '../redeploy.ts';
import { registry } from './activities.ts';
import type { Board } from './board.ts';
import { rootMessage } from './failures.ts';
import { type Held, LockLost } from './lock.ts';
import { inProduction, recordChange } from './production.ts';
import { runStage } from './stages.ts';

interface Changed {
  registeredModel: string;
  /** Version that the change brings to Production. */
  version: string;
  stage: 'Production' | 'Staging';
  /** The registry before it is changed. */
  before: RegistrySnapshot;
  /** Who asked for the change. */
  actor: string;
}

/** What became of the registry when a change of it failed. */
export const PUT_BACK = 'The registry was put back as it was.';

/**
 * Changes the registry, and the API after it, in the body, under the lock that this workflow holds. If anything fails
 * the registry is put back, so that both agree on the version that still serves, and the failure goes on.
 */
export async function orRestore<Result>(
  board: Board,
  held: Held,
  changed: Changed,
  body: () => Promise<Result>,
): Promise<Result> {
  await held();
  try {
    return await body();
  } catch (error) {
    // Without the lock there is nothing to put back: the run that had it did so, and another may have it now.
    if (error instanceof LockLost) throw error;
    const why = rootMessage(error);
    await CancellationScope.nonCancellable(() => restore(board, changed, why));
    board.problem(`Version ${changed.version} is not in ${changed.stage}: ${why} ${PUT_BACK}`);
    throw error;
  }
}

/** Lets the API follow the registry, under the lock that this workflow holds. */
export async function redeployUnderLock(board: Board, held: Held, plan: Plan, version: string): Promise<Deployment> {
  await held();
  const { registeredModel, rollout } = plan;
  const input = { registeredModel, version, strategy: rollout.strategy, underLockOf: workflowInfo().workflowId };
  // Before it starts, so that a parent that shows the stage is told who runs it.
  board.child('redeploy');
  const deployed = await board.stage(
    'redeploy',
    () => runStage(board, plan, 'redeploy', redeploy, input),
    describeDeployment,
  );
  board.learn({ deployed: version });
  return deployed;
}

async function restore(board: Board, changed: Changed, why: string): Promise<void> {
  const { registeredModel, version, stage, before, actor } = changed;
  try {
    await registry.restoreRegistry({ registeredModel, snapshot: before });
  } catch (error) {
    board.learn({ putBack: rootMessage(error) });
    throw error;
  }
  board.learn({ putBack: true });
  const restored = inProduction(before);
  if (restored === null || stage !== 'Production') return;
  const reason = `Version ${version} was taken back: ${why}`.slice(0, 1000);
  const scores = { challengerAuc: null, championAuc: null };
  await recordChange({
    registeredModel,
    version: restored,
    replaced: version,
    action: 'restore',
    actor,
    reason,
    ...scores,
  });
}
