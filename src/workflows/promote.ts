import { CancellationScope, uuid4, workflowInfo } from '@temporalio/workflow';
import type { PromotePlan } from '../contracts/plans.ts';
import type { Promotion } from '../contracts/registry.ts';
import type { PromoteResult, WouldChange } from '../contracts/workflows.ts';
import { rulesOfTask } from '../domain/firstScore.ts';
import { suspicionOf } from '../domain/metricNames.ts';
import { promotionOutcome, whyNotDeployed } from '../domain/outcomes.ts';
import { judgePromotion } from '../domain/promotionGate.ts';
import { inProduction } from '../domain/registryMoves.ts';
import { news } from '../words/news.ts';
import { activities, stepActivities } from './runtime/activities.ts';
import { awaitApproval } from './runtime/approval.ts';
import { isOfDeployment } from './runtime/failures.ts';
import { type Held, underLock } from './runtime/lock.ts';
import { type Change, moveVersion, orPutBack, rehearseDeployment } from './runtime/production.ts';
import { type Run, workflow } from './runtime/workflow.ts';

/**
 * Moves a version to Staging or Production if the gate agrees: the challenger and the champion are scored on the same
 * test split. If asked to, it is smoke-tested in Staging first, and a person has the last word. The version that it
 * replaces becomes `@previous` in Staging. Started by itself it lets the API follow a promotion to Production, and puts
 * the registry back if the API cannot.
 */
export const promote = workflow(
  'promote',
  {
    stages: ['promote', 'redeploy'],
    notices: {
      // A retrain notifies people itself, once the API has followed.
      completed: (result) => (result.would || workflowInfo().parent ? [] : [news.promotionEnded(result)]),
      failed: (failure, { registeredModel, dryRun }) => {
        if (failure.type === 'ApprovalRejected') return [news.approvalRejected(registeredModel, failure.message)];
        return isOfDeployment(failure) && !dryRun ? [news.takenBack(registeredModel, failure.message)] : [];
      },
    },
  },
  async (plan, run) => {
    if (plan.dryRun) return rehearse(plan, run);
    const proposal = await propose(plan, run);
    if (!proposal.promoted) return settle(run, proposal);

    const { registeredModel, gateway, registryStage } = plan;
    const { version } = proposal;
    const toProduction = registryStage === 'Production';
    const lock = { registeredModel, gateway, purpose: 'promote', version, ticket: plan.lock } as const;
    if (toProduction && plan.stagingFirst) {
      await underLock(run, { ...lock, ticket: null }, (held) => smokeTest(plan, version, run, held));
    }
    const approval = toProduction && plan.approval.required ? await awaitApproval(run, plan, proposal) : null;

    return underLock(
      run,
      lock,
      async (held) => {
        // Another version may have come to Production while nobody held the lock.
        const before = await activities.beginChange({ registeredModel, key: changeKey(plan, run) });
        const settled =
          inProduction(before) === proposal.champion ? proposal : await propose({ ...plan, version }, run);
        if (!settled.promoted) return settle(run, settled);
        const promotion = { ...settled, before, approvedBy: approval?.by ?? null };
        const actor = approval?.by ?? plan.by ?? workflowInfo().parent?.workflowId ?? 'unknown';
        const change: Change = { ...promotion, actor };

        await held();
        const { verdict, forced, challengerAuc, championAuc } = promotion;
        await moveVersion(run, change, { code: 'promote', verdict, forced, challengerAuc, championAuc });
        const result = settle(run, promotion);
        const skip = whyNotDeployed(promotion, plan);
        // A retrain deploys itself.
        if (workflowInfo().parent) return result;
        const deployment = await orPutBack(run, change, async () => {
          if (skip === null) await held();
          return run.stages.redeploy.unless(skip, () => ({
            ...plan,
            version,
            onlyIfOther: false,
            dryRun: false,
            lock: held.ticket,
          }));
        });
        return { ...result, deployment };
      },
      ({ promotion }) => promotion.promoted,
    );
  },
);

/** The change of the registry keeps its name when a retrain is reset and starts this workflow again. */
const changeKey = (plan: PromotePlan, run: Run) => plan.changeKey ?? run.key('promote');

/** Shows what came of the promotion. */
function settle(run: Run, promotion: Promotion): PromoteResult {
  run.report({ event: 'stageEnded', stage: 'promote', at: Date.now(), outcome: promotionOutcome(promotion) });
  if (!promotion.promoted) run.stages.skip('redeploy', 'notPromoted');
  return { promotion, deployment: null, would: null };
}

/** Scores challenger and champion and asks the gate; nothing is changed but the verdict on the version. */
async function propose(plan: PromotePlan, run: Run): Promise<Promotion> {
  const { registeredModel, registryStage, rules } = plan;
  // What this workflow changed itself before it was reset is not what it decides on.
  const before = await activities.readRegistry({ registeredModel, beforeChange: changeKey(plan, run) });
  const challenger = await activities.describeVersion({ registeredModel, version: plan.version });
  const { version } = challenger;
  const champion = inProduction(before);
  run.report({ event: 'learned', facts: { version, inProduction: champion } });
  const reportUrl = (plan.report && challenger.reportUrl) || null;
  if (reportUrl) run.report({ event: 'linked', link: { kind: 'modelReport', url: reportUrl } });
  const proposal = { registeredModel, version, registryStage, champion, before, reportUrl, approvedBy: null };
  if (champion === version) {
    const verdict = { code: 'inProduction', version } as const;
    return { ...proposal, promoted: false, forced: false, verdict, challengerAuc: null, championAuc: null };
  }

  const dataset = plan.dataset ?? challenger.dataset ?? (await run.stages.prepareData({ ...plan, force: false })).ref;
  const contest = { dataset, registeredModel, challenger: version, champion, rules };
  const comparison = await stepActivities(plan.limits.evaluate).compareVersions(contest);
  const judgement = judgePromotion({
    ...plan,
    rules: rulesOfTask(rules, comparison.primary),
    challenger,
    champion,
    comparison,
    now: Date.now(),
    rolledBack: challenger.rolledBack,
  });
  for (const { metric, direction } of rules) {
    const suspicion = suspicionOf(
      metric,
      direction === 'lower' ? 'minimize' : 'maximize',
      comparison.challenger[metric],
    );
    if (suspicion) run.report({ event: 'remarked', remark: { code: 'suspiciousScore', cause: metric, suspicion } });
  }
  const challengerAuc = comparison.challenger.test_auc ?? null;
  run.report({ event: 'learned', facts: { testAuc: challengerAuc } });
  if (!plan.dryRun) await activities.recordVerdict({ registeredModel, version, champion, comparison, judgement });
  const { promote: promoted, forced, verdict } = judgement;
  const championAuc = comparison.champion?.test_auc ?? null;
  return { ...proposal, promoted, forced, verdict, challengerAuc, championAuc };
}

/** Puts the version into Staging and lets an API of it prove itself; if it cannot, the registry is put back. */
async function smokeTest(plan: PromotePlan, version: string, run: Run, held: Held): Promise<void> {
  const { registeredModel } = plan;
  const before = await activities.readRegistry({ registeredModel, beforeChange: null });
  await held();
  const key = `staging-${version}-${uuid4().slice(0, 8)}`;
  const change = { registeredModel, version, registryStage: 'Staging', before, actor: plan.by ?? 'unknown' } as const;
  try {
    await orPutBack(run, change, async () => {
      await activities.promoteVersion({ registeredModel, version, registryStage: 'Staging' });
      if (plan.deploys) await activities.bringUpCandidate({ registeredModel, version, key });
    });
  } finally {
    await CancellationScope.nonCancellable(() => activities.stopIdle({ registeredModel, key })).catch(() => undefined);
  }
}

/** Looks at all that a promotion looks at, and says what it would do. */
async function rehearse(plan: PromotePlan, run: Run): Promise<PromoteResult> {
  const proposal = await propose(plan, run);
  const { version, champion, verdict } = proposal;
  const would: WouldChange[] = [];
  if (proposal.promoted && plan.registryStage === 'Staging') would.push({ code: 'stage', version });
  if (proposal.promoted && plan.registryStage === 'Production') {
    const { required, expireAfter } = plan.approval;
    if (plan.stagingFirst) would.push({ code: 'smokeTest', version });
    if (required) would.push({ code: 'ask', version, expireAfterSeconds: expireAfter });
    would.push({ code: 'promote', version, champion });
  }
  const outcome = { code: 'dryRun', would: [...would], verdict } as const;
  run.report({ event: 'stageEnded', stage: 'promote', at: Date.now(), outcome: { ...outcome, would: [...would] } });
  const skip = whyNotDeployed(proposal, plan);
  if (skip) run.stages.skip('redeploy', skip);
  else would.push(await rehearseDeployment(run, plan, version));
  return { promotion: { ...proposal, promoted: false }, deployment: null, would };
}
