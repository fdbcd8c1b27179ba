import { setHandler, workflowInfo } from '@temporalio/workflow';
import type { ArtifactRef } from '../contracts/artifacts.ts';
import { truncate } from '../contracts/errors.ts';
import { STAGES, type Stage, TAGS } from '../contracts/names.ts';
import type { News } from '../contracts/notifications.ts';
import type { Plan } from '../contracts/plan.ts';
import { searchProgressed, stageProgressed } from '../contracts/queries.ts';
import type { RetrainInput, RetrainResult, SearchInput, SearchResult } from '../contracts/workflows.ts';
import { capitalised } from '../words/letters.ts';
import { news } from '../words/news.ts';
import { describeSearch, hyperparameterSearch } from './hyperparameterSearch.ts';
import { triggerOf } from './lib/attributes.ts';
import type { Board } from './lib/board.ts';
import { conduct, type Job } from './lib/conduct.ts';
import { runExtraSteps } from './lib/extraSteps.ts';
import { applicationFailure, rootMessage } from './lib/failures.ts';
import { tellTheEnd } from './lib/notify.ts';
import { withReport } from './lib/report.ts';
import { withRun } from './lib/runs.ts';
import { runStage } from './lib/stages.ts';
import { describeDataset, prepareData } from './prepareData.ts';
import { describePromotion, promote } from './promote.ts';
import { describeDeployment } from './redeploy.ts';
import { describeVersion, trainBestAndRegister } from './trainBestAndRegister.ts';

/** The main job: from the data to a new model version that answers requests, if it is good enough. */
export async function retrain(input?: unknown): Promise<RetrainResult> {
  return conduct('retrain', input, { stages: STAGES, body, describe: describeRetrain });
}

async function body({ request, plan, board }: Job<'retrain'>): Promise<RetrainResult> {
  setHandler(searchProgressed, board.search, {
    description: 'From its search: how many trials are done, and the best',
  });
  setHandler(stageProgressed, board.merge, { description: 'From its promotion: where one of its stages stands' });

  const { registeredModel, model, data, seed, trials, parallel } = plan;
  const opened = { purpose: 'retrain', trigger: request.trigger ?? triggerOf() };
  let reportUrl: string | null = null;
  let promotion: RetrainResult['promotion'] | undefined;
  const work = async (runId: string): Promise<RetrainResult> => {
    const known: { dataset?: ArtifactRef; version?: string } = {};
    const extra = (stage: Stage, when: 'before' | 'after') => runExtraSteps(board, plan, stage, when, known);

    await extra('prepareData', 'before');
    const dataset = await board.stage(
      'prepareData',
      () => runStage(board, plan, 'prepareData', prepareData, { registeredModel, data, seed, force: request.force }),
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
        runStage(board, plan, 'trainBestAndRegister', trainBestAndRegister, {
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
    board.learn({ registered: version.version });
    known.version = version.version;
    await extra('trainBestAndRegister', 'after');

    const { trigger, report: driftReport } = request;
    const subject = { version, dataset, search, params: search?.best.params, trigger, driftReport };
    const { production, page } = await withReport(board, plan, subject, async () => {
      if (plan.stage !== 'None') await extra('promote', 'before');
      const brought = await bringToProduction(board, plan, request, version.version);
      promotion = brought.promotion;
      return brought;
    });
    if (production.deployment) await extra('redeploy', 'after');
    reportUrl = page?.url ?? null;
    return { version: { ...version, reportUri: page?.reportUri ?? null }, ...production };
  };
  const run = withRun(board, plan, opened, work, () => (promotion === undefined ? {} : outcomeTags(promotion)));
  return tellTheEnd(plan, run, {
    done: (result) => news.retrainFinished(result, reportUrl),
    failed: (error) => whyFailed(registeredModel, error),
  });
}

/** What came of it, as its MLflow run keeps it: the history of retrains reads that when Temporal has forgotten them. */
function outcomeTags(promotion: RetrainResult['promotion']): Record<string, string> {
  if (!promotion) return { [TAGS.promoted]: 'None' };
  return { [TAGS.promoted]: promotion.promoted ? promotion.stage : 'None', [TAGS.verdict]: promotion.reason };
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
    () => runStage(board, plan, 'hyperparameterSearch', hyperparameterSearch, input),
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
  const input = { registeredModel, version, stage, ...gate, by: truncate(trigger ?? workflowInfo().workflowId, 200) };
  const { promotion, deployment } = await board.stage(
    'promote',
    () => runStage(board, plan, 'promote', promote, input),
    ({ promotion }) => describePromotion(promotion),
  );
  board.attributes({ stage: promotion.promoted ? promotion.stage : null });
  if (promotion.promoted) board.learn({ promotedTo: promotion.stage, deployed: deployment?.version });
  if (deployment) board.finish('redeploy', describeDeployment(deployment));
  else board.skip('redeploy', promotion.promoted ? 'not asked for' : 'nothing was promoted');
  return { promotion, deployment };
}

/** `MediWatchReadmit version 4, test AUC 0.6812. Version 4 is in Production. … The API follows: …`. */
function describeRetrain({ version, promotion, deployment }: RetrainResult): string {
  const parts = [
    `${describeVersion(version)}.`,
    promotion ? capitalised(describePromotion(promotion)) : 'It was registered only, as was asked for.',
    deployment && `${capitalised(describeDeployment(deployment))}.`,
  ];
  return parts.filter(Boolean).join(' ');
}
