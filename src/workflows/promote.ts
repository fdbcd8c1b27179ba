import { CancellationScope, uuid4, workflowInfo } from '@temporalio/workflow';
import type { ArtifactRef } from '../contracts/artifacts.ts';
import type { News } from '../contracts/notifications.ts';
import type { Plan } from '../contracts/plan.ts';
import type { Promotion } from '../contracts/registry.ts';
import type { PromoteInput, PromoteResult } from '../contracts/workflows.ts';
import { decidePromotion } from '../domain/promotionGate.ts';
import { dryRunText, would } from '../words/dryRun.ts';
import { capitalised } from '../words/letters.ts';
import { news } from '../words/news.ts';
import { deployment, registry, stepActivities } from './lib/activities.ts';
import { awaitApproval } from './lib/approval.ts';
import type { Board } from './lib/board.ts';
import { conduct, type Job } from './lib/conduct.ts';
import { rehearseDeployment } from './lib/dryRun.ts';
import { runExtraSteps } from './lib/extraSteps.ts';
import { applicationFailure, isOfDeployment, rootMessage } from './lib/failures.ts';
import { type Held, withModelLock } from './lib/lock.ts';
import { tellTheEnd } from './lib/notify.ts';
import { inProduction, recordChange } from './lib/production.ts';
import { orRestore, PUT_BACK, redeployUnderLock } from './lib/restore.ts';
import { runStage } from './lib/stages.ts';
import { preparation, prepareData } from './prepareData.ts';
import { describeDeployment } from './redeploy.ts';

/**
 * Moves a version to Staging or Production if the gate agrees: the challenger and the champion are scored on the same
 * test split. If asked to, it is smoke-tested in Staging first, and a person has the last word. The version that it
 * replaces becomes `@previous` in Staging. After a promotion to Production the API follows; if it cannot, the registry
 * is put back.
 */
export async function promote(input?: unknown): Promise<PromoteResult> {
  return conduct('promote', input, { stages: ['promote', 'redeploy'], reports: true, body, describe: describeEnd });
}

async function body(job: Job<'promote'>): Promise<PromoteResult> {
  const { request, plan, board } = job;
  if (request.dryRun) return board.failing(() => rehearse(job));
  const { registeredModel } = plan;
  const lock = { registeredModel, purpose: `promote version ${request.version ?? 'newest'}` };

  const run = board.failing(async () => {
    board.start('promote');
    const proposal = await propose(request, plan, board);
    board.attributes({ version: proposal.version, testAuc: proposal.challengerAuc });
    if (!proposal.promoted) return settle(board, proposal);
    const toProduction = proposal.stage === 'Production';
    if (toProduction && plan.stagingFirst)
      await withModelLock(board, lock, (held) => smokeTest(plan, proposal.version, board, held));
    const approval = toProduction && plan.approval.required ? await awaitApproval(board, plan, proposal) : null;

    return withModelLock(board, lock, async (held) => {
      // The champion may have changed while nobody held the lock.
      const before = await registry.readRegistry({ registeredModel });
      const settled =
        inProduction(before) === proposal.champion
          ? { ...proposal, before }
          : await propose({ ...request, version: proposal.version }, plan, board);
      if (!settled.promoted) return settle(board, settled);
      const promotion = { ...settled, approvedBy: approval?.by ?? null };
      const actor = approval?.by ?? request.by ?? workflowInfo().parent?.workflowId ?? 'unknown';
      return orRestore(board, held, { ...promotion, actor }, async () => {
        await apply(promotion, actor);
        const result = settle(board, promotion, plan.redeploy);
        await extraSteps(board, plan, 'promote', 'after', promotion.version);
        if (!(toProduction && plan.redeploy)) return result;
        await extraSteps(board, plan, 'redeploy', 'before', promotion.version);
        return { ...result, deployment: await redeployUnderLock(board, held, plan, promotion.version) };
      });
    });
  });
  return tellTheEnd(plan, run, { done: news.promotionEnded, failed: (error) => whyNot(registeredModel, error) });
}

/** Looks at all that a promotion looks at, and tells what it would do. */
async function rehearse({ request, plan, board }: Job<'promote'>): Promise<PromoteResult> {
  board.start('promote');
  const proposal = await propose(request, plan, board);
  board.attributes({ version: proposal.version, testAuc: proposal.challengerAuc });
  const result = (sentences: string[]): PromoteResult => {
    const reason = proposal.promoted ? `Would be promoted: ${proposal.reason}` : proposal.reason;
    const promotion = { ...proposal, promoted: false, reason };
    return { promotion, deployment: null, dryRun: { would: sentences } };
  };
  if (!proposal.promoted) {
    board.finish('promote', `dry run: would not be promoted. ${proposal.reason}`);
    board.skip('redeploy', 'nothing would be promoted');
    return result([]);
  }
  const sentences = would.promote(proposal, plan);
  board.finish('promote', `dry run: ${sentences.join(' ')} ${proposal.reason}`);
  if (proposal.stage === 'Production' && plan.redeploy) {
    sentences.push(...(await rehearseDeployment(board, plan, proposal.version)).would);
  } else board.skip('redeploy', proposal.stage === 'Production' ? 'not asked for' : 'only Production is deployed');
  return result(sentences);
}

/** Commands of the project between promotion and deployment belong to a retrain, which is the parent then. */
async function extraSteps(
  board: Board,
  plan: Plan,
  stage: 'promote' | 'redeploy',
  when: 'before' | 'after',
  version: string,
): Promise<void> {
  if (workflowInfo().parent) await runExtraSteps(board, plan, stage, when, { version });
}

/** What people are told of a promotion that failed; null: whoever asked for it sees it. */
function whyNot(registeredModel: string, error: unknown): News | null {
  const reason = rootMessage(error);
  if (applicationFailure(error)?.type === 'ApprovalRejected') {
    return news.promotionRefused(registeredModel, { version: null, reason });
  }
  return isOfDeployment(error) ? news.deploymentFailed(registeredModel, `${reason} ${PUT_BACK}`) : null;
}

/** Shows what came of the promotion, and why the API does not follow, if it does not. */
function settle(board: Board, promotion: Promotion, redeploy = false): PromoteResult {
  board.finish('promote', describePromotion(promotion));
  board.attributes({ stage: promotion.promoted ? promotion.stage : null });
  if (!promotion.promoted) board.skip('redeploy', 'nothing was promoted');
  else if (promotion.stage !== 'Production') board.skip('redeploy', 'only Production is deployed');
  else if (!redeploy) board.skip('redeploy', 'not asked for');
  return { promotion, deployment: null };
}

/** Scores challenger and champion and asks the gate; nothing is changed but the verdict on the version. */
async function propose(request: PromoteInput, plan: Plan, board: Board): Promise<Promotion> {
  const { registeredModel } = plan;
  const stage = request.stage ?? 'Production';
  const before = await registry.readRegistry({ registeredModel });
  const challenger = await registry.describeVersion({ registeredModel, version: request.version ?? null });
  const { version } = challenger;
  const champion = inProduction(before);
  board.learn({ version, inProduction: champion });
  const reportUrl = (plan.report && challenger.reportUrl) || null;
  if (reportUrl) board.link('Report', reportUrl);
  const unchanged = { registeredModel, version, stage, champion, before, reportUrl, approvedBy: null } as const;
  if (champion === version) {
    const reason = `Version ${champion} is in Production already.`;
    return { ...unchanged, promoted: false, reason, challengerAuc: null, championAuc: null };
  }

  const dataset = request.dataset ?? challenger.dataset ?? (await defaultDataset(plan, board));
  const contest = { dataset, registeredModel, challenger: version, champion, rules: plan.rules };
  const comparison = await stepActivities(plan, 'evaluate').compareVersions(contest);
  const verdict = decidePromotion({
    policy: plan.policy,
    rules: plan.rules,
    challenger,
    champion,
    comparison,
    requiredTags: plan.requiredTags,
    maxAgeDays: plan.maxAgeDays,
    now: Date.now(),
    objection: challenger.rolledBack ? `Version ${version} was rolled back before (${challenger.rolledBack}).` : null,
    force: request.force ?? false,
  });
  if (!request.dryRun) await registry.recordVerdict({ registeredModel, version, champion, comparison, verdict });
  return {
    ...unchanged,
    promoted: verdict.promote,
    reason: verdict.reason,
    challengerAuc: comparison.challenger.test_auc ?? null,
    championAuc: comparison.champion?.test_auc ?? null,
  };
}

async function defaultDataset(plan: Plan, board: Board): Promise<ArtifactRef> {
  return (await runStage(board, plan, 'prepareData', prepareData, preparation(plan))).ref;
}

/** Puts the version into Staging and lets an API of it prove itself; if it cannot, the registry is put back. */
async function smokeTest(plan: Plan, version: string, board: Board, held: Held): Promise<void> {
  const { registeredModel } = plan;
  const snapshot = await registry.readRegistry({ registeredModel });
  await held();
  const key = `staging-${version}-${uuid4().slice(0, 8)}`;
  try {
    await registry.promoteVersion({ registeredModel, version, stage: 'Staging' });
    if (plan.redeploy) await deployment.bringUpCandidate({ registeredModel, version, key });
  } catch (error) {
    await CancellationScope.nonCancellable(() => registry.restoreRegistry({ registeredModel, snapshot }));
    board.learn({ putBack: true });
    throw error;
  } finally {
    await CancellationScope.nonCancellable(() => deployment.stopIdle({ registeredModel, key })).catch(() => undefined);
  }
}

async function apply(promotion: Promotion, actor: string): Promise<void> {
  const { registeredModel, version, stage, champion, reason, challengerAuc, championAuc } = promotion;
  await registry.promoteVersion({ registeredModel, version, stage });
  if (stage !== 'Production') return;
  const scores = { challengerAuc, championAuc };
  await recordChange({ registeredModel, version, replaced: champion, action: 'promote', actor, reason, ...scores });
}

export function describePromotion({ version, stage, promoted, reason }: Promotion): string {
  return `version ${version} ${promoted ? `is in ${stage}` : 'was not promoted'}. ${reason}`;
}

function describeEnd({ promotion, deployment, dryRun }: PromoteResult): string {
  if (dryRun) return `${dryRunText(dryRun.would)} ${promotion.reason}`;
  return [capitalised(describePromotion(promotion)), deployment && `${capitalised(describeDeployment(deployment))}.`]
    .filter(Boolean)
    .join(' ');
}
