import type { z } from 'zod';
import type { Deployment } from '../contracts/deployment.ts';
import type { ModelVersionRef, Promotion } from '../contracts/registry.ts';
import type { Metrics } from '../contracts/training.ts';
import { type DryRun, WORKFLOWS, type WorkflowName } from '../contracts/workflows.ts';
import { paramsText } from '../words/details.ts';

type Result<Name extends WorkflowName> = z.output<(typeof WORKFLOWS)[Name]['result']>;

const LINES: { [Name in WorkflowName]: (result: Result<Name>) => string[] } = {
  retrain: ({ version, promotion, deployment }) => [
    versionLine(version),
    promotion ? promotionLine(promotion) : 'Registered only: no promotion was asked for.',
    ...deploymentLines(deployment),
  ],
  prepareData: ({ rows, groups, features, splits, ref }) => [
    ...(rows === null
      ? []
      : [
          `${count(rows)} rows${groups === null ? '' : ` of ${count(groups)} groups`}, ${features ?? 'unknown'} features` +
            (splits
              ? `: ${count(splits.train.rows)} to train, ${count(splits.validation.rows)} to validate, ` +
                `${count(splits.test.rows)} to test.`
              : '.'),
        ]),
    `Data set ${ref.uri}`,
  ],
  hyperparameterSearch: ({ best, metric = 'validation AUC', complete, failed }) => [
    `Best of ${complete} trials${failed ? ` (${failed} more failed)` : ''}: trial ${best.number}, ` +
      `${metric} ${score(best.score)} with ${paramsText(best.params)}.`,
  ],
  trainBestAndRegister: (version) => [versionLine(version)],
  promote: ({ promotion, deployment, dryRun }) =>
    dryRun ? [...dryRunLines(dryRun), promotion.reason] : [promotionLine(promotion), ...deploymentLines(deployment)],
  rollback: ({ registeredModel, version, left, deployment, dryRun }) =>
    dryRun
      ? dryRunLines(dryRun)
      : [
          `${registeredModel} version ${version} is in Production again${left ? ` in place of version ${left}` : ''}.`,
          ...deploymentLines(deployment),
        ],
  redeploy: ({ dryRun, ...deployment }) => (dryRun ? dryRunLines(dryRun) : deploymentLines(deployment)),
  buildImage: ({ reference, tag, built, pushed, platforms, note }) => [
    `${built ? 'Built' : 'Nothing has changed: kept'} ${tag} for ${platforms.join(', ')}${pushed ? ', pushed' : ''}.`,
    reference,
    ...(note ? [note] : []),
  ],
  driftCheck: ({ registeredModel, reason, columns, report, alerted }) => [
    `${registeredModel}: ${reason}.`,
    ...(columns.length > 0 ? [`Drifted: ${columns.join(', ')}.`] : []),
    ...(alerted ? ['Its steward was told; it retrains unless it is paused or cools down.'] : []),
    ...(report.url ? [`Report ${report.url}`] : []),
  ],
  driftSteward: () => [],
};

/** What came of a workflow, in sentences; its plain JSON when it is not one of ours or of another release. */
export function resultLines(workflow: string, result: unknown): string[] {
  const contract = WORKFLOWS[workflow as WorkflowName];
  const parsed = contract?.result.safeParse(result);
  if (parsed?.success) return (LINES[workflow as WorkflowName] as (result: unknown) => string[])(parsed.data);
  return result === undefined || result === null ? [] : [`Result: ${JSON.stringify(result)}`];
}

function versionLine({ registeredModel, version, metrics }: z.output<typeof ModelVersionRef>): string {
  return `${registeredModel} version ${version}: test AUC ${score(testAuc(metrics))}.`;
}

function promotionLine({ registeredModel, version, stage, promoted, reason }: z.output<typeof Promotion>): string {
  const verdict = promoted ? `is in ${stage}` : `was not promoted to ${stage}`;
  return `${registeredModel} version ${version} ${verdict}. ${reason}`;
}

function dryRunLines({ would }: DryRun): string[] {
  return ['Dry run, nothing was changed.', ...(would.length > 0 ? would : ['Nothing would be changed.'])];
}

function deploymentLines(deployment: z.output<typeof Deployment> | null): string[] {
  if (!deployment) return [];
  const { registeredModel, version, previousVersion, url } = deployment;
  const before = previousVersion && previousVersion !== version ? `, in place of version ${previousVersion}` : '';
  return [`${registeredModel} version ${version} serves at ${url}${before}.`];
}

/** The AUC on the test split among a version's metrics. */
export function testAuc(metrics: Metrics): number | null {
  return metrics.test_auc ?? null;
}

export function score(auc: number | null | undefined): string {
  return auc === null || auc === undefined ? 'unknown' : auc.toFixed(4);
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
