import { CancellationScope } from '@temporalio/workflow';
import { failure } from '../contracts/errors.ts';
import { ALIASES } from '../contracts/names.ts';
import type { RollbackResult } from '../contracts/workflows.ts';
import { dryRunText, would } from '../words/dryRun.ts';
import { capitalised } from '../words/letters.ts';
import { news } from '../words/news.ts';
import { registry } from './lib/activities.ts';
import { conduct, type Job } from './lib/conduct.ts';
import { rehearseDeployment } from './lib/dryRun.ts';
import { isOfDeployment, rootMessage } from './lib/failures.ts';
import { withModelLock } from './lib/lock.ts';
import { tellTheEnd } from './lib/notify.ts';
import { inProduction, recordChange } from './lib/production.ts';
import { orRestore, PUT_BACK, redeployUnderLock } from './lib/restore.ts';
import { describeDeployment } from './redeploy.ts';

/**
 * Brings a prior version back: the registry first, then the running API. No gate is asked, for whoever rolls back knows
 * why. The version that is left is marked, so that no later run promotes it again by accident.
 */
export async function rollback(input?: unknown): Promise<RollbackResult> {
  return conduct('rollback', input, { stages: ['promote', 'redeploy'], body, describe: describeRollback });
}

async function body(job: Job<'rollback'>): Promise<RollbackResult> {
  const { request, plan, board } = job;
  if (request.dryRun) return board.failing(() => rehearse(job));
  const { registeredModel } = plan;
  const actor = request.by ?? 'unknown';

  const run = withModelLock(board, { registeredModel, purpose: 'roll back' }, async (held) => {
    const { before, left, version, reason } = await findTarget(job);
    board.attributes({ version, stage: 'Production' });

    const change = { registeredModel, version, stage: 'Production', before, actor } as const;
    const deployment = await orRestore(board, held, change, async () => {
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
      return plan.redeploy ? await redeployUnderLock(board, held, plan, version) : null;
    });
    // The API answers with it: a mark that cannot be written takes nothing back, and a cancellation comes too late.
    if (left) {
      board.learn({ unmarked: left });
      const mark = { registeredModel, version: left, reason };
      await CancellationScope.nonCancellable(() => registry.markRolledBack(mark));
    }
    return { registeredModel, version, left, deployment };
  });
  return tellTheEnd(plan, run, {
    done: (result) => news.rolledBack(result, actor, request.reason ?? 'no reason was given'),
    failed: (error) =>
      isOfDeployment(error) ? news.deploymentFailed(registeredModel, `${rootMessage(error)} ${PUT_BACK}`) : null,
  });
}

/** The version to go back to, and the one that is left; nothing is changed yet. */
async function findTarget({ request, plan, board }: Job<'rollback'>) {
  const { registeredModel } = plan;
  const before = await registry.readRegistry({ registeredModel });
  const left = inProduction(before);
  board.learn({ inProduction: left });
  const version = request.version ?? before.aliases[ALIASES.previous];
  if (!version) {
    throw failure('ModelNotFound', `${registeredModel} has no version with the alias "previous" to roll back to.`);
  }
  if (version === left) throw failure('InvalidInput', `Version ${version} is in Production already.`);
  const { rolledBack } = await registry.describeVersion({ registeredModel, version });
  // The same command twice must not bring back what the first one took away.
  if (request.version === undefined && rolledBack) {
    const why = `Version ${version}, the one before, was itself rolled back (${rolledBack}).`;
    throw failure('InvalidInput', `${why} Name it to go there all the same. Nothing was changed.`);
  }
  board.learn({ version });
  return { before, left, version, reason: request.reason ?? `rolled back to version ${version}` };
}

/** Looks at all that a rollback looks at, and tells what it would do. */
async function rehearse(job: Job<'rollback'>): Promise<RollbackResult> {
  const { plan, board } = job;
  board.start('promote');
  const { left, version, reason } = await findTarget(job);
  board.attributes({ version });
  const sentences = would.rollBack(version, left, reason);
  board.finish('promote', `dry run: ${sentences.join(' ')}`);
  if (plan.redeploy) sentences.push(...(await rehearseDeployment(board, plan, version)).would);
  else board.skip('redeploy', 'no deployment target is configured');
  return { registeredModel: plan.registeredModel, version, left, deployment: null, dryRun: { would: sentences } };
}

function describeRollback({ version, left, deployment, dryRun }: RollbackResult): string {
  if (dryRun) return dryRunText(dryRun.would);
  const replaced = left === null ? '' : ` in place of version ${left}, which is marked as rolled back`;
  const follows = deployment ? ` ${capitalised(describeDeployment(deployment))}.` : ' There is no API to follow it.';
  return `Version ${version} is in Production${replaced}.${follows}`;
}
