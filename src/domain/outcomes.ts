import type { Deployment } from '../contracts/deployment.ts';
import type { Stage } from '../contracts/names.ts';
import type { Facts, SkipReason, StageOutcome } from '../contracts/progress.ts';
import type { ModelVersionRef, Promotion } from '../contracts/registry.ts';
import type { Dataset } from '../contracts/training.ts';
import type { PromoteResult, RedeployResult, ResultOf, SearchResult } from '../contracts/workflows.ts';
import { firstScore } from './firstScore.ts';

/** The gist of a stage's result, for the page and the command. */
export function outcomeOf<Name extends Stage>(stage: Name, result: ResultOf<Name>): StageOutcome {
  return OUTCOMES[stage](result);
}

const OUTCOMES: { [Name in Stage]: (result: ResultOf<Name>) => StageOutcome } = {
  prepareData: datasetOutcome,
  hyperparameterSearch: searchOutcome,
  trainBestAndRegister: versionOutcome,
  promote: ({ promotion, would }: PromoteResult) =>
    would ? { code: 'dryRun', would, verdict: promotion.verdict } : promotionOutcome(promotion),
  redeploy: ({ would, ...deployment }: RedeployResult) =>
    would ? { code: 'dryRun', would } : deploymentOutcome(deployment),
};

/** What a stage's result tells an explanation of a later failure. */
export function factsOf<Name extends Stage>(stage: Name, result: ResultOf<Name>): Facts {
  return FACTS[stage](result);
}

const FACTS: { [Name in Stage]: (result: ResultOf<Name>) => Facts } = {
  prepareData: () => ({}),
  hyperparameterSearch: () => ({}),
  trainBestAndRegister: ({ version, metrics }) => ({ registered: version, testAuc: metrics.test_auc ?? null }),
  promote: ({ promotion }) => (promotion.promoted ? { promotedTo: promotion.registryStage } : {}),
  redeploy: ({ version }) => ({ deployed: version }),
};

function datasetOutcome({ rows, groups, features, splits, ref, ...dataset }: Dataset): StageOutcome {
  const { dropped, remarks, task, positive, classes } = dataset;
  const sizes = splits && [splits.train.rows, splits.validation.rows, splits.test.rows];
  const said = { ...(dropped && { dropped }), ...(remarks && { remarks }), task, positive, classes: classes?.length };
  return { code: 'dataset', rows, groups, features, splits: sizes, sizeBytes: ref.sizeBytes, ...said };
}

function searchOutcome({ best, complete, pruned, failed, metric, stopped, suspicion }: SearchResult): StageOutcome {
  const { number, score = null, params } = best;
  const outcome = { code: 'search', complete, pruned, failed, metric, best: { number, score, params } } as const;
  return { ...outcome, ...(stopped && { stopped }), ...(suspicion && { suspicion }) };
}

function versionOutcome({ registeredModel, version, metrics }: ModelVersionRef): StageOutcome {
  return { code: 'version', registeredModel, version, score: firstScore(metrics) };
}

export function promotionOutcome(promotion: Promotion): StageOutcome {
  const { version, registryStage, promoted, verdict, forced } = promotion;
  return { code: 'promotion', version, registryStage, promoted, verdict, forced };
}

export function deploymentOutcome({ version, previousVersion, url }: Deployment): StageOutcome {
  return { code: 'deployment', version, previousVersion, url };
}

/** Why the API does not follow a promotion; null: it does. */
export function whyNotDeployed(
  promotion: Pick<Promotion, 'promoted' | 'registryStage'> | null,
  { redeploy, deploys }: { redeploy: boolean; deploys: boolean },
): SkipReason | null {
  if (!promotion?.promoted) return 'notPromoted';
  if (promotion.registryStage !== 'Production') return 'notProduction';
  if (!deploys) return 'noTarget';
  return redeploy ? null : 'notAskedFor';
}
