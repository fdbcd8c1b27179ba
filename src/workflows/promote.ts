import type { Plan } from '../contracts/plan.ts';
import type { Promotion, RegistrySnapshot } from '../contracts/registry.ts';
import type { PromoteInput, PromoteResult } from '../contracts/workflows.ts';
import { decidePromotion } from '../policy/promotionGate.ts';
import { registry, resolvePlan, stepOptions, steps } from './lib/activities.ts';
import { openBoard } from './lib/board.ts';
import { parseInput } from './lib/input.ts';
import { withModelLock } from './lib/lock.ts';
import { redeployOrRestore } from './lib/restore.ts';
import { runStage } from './lib/stages.ts';
import { prepareData } from './prepareData.ts';

/**
 * Moves a version to Staging or Production if the gate agrees: the challenger and the champion are scored on the same
 * test split. The version that it replaces becomes `@previous` in Staging. After a promotion to Production the API
 * follows; if it cannot, the registry is put back.
 */
export async function promote(input?: unknown): Promise<PromoteResult> {
  const request = parseInput('promote', input);
  const plan = await resolvePlan(request);
  const { registeredModel } = plan;
  const board = openBoard(['promote', 'redeploy'], plan);
  const lock = {
    registeredModel,
    purpose: `promote version ${request.version ?? 'newest'}`,
    underLockOf: request.underLockOf,
  };

  return withModelLock(board, lock, async () => {
    const promotion = await board.stage('promote', () => decideAndPromote(request, plan), describePromotion);
    board.attributes({ version: promotion.version, stage: promotion.stage, testAuc: promotion.challengerAuc });
    const follows = plan.redeploy && promotion.promoted && promotion.stage === 'Production';
    if (!follows) {
      board.skip('redeploy', promotion.promoted ? 'not asked for' : 'nothing was promoted');
      return { promotion, deployment: null };
    }
    return { promotion, deployment: await redeployOrRestore(board, promotion) };
  });
}

async function decideAndPromote(request: PromoteInput, plan: Plan): Promise<Promotion> {
  const { registeredModel, maxAucLoss } = plan;
  const stage = request.stage ?? 'Production';
  const before = await registry.readRegistry({ registeredModel });
  const challenger = await registry.describeVersion({ registeredModel, version: request.version ?? null });
  const champion = inProduction(before);
  const unchanged = { registeredModel, version: challenger.version, stage, champion, before } as const;
  if (champion === challenger.version) {
    const reason = `Version ${champion} is in Production already.`;
    return { ...unchanged, promoted: false, reason, challengerAuc: null, championAuc: null };
  }

  const dataset =
    request.dataset ??
    challenger.dataset ??
    (await runStage('prepareData', prepareData, { data: plan.data, seed: plan.seed })).ref;
  const scores = await steps.scoreVersions.executeWithOptions(
    stepOptions(
      plan,
      'evaluate',
      `score version ${challenger.version} and ${champion ?? 'no champion'} on the test split`,
    ),
    [{ dataset, registeredModel, challenger: challenger.version, champion }],
  );
  const verdict = decidePromotion({
    challenger: { version: challenger.version, auc: scores.challenger },
    champion: champion === null ? null : { version: champion, auc: scores.champion, problem: scores.championProblem },
    maxAucLoss,
    objection: challenger.rolledBack
      ? `Version ${challenger.version} was rolled back before (${challenger.rolledBack}).`
      : null,
    force: request.force ?? false,
  });
  await registry.recordVerdict({ registeredModel, version: challenger.version, verdict: verdict.reason });
  if (verdict.promote) await registry.promoteVersion({ registeredModel, version: challenger.version, stage });
  return {
    ...unchanged,
    promoted: verdict.promote,
    reason: verdict.reason,
    challengerAuc: scores.challenger,
    championAuc: scores.champion,
  };
}

export function inProduction(snapshot: RegistrySnapshot): string | null {
  return snapshot.versions.find(({ stage }) => stage === 'Production')?.version ?? null;
}

export function describePromotion({ version, stage, promoted, reason }: Promotion): string {
  return `version ${version} ${promoted ? `is in ${stage}` : 'was not promoted'}. ${reason}`;
}
