import { setHandler, workflowInfo } from '@temporalio/workflow';
import type { ArtifactRef } from '../contracts/artifacts.ts';
import { STAGES, type Stage } from '../contracts/names.ts';
import type { News } from '../contracts/notifications.ts';
import type { Plan } from '../contracts/plan.ts';
import { searchProgressed, stageProgressed } from '../contracts/queries.ts';
import type { RetrainInput, RetrainResult, SearchInput, SearchResult } from '../contracts/workflows.ts';
import { news } from '../policy/news.ts';
import { describeSearch, hyperparameterSearch } from './hyperparameterSearch.ts';
import { resolvePlan } from './lib/activities.ts';
import { type Board, openBoard } from './lib/board.ts';
import { runExtraSteps } from './lib/extraSteps.ts';
import { applicationFailure, rootMessage } from './lib/failures.ts';
import { parseInput } from './lib/input.ts';
import { tellTheEnd } from './lib/notify.ts';
import { withRun } from './lib/runs.ts';
import { runStage } from './lib/stages.ts';
import { describeDataset, prepareData } from './prepareData.ts';
import { describePromotion, promote } from './promote.ts';
import { describeDeployment } from './redeploy.ts';
import { describeVersion, trainBestAndRegister } from './trainBestAndRegister.ts';

/** The main job: from the data to a new model version that answers requests, if it is good enough. */
export async function retrain(input?: unknown): Promise<RetrainResult> {
  const request = parseInput('retrain', input);
  const plan = await resolvePlan(request);
  const board = openBoard(STAGES, plan, { trigger: request.trigger });
  setHandler(searchProgressed, board.search);
  setHandler(stageProgressed, board.merge);

  const { registeredModel, model, data, seed, trials, parallel } = plan;
  const run = withRun(board, plan, { purpose: 'retrain', trigger: request.trigger }, async (runId) => {
    const known: { dataset?: ArtifactRef; version?: string } = {};
    const extra = (stage: Stage, when: 'before' | 'after') => runExtraSteps(board, plan, stage, when, known);

    await extra('prepareData', 'before');
    const dataset = await board.stage(
      'prepareData',
      () => runStage('prepareData', prepareData, { registeredModel, data, seed, force: request.force }),
      describeDataset,
    );
    known.dataset = dataset.ref;
    await extra('prepareData', 'after');

    await extra('hyperparameterSearch', 'before');
    const common = { registeredModel, model, data, seed, dataset };
    const search = await searchIfAsked(board, plan, { ...common, trials, parallel, parentRunId: runId });
    await extra('hyperparameterSearch', 'after');

    await extra('trainBestAndRegister', 'before');
    const version = await board.stage(
      'trainBestAndRegister',
      () =>
        runStage('trainBestAndRegister', trainBestAndRegister, {
          ...common,
          runId,
          params: search?.best.params,
          searchTrials: search?.trials,
          trigger: request.trigger,
          report: request.report,
        }),
      describeVersion,
    );
    board.attributes({ version: version.version, testAuc: version.metrics.test_auc });
    known.version = version.version;
    await extra('trainBestAndRegister', 'after');

    if (plan.stage !== 'None') await extra('promote', 'before');
    const production = await bringToProduction(board, plan, request, version.version);
    if (production.deployment) await extra('redeploy', 'after');
    return { version, ...production };
  });
  return tellTheEnd(plan, run, { done: news.retrainFinished, failed: (error) => whyFailed(registeredModel, error) });
}

/** What people are told of a retrain that failed; null: somebody else tells it. */
function whyFailed(registeredModel: string, error: unknown): News | null {
  // A steward tells how often in a row its retrains failed; the promotion tells of a rejection.
  const told = workflowInfo().memo?.alerts !== undefined || applicationFailure(error)?.type === 'ApprovalRejected';
  return told ? null : news.retrainFailed(registeredModel, rootMessage(error));
}

async function searchIfAsked(board: Board, plan: Plan, input: SearchInput): Promise<SearchResult | null> {
  if (plan.trials === 0) {
    board.skip('hyperparameterSearch', `no search was asked for: ${plan.model} is trained with its defaults`);
    return null;
  }
  const search = await board.stage(
    'hyperparameterSearch',
    () => runStage('hyperparameterSearch', hyperparameterSearch, input),
    (found) => describeSearch(found, plan.metric),
  );
  const { complete, failed, best } = search;
  const { number, score = 0, params } = best;
  const metric = plan.metric ? { metric: plan.metric } : {};
  board.search({ total: plan.trials, complete, failed, running: 0, ...metric, best: { number, score, params } });
  return search;
}

/** Promotes the version if the gate agrees, and lets the API follow. */
async function bringToProduction(
  board: Board,
  plan: Plan,
  request: RetrainInput,
  version: string,
): Promise<Pick<RetrainResult, 'promotion' | 'deployment'>> {
  const { registeredModel, stage } = plan;
  if (stage === 'None') {
    board.skip('promote', 'stage is None: the version was only registered');
    board.skip('redeploy', 'nothing was promoted');
    return { promotion: null, deployment: null };
  }
  const { maxAucLoss, policy, rules, approval, stagingFirst, strategy, redeploy, trigger } = request;
  const gate = { maxAucLoss, policy, rules, approval, stagingFirst, strategy, redeploy };
  const input = { registeredModel, version, stage, ...gate, by: trigger ?? workflowInfo().workflowId };
  const { promotion, deployment } = await board.stage(
    'promote',
    () => runStage('promote', promote, input),
    ({ promotion }) => describePromotion(promotion),
  );
  board.attributes({ stage: promotion.promoted ? promotion.stage : null });
  if (deployment) board.finish('redeploy', describeDeployment(deployment));
  else board.skip('redeploy', promotion.promoted ? 'not asked for' : 'nothing was promoted');
  return { promotion, deployment };
}
