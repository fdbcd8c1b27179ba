import type { MetricRule } from '../contracts/registry.ts';
import type { Metrics } from '../contracts/training.ts';
import type { Floor } from '../contracts/verdicts.ts';

/** Scores of a model that answers the same for every row, by the end of a metric's name. Other scores depend on the data. */
const TRIVIAL: ReadonlyArray<[RegExp, number]> = [
  [/(^|_)(roc_?auc|auc_?roc|auroc|auc|c_index)(_score)?(_(macro|weighted|ov[ro]))*$/, 0.5],
  [/(^|_)(r2|r_?squared|explained_variance)(_score)?$/, 0],
  [/(^|_)(mcc|matthews_corrcoef|(cohens?_)?kappa|gini)(_score)?$/, 0],
];
/** The area under precision and recall is another one: a constant model has the share of positives. */
const OTHER_AREA = /(^|_)(pr|prc|precision_recall)_auc/;
/** A score of rows that the model, or the choice of its parameters, knows. */
const NOT_HELD_OUT = /(^|_)(train(ing)?|val(id|idation)?|cv|folds?)\d*(_|$)/;
const ROUNDING = 1e-9;

/** What a model that answers the same for every row would score; null: its name does not say. */
function trivialScore(metric: string): number | null {
  const name = plainName(metric);
  if (OTHER_AREA.test(name)) return null;
  return TRIVIAL.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}

const plainName = (metric: string) => metric.toLowerCase().replace(/[^a-z0-9]+/g, '_');

/**
 * How a version compares with a trivial model, by the names of its scores alone: those of the rules, or else those that
 * were held out. One score above the trivial one is enough. Null: no score has a name that tells.
 */
export function floorByName(scores: Metrics, rules: readonly Pick<MetricRule, 'metric' | 'direction'>[]): Floor | null {
  const ruling = rules.filter(({ direction }) => direction === 'higher').map(({ metric }) => metric);
  const known = (metrics: readonly string[]) =>
    metrics.flatMap((metric): Floor[] => {
      const [trivial, score] = [trivialScore(metric), scores[metric]];
      return trivial === null || typeof score !== 'number' ? [] : [{ metric, trivial, score, low: null }];
    });
  const ofRules = known(ruling);
  const found =
    ofRules.length > 0 ? ofRules : known(Object.keys(scores).filter((name) => !NOT_HELD_OUT.test(plainName(name))));
  return found.find(isAbove) ?? found[0] ?? null;
}

/** Whether a version is better than the trivial model: by the bound of its interval, or its score where there is none. */
export function isAbove({ low, score, trivial }: Floor): boolean {
  return (low ?? score) > trivial + ROUNDING;
}
