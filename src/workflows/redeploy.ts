import { CancellationScope, uuid4 } from '@temporalio/workflow';
import type { Deployment } from '../contracts/deployment.ts';
import { failure } from '../contracts/errors.ts';
import type { Plan } from '../contracts/plan.ts';
import { deployment, registry, resolvePlan } from './lib/activities.ts';
import { openBoard } from './lib/board.ts';
import { parseInput } from './lib/input.ts';
import { withModelLock } from './lib/lock.ts';
import { inProduction } from './promote.ts';

/**
 * Puts a version into the running API: a candidate is started beside the one that serves, verified, and only then
 * given the traffic. Until then, and whenever anything fails, the old one serves.
 */
export async function redeploy(input?: unknown): Promise<Deployment> {
  const request = parseInput('redeploy', input);
  const plan = await resolvePlan(request);
  const { registeredModel } = plan;
  const board = openBoard(['redeploy'], plan);
  if (!plan.redeploy) throw failure('InvalidConfig', 'deployment.target is "none", so there is no API to redeploy.');

  const lock = { registeredModel, purpose: 'redeploy', underLockOf: request.underLockOf };
  return withModelLock(board, lock, () =>
    board.stage(
      'redeploy',
      async () => {
        const version = request.version ?? inProduction(await registry.readRegistry({ registeredModel }));
        if (!version) throw failure('ModelNotFound', `No version of ${registeredModel} is in Production.`);
        board.attributes({ version });
        return replace(plan, version);
      },
      describeDeployment,
    ),
  );
}

async function replace(plan: Plan, version: string): Promise<Deployment> {
  const { registeredModel } = plan;
  const key = `${version}-${uuid4().slice(0, 8)}`;
  const before = await deployment.serving();
  let switched = false;
  try {
    const checks = await deployment.bringUpCandidate({ registeredModel, version, key });
    await switchTraffic(key, before?.key);
    switched = true;
    return { registeredModel, version, previousVersion: before?.version ?? null, url: plan.links.api, checks };
  } finally {
    // What does not serve is stopped, be it the old one or a candidate that did not make it.
    const idle = switched ? before?.key : key;
    if (idle) {
      await CancellationScope.nonCancellable(() => deployment.stopIdle({ key: idle })).catch(() => undefined);
    }
  }
}

/** A switch whose answer was lost may have happened, so it is undone before its failure goes on. */
async function switchTraffic(key: string, before: string | undefined): Promise<void> {
  try {
    await deployment.switchTraffic({ key });
  } catch (error) {
    if (before) {
      const undo = () => deployment.switchTraffic({ key: before });
      await CancellationScope.nonCancellable(undo).catch(() => undefined);
    }
    throw error;
  }
}

export function describeDeployment({ version, previousVersion, url }: Deployment): string {
  return `version ${version} answers at ${url}${previousVersion ? ` in place of version ${previousVersion}` : ''}`;
}
