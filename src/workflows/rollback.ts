import { failure } from '../contracts/errors.ts';
import { ALIASES } from '../contracts/names.ts';
import type { RollbackResult } from '../contracts/workflows.ts';
import { news } from '../policy/news.ts';
import { registry, resolvePlan } from './lib/activities.ts';
import { openBoard } from './lib/board.ts';
import { isOfDeployment, rootMessage } from './lib/failures.ts';
import { parseInput } from './lib/input.ts';
import { withModelLock } from './lib/lock.ts';
import { tellTheEnd } from './lib/notify.ts';
import { inProduction, recordChange } from './lib/production.ts';
import { orRestore, PUT_BACK, redeployUnderLock } from './lib/restore.ts';

/**
 * Brings a prior version back: the registry first, then the running API. No gate is asked, for whoever rolls back knows
 * why. The version that is left is marked, so that no later run promotes it again by accident.
 */
export async function rollback(input?: unknown): Promise<RollbackResult> {
  const request = parseInput('rollback', input);
  const plan = await resolvePlan(request);
  const { registeredModel } = plan;
  const board = openBoard(['promote', 'redeploy'], plan);
  const actor = request.by ?? 'unknown';

  const run = withModelLock(board, { registeredModel, purpose: 'roll back' }, async () => {
    const before = await registry.readRegistry({ registeredModel });
    const left = inProduction(before);
    const version = request.version ?? before.aliases[ALIASES.previous];
    if (!version) {
      throw failure('ModelNotFound', `${registeredModel} has no version with the alias "previous" to roll back to.`);
    }
    if (version === left) throw failure('InvalidInput', `Version ${version} is in Production already.`);
    const reason = request.reason ?? `rolled back to version ${version}`;
    const { rolledBack } = await registry.describeVersion({ registeredModel, version });
    // The same command twice must not bring back what the first one took away.
    if (request.version === undefined && rolledBack) {
      const why = `Version ${version}, the one before, was itself rolled back (${rolledBack}).`;
      throw failure('InvalidInput', `${why} Name it to go there all the same. Nothing was changed.`);
    }
    board.attributes({ version, stage: 'Production' });

    return orRestore(board, { registeredModel, version, stage: 'Production', before, actor }, async () => {
      await board.stage(
        'promote',
        async () => {
          await registry.promoteVersion({ registeredModel, version, stage: 'Production' });
          const scores = { challengerAuc: null, championAuc: null };
          await recordChange({
            registeredModel,
            version,
            replaced: left,
            action: 'rollback',
            actor,
            reason,
            ...scores,
          });
        },
        () => `version ${version} is back in Production`,
      );
      if (!plan.redeploy) board.skip('redeploy', 'no deployment target is configured');
      const deployment = plan.redeploy ? await redeployUnderLock(board, plan, version) : null;
      if (left) await registry.markRolledBack({ registeredModel, version: left, reason });
      return { registeredModel, version, left, deployment };
    });
  });
  return tellTheEnd(plan, run, {
    done: (result) => news.rolledBack(result, actor, request.reason ?? 'no reason was given'),
    failed: (error) =>
      isOfDeployment(error) ? news.deploymentFailed(registeredModel, `${rootMessage(error)} ${PUT_BACK}`) : null,
  });
}
