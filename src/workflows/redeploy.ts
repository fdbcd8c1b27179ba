import { CancellationScope, sleep, uuid4 } from '@temporalio/workflow';
import type { Deployment } from '../contracts/deployment.ts';
import { failure } from '../contracts/errors.ts';
import type { Plan } from '../contracts/plan.ts';
import type { RedeployResult } from '../contracts/workflows.ts';
import { findBreach, rolloutShares } from '../domain/rollout.ts';
import { dryRunText } from '../words/dryRun.ts';
import { news } from '../words/news.ts';
import { deployment, registry } from './lib/activities.ts';
import type { Board } from './lib/board.ts';
import { conduct, type Job } from './lib/conduct.ts';
import { rehearseDeployment } from './lib/dryRun.ts';
import { rootMessage } from './lib/failures.ts';
import { type Held, withModelLock } from './lib/lock.ts';
import { tellTheEnd } from './lib/notify.ts';
import { inProduction } from './lib/production.ts';

/**
 * Puts a version into the running API: a candidate is started beside the one that serves, verified, and only then
 * given the traffic, at once or in steps. Until then, and whenever anything fails, the old one serves.
 */
export async function redeploy(input?: unknown): Promise<RedeployResult> {
  return conduct('redeploy', input, { stages: ['redeploy'], reports: true, body, describe: describeEnd });
}

async function body(job: Job<'redeploy'>): Promise<RedeployResult> {
  const { request, plan, board } = job;
  const { registeredModel } = plan;
  if (!plan.redeploy) throw failure('InvalidConfig', 'deployment.target is "none", so there is no API to redeploy.');
  if (request.dryRun) return board.failing(() => rehearse(job));

  const lock = { registeredModel, purpose: 'redeploy', underLockOf: request.underLockOf };
  const run = withModelLock(board, lock, (held) =>
    board.stage(
      'redeploy',
      async () => {
        return replace(board, held, plan, await findVersion(job));
      },
      describeDeployment,
    ),
  );
  // Under the lock of a promotion or a rollback that one tells, once it has put the registry back.
  const alone = request.underLockOf === undefined;
  const failed = (error: unknown) => (alone ? news.deploymentFailed(registeredModel, rootMessage(error)) : null);
  return tellTheEnd(plan, run, { failed });
}

async function findVersion({ request, plan: { registeredModel }, board }: Job<'redeploy'>): Promise<string> {
  const version = request.version ?? inProduction(await registry.readRegistry({ registeredModel }));
  if (!version) throw failure('ModelNotFound', `No version of ${registeredModel} is in Production.`);
  board.attributes({ version });
  return version;
}

/** Looks at all that a deployment looks at before it starts anything, and tells what it would do. */
async function rehearse(job: Job<'redeploy'>): Promise<RedeployResult> {
  const { plan, board } = job;
  const version = await findVersion(job);
  const { serving, would } = await rehearseDeployment(board, plan, version);
  const { registeredModel, links } = plan;
  return { registeredModel, version, previousVersion: serving, url: links.api, checks: [], dryRun: { would } };
}

async function replace(board: Board, held: Held, plan: Plan, version: string): Promise<Deployment> {
  const { registeredModel } = plan;
  await deployment.preflight({ registeredModel, version });
  await held();
  const key = `${version}-${uuid4().slice(0, 8)}`;
  // Under the lock nothing else may be on its way: what runs without serving was left by a workflow that was killed.
  for (const stray of await deployment.idle({ registeredModel })) {
    await deployment.stopIdle({ registeredModel, key: stray });
  }
  const before = await deployment.serving({ registeredModel });
  board.learn({ serving: before?.version ?? null });
  let served = false;
  try {
    const checks = await deployment.bringUpCandidate({ registeredModel, version, key });
    await held();
    await rollOut(board, plan, key, before?.key ?? null);
    served = true;
    return { registeredModel, version, previousVersion: before?.version ?? null, url: plan.links.api, checks };
  } finally {
    // What does not serve is stopped, be it the old one or a candidate that did not make it.
    const idle = served ? before?.key : key;
    if (idle) {
      await CancellationScope.nonCancellable(() => deployment.stopIdle({ registeredModel, key: idle })).catch(
        () => undefined,
      );
    }
  }
}

/** Moves the traffic to the candidate step by step; whatever goes wrong, it is back on the old one before that is told. */
async function rollOut(board: Board, plan: Plan, key: string, before: string | null): Promise<void> {
  const { registeredModel } = plan;
  const shares = before === null ? [1] : rolloutShares(plan.rollout);
  for (const share of shares) {
    try {
      await deployment.shiftTraffic({ registeredModel, key, share });
      if (share < 1) await bake(board, plan, share, key, before as string);
    } catch (error) {
      await CancellationScope.nonCancellable(() => takeBack(registeredModel, { key, share, before })).catch(
        () => undefined,
      );
      throw error;
    }
  }
}

/** How often a step is judged while it bakes. */
const JUDGEMENTS = 4;

async function bake(board: Board, plan: Plan, share: number, key: string, before: string): Promise<void> {
  const percent = Math.round(share * 100);
  board.waitFor(`the candidate to prove itself with ${percent} % of the requests, for ${plan.rollout.bakeSeconds} s.`);
  for (let judged = 0; judged < JUDGEMENTS; judged += 1) {
    await sleep((plan.rollout.bakeSeconds * 1000) / JUDGEMENTS, {
      summary: `${percent} % of the requests to the candidate, look ${judged + 1} of ${JUDGEMENTS}`,
    });
    const traffic = await deployment.traffic({ registeredModel: plan.registeredModel });
    const [candidate, incumbent] = [key, before].map((wanted) => traffic.find((seen) => seen.key === wanted));
    const breach = candidate && incumbent && findBreach(plan.rollout, candidate, incumbent);
    if (breach) throw failure('CanaryBreached', `With ${percent} % of the requests at the candidate, ${breach}`);
  }
  board.waitFor(null);
}

/** A shift whose answer was lost may have happened, so it is undone like one that did: where nothing served, nothing does. */
async function takeBack(
  registeredModel: string,
  { key, share, before }: { key: string; share: number; before: string | null },
): Promise<void> {
  if (share < 1) await deployment.shiftTraffic({ registeredModel, key, share: 0 });
  else if (before) await deployment.shiftTraffic({ registeredModel, key: before, share: 1 });
  else await deployment.stopIdle({ registeredModel, key, force: true });
}

function describeEnd({ dryRun, ...made }: RedeployResult): string {
  return dryRun ? dryRunText(dryRun.would) : describeDeployment(made);
}

export function describeDeployment({ version, previousVersion, url }: Deployment): string {
  const replaced = previousVersion && previousVersion !== version ? ` in place of version ${previousVersion}` : '';
  return `version ${version} answers at ${url}${replaced}`;
}
