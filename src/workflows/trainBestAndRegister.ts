import type { ModelVersionRef } from '../contracts/registry.ts';
import { registry, resolvePlan, stepOptions, steps } from './lib/activities.ts';
import { openBoard } from './lib/board.ts';
import { parseInput } from './lib/input.ts';
import { withRun } from './lib/runs.ts';
import { idempotencyKey, runStage } from './lib/stages.ts';
import { preparation, prepareData } from './prepareData.ts';

/**
 * Fits the model on train and validation, scores the test split, and registers exactly one new version, whatever is
 * retried. The version becomes `@challenger`; nothing is promoted.
 */
export async function trainBestAndRegister(input?: unknown): Promise<ModelVersionRef> {
  const request = parseInput('trainBestAndRegister', input);
  const plan = await resolvePlan(request);
  const board = openBoard(['trainBestAndRegister'], plan);
  const { registeredModel, model, data, seed } = plan;
  const dataset = request.dataset ?? (await runStage('prepareData', prepareData, preparation(plan)));
  const run = { runId: request.runId, purpose: 'train', dataset, trigger: request.trigger };

  return withRun(board, plan, run, (runId) =>
    board.stage(
      'trainBestAndRegister',
      async () => {
        const trained = await steps.trainModel.executeWithOptions(
          stepOptions(plan, 'train', `fit ${model} on train and validation, score the test split`),
          [
            {
              registeredModel,
              dataset,
              data,
              model,
              params: request.params ?? null,
              seed,
              runId,
              key: idempotencyKey('train'),
              trials: request.searchTrials ?? [],
            },
          ],
        );
        const version = await registry.registerVersion({
          registeredModel,
          key: idempotencyKey('version'),
          trained,
          model,
          dataset: dataset.ref,
          trigger: request.trigger ?? null,
          report: request.report ?? null,
        });
        board.attributes({ version: version.version, testAuc: version.metrics.test_auc });
        return version;
      },
      describeVersion,
    ),
  );
}

export function describeVersion({ registeredModel, version, metrics }: ModelVersionRef): string {
  return `${registeredModel} version ${version}, test AUC ${metrics.test_auc?.toFixed(4) ?? 'unknown'}`;
}
