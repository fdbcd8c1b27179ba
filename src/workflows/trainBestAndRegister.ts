import { workflowInfo } from '@temporalio/workflow';
import { activities, stepActivities } from './runtime/activities.ts';
import { writeModelReport } from './runtime/modelReport.ts';
import { workflow } from './runtime/workflow.ts';

/**
 * Fits the model on train and validation, scores the test split, and registers exactly one new version, whatever is
 * retried. The version becomes `@challenger`; nothing is promoted.
 */
export const trainBestAndRegister = workflow(
  'trainBestAndRegister',
  { mlflowRun: { purpose: 'train', given: ({ runId }) => runId } },
  async (plan, run) => {
    const { registeredModel, model, data, seed, params, searchTrials, found, limits } = plan;
    const dataset = plan.dataset ?? (await run.stages.prepareData({ ...plan, force: false }));

    const trained = await stepActivities(limits.train).trainModel({
      registeredModel,
      dataset,
      data,
      model,
      params,
      seed,
      runId: run.mlflowRunId,
      key: run.key('train'),
      trials: searchTrials,
      found,
    });

    const version = await activities.registerVersion({
      registeredModel,
      key: run.key('version'),
      trained,
      model,
      dataset: dataset.ref,
      seed: plan.dataset === null ? seed : plan.splitSeed,
      trigger: plan.trigger,
      driftReport: plan.driftReport,
    });
    run.report({
      event: 'learned',
      facts: { registered: version.version, testAuc: version.metrics.test_auc ?? null },
    });

    // A retrain writes it itself, while it promotes the version.
    if (workflowInfo().parent) return version;
    const subject = { version, dataset, params, trials: searchTrials, metric: plan.metric };
    const page = await writeModelReport(plan, run, subject, version.champion ?? null, null);
    return { ...version, reportUri: page?.reportUri ?? null };
  },
);
