import { CancellationScope } from '@temporalio/workflow';
import { failure } from '../contracts/errors.ts';
import { ALIASES, TAGS } from '../contracts/names.ts';
import type { RollbackPlan } from '../contracts/plans.ts';
import type { RegistrySnapshot } from '../contracts/registry.ts';
import type { RollbackResult, WouldChange } from '../contracts/workflows.ts';
import { inProduction } from '../domain/registryMoves.ts';
import { news } from '../words/news.ts';
import { activities } from './runtime/activities.ts';
import { isOfDeployment } from './runtime/failures.ts';
import { underLock } from './runtime/lock.ts';
import { type Change, moveVersion, orPutBack, rehearseDeployment } from './runtime/production.ts';
import { type Run, workflow } from './runtime/workflow.ts';

/**
 * Brings a prior version back: the registry first, then the running API. No gate is asked, for whoever rolls back knows
 * why. The version that is left is marked, so that no later run promotes it again by accident.
 */
export const rollback = workflow(
  'rollback',
  {
    stages: ['promote', 'redeploy'],
    notices: {
      completed: (result) => (result.would ? [] : [news.rolledBack(result)]),
      failed: (failure, { registeredModel }) =>
        isOfDeployment(failure) ? [news.takenBack(registeredModel, failure.message)] : [],
    },
  },
  async (plan, run) => {
    if (plan.dryRun) return rehearse(plan, run);
    const { registeredModel, gateway, reason, deploys } = plan;
    const by = plan.by ?? 'unknown';
    const lock = { registeredModel, gateway, purpose: 'rollback', version: plan.version, ticket: null } as const;

    return underLock(run, lock, async (held) => {
      // The registry as it was before this workflow changed it: a reset one must not take its own change for the start.
      const before = await activities.beginChange({ registeredModel, key: run.key('rollback') });
      run.report({ event: 'stageStarted', stage: 'promote', at: Date.now() });
      const { version, left } = await findTarget(plan, run, before);

      await held();
      const change: Change = { registeredModel, version, registryStage: 'Production', before, actor: by };
      await moveVersion(run, change, { code: 'rollback', reason });
      const outcome = { code: 'rolledBack', version } as const;
      run.report({ event: 'stageEnded', stage: 'promote', at: Date.now(), outcome });

      const deployment = await orPutBack(run, change, async () => {
        await held();
        return run.stages.redeploy.unless(deploys ? null : 'noTarget', () => ({
          ...plan,
          version,
          onlyIfOther: false,
          lock: held.ticket,
        }));
      });
      // The API answers with it: a mark that cannot be written takes nothing back, and a cancellation comes too late.
      if (left) await CancellationScope.nonCancellable(() => mark(plan, run, left, version));
      return { registeredModel, version, left, by, reason, deployment, would: null };
    });
  },
);

/** The version to go back to, and the one that is left; nothing is changed yet. */
async function findTarget(plan: RollbackPlan, { report }: Run, before: RegistrySnapshot) {
  const { registeredModel, onlyPromoted } = plan;
  const left = inProduction(before);
  report({ event: 'learned', facts: { inProduction: left } });
  const version = plan.version ?? before.aliases[ALIASES.previous];
  if (!version) {
    const others = before.versions.filter((known) => known.version !== left);
    const what =
      others.length === 0
        ? `${registeredModel} has no other version to roll back to.`
        : `${registeredModel} has no version with the alias "previous" to roll back to: name the one that is meant.`;
    throw failure('ModelNotFound', what);
  }
  if (version === left) throw failure('InvalidInput', `Version ${version} is in Production already.`);
  const { rolledBack, tags } = await activities.describeVersion({ registeredModel, version, toServe: true });
  const wasPromoted = Object.keys(tags).some((tag) => tag.startsWith(TAGS.production));
  if (onlyPromoted && plan.version !== null && !wasPromoted) {
    const why = `Version ${version} was never in Production, and approval.required lets nothing come there unapproved.`;
    throw failure('InvalidInput', `${why} Promote it instead. Nothing was changed.`);
  }
  // The same command twice must not bring back what the first one took away.
  if (plan.version === null && rolledBack) {
    const why = `Version ${version}, the one before, was itself rolled back (${rolledBack}).`;
    throw failure('InvalidInput', `${why} Name it to go there all the same. Nothing was changed.`);
  }
  report({ event: 'learned', facts: { version } });
  return { left, version };
}

async function mark(plan: RollbackPlan, { report }: Run, left: string, version: string): Promise<void> {
  const { registeredModel, reason } = plan;
  report({ event: 'learned', facts: { unmarked: left } });
  await activities.markRolledBack({
    registeredModel,
    version: left,
    reason: reason ?? `rolled back to version ${version}`,
  });
}

/** Looks at all that a rollback looks at, and says what it would do. */
async function rehearse(plan: RollbackPlan, run: Run): Promise<RollbackResult> {
  const { registeredModel, reason, deploys } = plan;
  run.report({ event: 'stageStarted', stage: 'promote', at: Date.now() });
  const before = await activities.readRegistry({ registeredModel, beforeChange: null });
  const { left, version } = await findTarget(plan, run, before);
  const would: WouldChange[] = [{ code: 'rollBack', version, left, reason }];
  run.report({ event: 'stageEnded', stage: 'promote', at: Date.now(), outcome: { code: 'dryRun', would: [...would] } });
  if (deploys) would.push(await rehearseDeployment(run, plan, version));
  else run.stages.skip('redeploy', 'noTarget');
  return { registeredModel, version, left, by: null, reason, deployment: null, would };
}
