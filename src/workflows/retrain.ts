import { isOfStage, STAGES } from '../contracts/names.ts';
import { whyNotDeployed } from '../domain/outcomes.ts';
import { foundBy } from '../domain/study.ts';
import { news } from '../words/news.ts';
import { extraSteps } from './runtime/extraSteps.ts';
import { sharingLock } from './runtime/lock.ts';
import { modelReport } from './runtime/modelReport.ts';
import { undoPromotion } from './runtime/production.ts';
import { actorOf, startedBySteward } from './runtime/progress.ts';
import { workflow } from './runtime/workflow.ts';

/** The main job: from the data to a new model version that answers requests, if it is good enough. */
export const retrain = workflow(
  'retrain',
  {
    stages: STAGES,
    mlflowRun: { purpose: 'retrain' },
    companions: [extraSteps, modelReport],
    notices: {
      completed: news.retrainFinished,
      failed: ({ type, message, child }, { registeredModel }) => [
        ...(isOfStage('redeploy', child) ? [news.takenBack(registeredModel, message)] : []),
        // A steward notifies of the failures of its retrains, and a promotion of a rejection.
        ...(startedBySteward() || type === 'ApprovalRejected' ? [] : [news.retrainFailed(registeredModel, message)]),
      ],
    },
  },
  async (plan, run) => {
    const { stages } = run;
    const { registryStage } = plan;

    const dataset = await stages.prepareData({ ...plan, force: plan.prepareAgain });

    const search = await stages.hyperparameterSearch.unless(plan.trials === 0 ? 'noSearch' : null, () => ({
      ...plan,
      dataset,
      parentRunId: run.mlflowRunId,
    }));

    const version = await stages.trainBestAndRegister({
      ...plan,
      dataset,
      splitSeed: plan.seed,
      params: search?.best.params ?? null,
      searchTrials: search?.trials ?? [],
      found: foundBy(search?.best),
      runId: run.mlflowRunId,
    });

    if (registryStage === 'None') {
      stages.skip('promote', 'registerOnly');
      stages.skip('redeploy', 'notPromoted');
      return { version, promotion: null, deployment: null };
    }

    // Promote takes the lock once nobody has to decide any more, and leaves it to this workflow until the API has followed.
    return sharingLock(run, plan, async (lock) => {
      const by = actorOf(plan.trigger);
      const { promotion } = await stages.promote(
        {
          ...plan,
          registryStage,
          version: version.version,
          dataset: null,
          force: false,
          redeploy: false,
          dryRun: false,
          by,
          lock,
          changeKey: run.key('promote'),
        },
        { undo: ({ promotion }, why) => undoPromotion(run, promotion, { actor: by, why }) },
      );
      const deployment = await stages.redeploy.unless(
        whyNotDeployed(promotion, plan),
        () => ({ ...plan, version: version.version, onlyIfOther: true, dryRun: false, lock }),
        { commits: true },
      );
      return { version, promotion, deployment };
    });
  },
);
