import { CancellationScope, workflowInfo } from '@temporalio/workflow';
import type { Deployment } from '../../contracts/deployment.ts';
import type { RegistrySnapshot } from '../../contracts/registry.ts';
import { describeDeployment, redeploy } from '../redeploy.ts';
import { registry } from './activities.ts';
import type { Board } from './board.ts';
import { rootMessage } from './failures.ts';
import { runStage } from './stages.ts';

interface Change {
  registeredModel: string;
  /** Version that the registry now has in Production. */
  version: string;
  /** The registry before it was changed. */
  before: RegistrySnapshot;
}

/**
 * Lets the API follow a change of the registry, under the lock that this workflow holds. If it cannot, the registry is
 * put back, so that both agree on the version that still serves, and the failure goes on.
 */
export async function redeployOrRestore(
  board: Board,
  { registeredModel, version, before }: Change,
): Promise<Deployment> {
  const underLockOf = workflowInfo().workflowId;
  try {
    const run = () => runStage('redeploy', redeploy, { registeredModel, version, underLockOf });
    return await board.stage('redeploy', run, describeDeployment);
  } catch (error) {
    await CancellationScope.nonCancellable(() => registry.restoreRegistry({ registeredModel, snapshot: before }));
    board.problem(`Version ${version} was not deployed: ${rootMessage(error)} The registry was put back as it was.`);
    throw error;
  }
}
