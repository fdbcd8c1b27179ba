import { CancellationScope, workflowInfo } from '@temporalio/workflow';
import type { RedeployPlan } from '../../contracts/plans.ts';
import type { ChangeReason, Promotion } from '../../contracts/registry.ts';
import { truncate } from '../../contracts/text.ts';
import type { WouldChange } from '../../contracts/workflows.ts';
import { inProduction } from '../../domain/registryMoves.ts';
import { activities } from './activities.ts';
import { rootMessage } from './failures.ts';
import { isLockLost } from './lock.ts';
import type { Run } from './workflow.ts';

/** A change of the registry that can be undone; one object from its beginning to its end. */
export interface Change extends Pick<Promotion, 'registeredModel' | 'version' | 'registryStage' | 'before'> {
  /** Who asked for it or approved it. */
  actor: string;
  /** Whether it is in the history of Production. */
  recorded?: boolean;
}

/** Moves a version in the registry and writes that into the history of Production; a failure puts both back. */
export async function moveVersion(run: Run<unknown>, change: Change, reason: ChangeReason): Promise<void> {
  const { registeredModel, version, registryStage, before, actor } = change;
  await orPutBack(run, change, async () => {
    await activities.promoteVersion({ registeredModel, version, registryStage });
    if (registryStage !== 'Production') return;
    await record({ registeredModel, version, replaced: inProduction(before), actor, reason });
    change.recorded = true;
  });
}

/** Runs the body; when it fails, the registry is put back as it was before the change, and the failure goes on. */
export async function orPutBack<Result>(
  run: Run<unknown>,
  change: Change,
  body: () => Promise<Result>,
): Promise<Result> {
  try {
    return await body();
  } catch (error) {
    // Without the lock there is nothing to put back: the run that had it did so, and another workflow may have it now.
    if (isLockLost(error)) throw error;
    await CancellationScope.nonCancellable(() => putBack(run, change, rootMessage(error)));
    throw error;
  }
}

/** Takes a promotion back whose version cannot be deployed. */
export async function undoPromotion(
  run: Run<unknown>,
  promotion: Promotion,
  { actor, why }: { actor: string; why: string },
): Promise<void> {
  if (promotion.promoted) await putBack(run, { ...promotion, actor, recorded: true }, why);
}

/**
 * Puts the registry back as it was, so that it and the API agree on the version that still serves. The history has it
 * where the version had come to Production, not where that had failed.
 */
async function putBack({ report }: Run<unknown>, change: Change, cause: string): Promise<void> {
  const { registeredModel, version, registryStage, before, actor, recorded = false } = change;
  let left: string | null;
  try {
    ({ left } = await activities.restoreRegistry({ registeredModel, snapshot: before }));
  } catch (error) {
    report({ event: 'learned', facts: { putBack: rootMessage(error) } });
    throw error;
  }
  report({ event: 'learned', facts: { putBack: true } });
  report({ event: 'remarked', remark: { code: 'takenBack', version, cause } });
  const restored = inProduction(before);
  if (registryStage !== 'Production' || restored === version || !(recorded || left === version)) return;
  const reason: ChangeReason = { code: 'restore', cause: truncate(cause, 1000) };
  await record({ registeredModel, version: restored, replaced: version, actor, reason });
}

async function record(change: {
  registeredModel: string;
  version: string | null;
  replaced: string | null;
  actor: string;
  reason: ChangeReason;
}): Promise<void> {
  const { registeredModel, ...entry } = change;
  const by = workflowInfo().workflowId;
  await activities.recordProduction({ registeredModel, entry: { ...entry, at: new Date().toISOString(), by } });
}

/**
 * Checks that a version could be deployed, as a deployment does before it starts anything.
 *
 * @throws ApplicationFailure of type PreflightFailed when it could not
 */
export async function rehearseDeployment(
  { report }: Run<unknown>,
  { registeredModel, rollout }: Pick<RedeployPlan, 'registeredModel' | 'rollout'>,
  version: string,
): Promise<Extract<WouldChange, { code: 'deploy' }>> {
  report({ event: 'stageStarted', stage: 'redeploy', at: Date.now() });
  await activities.preflight({ registeredModel, version });
  const serving = (await activities.serving({ registeredModel }))?.version ?? null;
  report({ event: 'learned', facts: { serving } });
  const { strategy, share } = rollout;
  const would = { code: 'deploy', version, serving, strategy, share } as const;
  report({ event: 'stageEnded', stage: 'redeploy', at: Date.now(), outcome: { code: 'dryRun', would: [would] } });
  return would;
}
