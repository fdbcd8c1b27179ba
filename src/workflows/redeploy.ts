import { CancellationScope, sleep, uuid4 } from '@temporalio/workflow';
import type { Deployment } from '../contracts/deployment.ts';
import { failure } from '../contracts/errors.ts';
import type { RedeployPlan } from '../contracts/plans.ts';
import { inProduction } from '../domain/registryMoves.ts';
import { findBreach, rolloutShares } from '../domain/rollout.ts';
import { news } from '../words/news.ts';
import { percent } from '../words/numbers.ts';
import { breachText } from '../words/verdicts.ts';
import { activities } from './runtime/activities.ts';
import { type Held, heldBy, underLock } from './runtime/lock.ts';
import { rehearseDeployment } from './runtime/production.ts';
import { type Run, workflow } from './runtime/workflow.ts';

/**
 * Puts a version into the running API: a candidate is started beside the one that serves, verified, and only then
 * given the traffic, at once or in steps. Until then, and whenever anything fails, the old one serves.
 */
export const redeploy = workflow(
  'redeploy',
  {
    notices: {
      // Under the lock of a promotion or a rollback that one notifies people, once it has put the registry back.
      failed: ({ message }, { registeredModel, lock, dryRun }) =>
        lock || dryRun ? [] : [news.deploymentFailed(registeredModel, message)],
    },
  },
  async (plan, run) => {
    const { registeredModel, gateway, lock, links } = plan;
    if (!plan.deploys) throw failure('InvalidConfig', 'deployment.target is "none", so there is no API to redeploy.');
    if (plan.dryRun) {
      const version = await versionToDeploy(plan, run);
      const would = await rehearseDeployment(run, plan, version);
      return { registeredModel, version, previousVersion: would.serving, url: links.api, checks: [], would: [would] };
    }
    const deploy = async (held: Held) => {
      const deployed = await replace(plan, run, held);
      const { version, previousVersion: replaced } = deployed;
      const event = { event: 'deployed', name: 'api', registeredModel, version, replaced } as const;
      if (replaced !== version) await CancellationScope.nonCancellable(() => activities.audit(event));
      return { ...deployed, would: null };
    };
    if (lock) return deploy(heldBy(plan, lock));
    return underLock(
      run,
      { registeredModel, gateway, purpose: 'redeploy', version: plan.version, ticket: null },
      deploy,
    );
  },
);

async function versionToDeploy(plan: RedeployPlan, { report }: Run): Promise<string> {
  const { registeredModel, version, onlyPromoted, lock } = plan;
  const isChecked = onlyPromoted && lock === null;
  const promoted =
    version === null || isChecked
      ? inProduction(await activities.readRegistry({ registeredModel, beforeChange: null }))
      : null;
  const wanted = version ?? promoted;
  if (isChecked && wanted !== promoted) {
    const why = `Version ${wanted} is not in Production, and approval.required lets nothing else serve: promote it.`;
    throw failure('InvalidInput', `${why} Nothing was changed.`);
  }
  if (!wanted) throw failure('ModelNotFound', `No version of ${registeredModel} is in Production.`);
  report({ event: 'learned', facts: { version: wanted } });
  return wanted;
}

async function replace(plan: RedeployPlan, run: Run, held: Held): Promise<Deployment> {
  const { registeredModel, links } = plan;
  const version = await versionToDeploy(plan, run);
  const key = `${version}-${uuid4().slice(0, 8)}`;
  // Looks alone, side by side: each costs a round trip of Temporal.
  const [strays, before] = await Promise.all([
    activities.idle({ registeredModel }),
    activities.serving({ registeredModel }),
    activities.preflight({ registeredModel, version }),
    held(),
  ]);
  // Under the lock nothing else may be on its way: what runs without serving was left by a workflow that was killed.
  for (const stray of strays) await activities.stopIdle({ registeredModel, key: stray });
  // The gateway may still serve what another project left: its version 1 is not ours.
  const previousVersion = before?.model === registeredModel ? before.version : null;
  run.report({ event: 'learned', facts: { serving: previousVersion } });
  const deployed = { registeredModel, version, previousVersion, url: links.api };
  if (plan.onlyIfOther && previousVersion === version) return { ...deployed, checks: [] };

  let isServed = false;
  try {
    const checks = await activities.bringUpCandidate({ registeredModel, version, key });
    await rollOut(plan, run, held, { key, before: before?.key ?? null });
    isServed = true;
    return { ...deployed, checks };
  } finally {
    // What does not serve is stopped: the old one, or a candidate that did not make it.
    const idle = isServed ? before?.key : key;
    if (idle) {
      await CancellationScope.nonCancellable(() => activities.stopIdle({ registeredModel, key: idle })).catch(
        () => undefined,
      );
    }
  }
}

interface Move {
  /** The candidate. */
  key: string;
  /** What serves now; null: nothing. */
  before: string | null;
}

/** Moves the traffic to the candidate step by step; on a failure it is back on the old one before that goes on. */
async function rollOut(plan: RedeployPlan, run: Run, held: Held, { key, before }: Move): Promise<void> {
  const { registeredModel, rollout } = plan;
  const shares = before === null ? [1] : rolloutShares(rollout);
  for (const share of shares) {
    // A deployment that outlived a reset of its parent must move nothing, and has nothing to take back.
    await held();
    try {
      await activities.shiftTraffic({ registeredModel, key, share });
      if (share < 1 && before !== null) await bake(plan, run, share, { key, before });
    } catch (error) {
      await CancellationScope.nonCancellable(() => takeBack(registeredModel, share, { key, before })).catch(
        () => undefined,
      );
      throw error;
    }
  }
}

/** How often a step is judged while it bakes. */
const JUDGEMENTS = 4;

async function bake(plan: RedeployPlan, { report }: Run, share: number, { key, before }: Move): Promise<void> {
  const { registeredModel, rollout } = plan;
  report({ event: 'waits', waiting: { for: 'bake', share, seconds: rollout.bakeSeconds } });
  for (let judged = 1; judged <= JUDGEMENTS; judged += 1) {
    const summary = `${percent(share)} of the requests to the candidate, look ${judged} of ${JUDGEMENTS}`;
    await sleep((rollout.bakeSeconds * 1000) / JUDGEMENTS, { summary });
    const traffic = await activities.traffic({ registeredModel });
    const [candidate, incumbent] = [key, before].map((wanted) => traffic.find((seen) => seen.key === wanted));
    const breach = candidate && incumbent && findBreach(rollout, candidate, incumbent);
    if (breach) {
      throw failure('CanaryBreached', `With ${percent(share)} of the requests at the candidate, ${breachText(breach)}`);
    }
  }
  report({ event: 'waits', waiting: null });
}

/** A shift whose answer was lost may have happened, so it is undone like one that did: where nothing served, nothing does. */
async function takeBack(registeredModel: string, share: number, { key, before }: Move): Promise<void> {
  if (share < 1) await activities.shiftTraffic({ registeredModel, key, share: 0 });
  else if (before) await activities.shiftTraffic({ registeredModel, key: before, share: 1 });
  else await activities.stopIdle({ registeredModel, key, force: true });
}
