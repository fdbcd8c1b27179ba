import { workflowInfo } from '@temporalio/workflow';
import type { Plan } from '../contracts/plan.ts';
import type { ModelVersionRef } from '../contracts/registry.ts';
import type { Dataset } from '../contracts/training.ts';
import type { TrainInput } from '../contracts/workflows.ts';
import { registry, stepActivities } from './lib/activities.ts';
import type { Board } from './lib/board.ts';
import { conduct, type Job } from './lib/conduct.ts';
import { writeReport } from './lib/report.ts';
import { withRun } from './lib/runs.ts';
import { idempotencyKey, runStage } from './lib/stages.ts';
import { preparation, prepareData } from './prepareData.ts';

/**
 * Fits the model on train and validation, scores the test split, and registers exactly one new version, whatever is
 * retried. The version becomes `@challenger`; nothing is promoted.
 */
export async function trainBestAndRegister(input?: unknown): Promise<ModelVersionRef> {
  return conduct('trainBestAndRegister', input, { stages: ['trainBestAndRegister'], body, describe: describeVersion });
}

async function body({ request, plan, board }: Job<'trainBestAndRegister'>): Promise<ModelVersionRef> {
  const dataset = request.dataset ?? (await runStage(board, plan, 'prepareData', prepareData, preparation(plan)));
  const run = { runId: request.runId, purpose: 'train', dataset, trigger: request.trigger };

  return withRun(board, plan, run, async (runId) => {
    const version = await board.stage(
      'trainBestAndRegister',
      () => trainAndRegister(board, plan, request, dataset, runId),
      describeVersion,
    );
    // A retrain writes it itself, while it promotes the version.
    if (workflowInfo().parent) return version;
    const { params, searchTrials, trigger, report: driftReport } = request;
    const search = searchTrials && { trials: searchTrials };
    const page = await writeReport(board, plan, { version, dataset, params, search, trigger, driftReport });
    return { ...version, reportUri: page?.reportUri ?? null };
  });
}

async function trainAndRegister(
  board: Board,
  plan: Plan,
  request: TrainInput,
  dataset: Dataset,
  runId: string,
): Promise<ModelVersionRef> {
  const { registeredModel, model, data, seed } = plan;
  const trained = await stepActivities(plan, 'train').trainModel({
    registeredModel,
    dataset,
    data,
    model,
    params: request.params ?? null,
    seed,
    runId,
    key: idempotencyKey('train'),
    trials: request.searchTrials ?? [],
  });
  const version = await registry.registerVersion({
    registeredModel,
    key: idempotencyKey('version'),
    trained,
    model,
    dataset: dataset.ref,
    // Data that somebody hands over were split by the seed that is told with them, if one is.
    seed: request.dataset === undefined ? plan.seed : request.seed,
    trigger: request.trigger ?? null,
    report: request.report ?? null,
  });
  board.learn({ registered: version.version });
  board.attributes({ version: version.version, testAuc: version.metrics.test_auc });
  return version;
}

export function describeVersion({ registeredModel, version, metrics }: ModelVersionRef): string {
  return `${registeredModel} version ${version}, test AUC ${metrics.test_auc?.toFixed(4) ?? 'unknown'}`;
}
