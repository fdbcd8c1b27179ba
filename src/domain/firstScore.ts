import type { MetricRule } from '../contracts/registry.ts';
import { FIRST_SCORES, type NamedScore, type Task } from '../contracts/training.ts';

/**
 * The score that a version is known by: the one of its task, else one that the gate compares.
 *
 * @param values metrics, or tags of a version, as texts
 * @param rules of the gate
 * @returns null: none is known
 */
export function firstScore(
  values: Readonly<Record<string, number | string | null | undefined>>,
  rules: ReadonlyArray<Pick<MetricRule, 'metric'>> = [],
): NamedScore | null {
  const names = [...FIRST_SCORES, ...rules.map(({ metric }) => metric)];
  const known = names.map((metric) => ({ metric, value: Number.parseFloat(String(values[metric] ?? '')) }));
  return known.find(({ value }) => Number.isFinite(value)) ?? null;
}

/** The name of a trial's score; empty: validation AUC. @param metric as the settings have it, for trials of commands */
export function trialScore(metric: string, task: Task | null | undefined): string {
  return metric || (task === 'regression' ? 'validation_r2' : '');
}

/**
 * The rules as they hold for a task: maxAucLoss is about the AUC, and where there is none, the first score of the task
 * stands in for it.
 *
 * @param primary of the evaluation; undefined: a command of the project made it
 */
export function rulesOfTask(rules: readonly MetricRule[], primary: string | undefined): MetricRule[] {
  const [auc] = FIRST_SCORES;
  return rules.map((rule) => (primary !== undefined && rule.metric === auc ? { ...rule, metric: primary } : rule));
}
