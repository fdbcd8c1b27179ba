import { z } from 'zod';
import { TAGS } from '../../contracts/names.ts';
import { Comparison, type MetricRule } from '../../contracts/registry.ts';
import { parseJson } from '../../contracts/text.ts';
import type { Metrics } from '../../contracts/training.ts';
import type { ModelVersion } from '../../systems/mlflow/index.ts';

/** One metric of two versions. */
export interface MetricRow {
  metric: string;
  a: number | null;
  b: number | null;
  /** a minus b. */
  difference: number | null;
  /** One-sided bounds of the difference, each at its confidence, by a paired bootstrap over the test split. */
  bounds: { low: number; high: number; confidence: number } | null;
  /** Null: nobody knows which values are better, or one is missing. */
  better: 'a' | 'b' | 'same' | null;
}

/** The scores of two versions on one test split, with the bounds of their differences. */
export interface Evaluation {
  a: Metrics;
  b: Metrics;
  differences: Comparison['differences'];
}

const Recorded = Comparison.extend({ against: z.string().nullable() });
type Tagged = Pick<ModelVersion, 'version' | 'tags'>;

/** What a promotion found when it scored the two on one test split, whichever was the challenger; null: none did. */
export function evaluationOf(a: Tagged, b: Tagged): Evaluation | null {
  const own = evaluationAgainst(a, b.version);
  if (own) return own;
  const other = evaluationAgainst(b, a.version);
  if (!other) return null;
  const turned = Object.entries(other.differences).map(([metric, { difference, low, high, confidence }]) => {
    return [metric, { difference: -difference, low: -high, high: -low, confidence }];
  });
  return { a: other.b, b: other.a, differences: Object.fromEntries(turned) };
}

function evaluationAgainst({ tags }: Tagged, against: string): Evaluation | null {
  const { data } = Recorded.safeParse(parseJson(tags[TAGS.comparison]));
  // Scores that the trainings recorded are those of two test splits, perhaps.
  if (!data?.champion || data.against !== against || data.recorded) return null;
  return { a: data.challenger, b: data.champion, differences: data.differences };
}

/**
 * The metrics of two versions side by side.
 *
 * @param rules of the promotion gate: they say which values of a metric are better
 */
export function metricRows(
  { a, b, differences }: Evaluation,
  rules: ReadonlyArray<Pick<MetricRule, 'metric' | 'direction'>>,
): MetricRow[] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  const ours = names.filter((name) => name.startsWith('test_'));
  return (ours.length > 0 ? ours : names).map((metric) => {
    const [left, right] = [a[metric] ?? null, b[metric] ?? null];
    const difference = left === null || right === null ? null : left - right;
    const { low, high, confidence } = differences[metric] ?? {};
    const known = low !== undefined && high !== undefined && confidence !== undefined;
    const bounds = known ? { low, high, confidence } : null;
    return { metric, a: left, b: right, difference, bounds, better: betterOf(difference, directionOf(metric, rules)) };
  });
}

const LOWER = /(^|_)(loss|brier|error|mae|mse|rmse|mape|deviance|ece|calibration)(_|$)/i;
const HIGHER = /(^|_)(auc|accuracy|precision|recall|sensitivity|specificity|f1|r2|score|mcc|kappa|gini)(_|$)/i;

/** Which values of a metric are better: as the gate has it, else as its name says; null: nobody knows. */
export function directionOf(
  metric: string,
  rules: ReadonlyArray<Pick<MetricRule, 'metric' | 'direction'>>,
): 'higher' | 'lower' | null {
  const rule = rules.find((one) => one.metric === metric);
  if (rule) return rule.direction;
  return LOWER.test(metric) ? 'lower' : HIGHER.test(metric) ? 'higher' : null;
}

function betterOf(difference: number | null, direction: 'higher' | 'lower' | null): MetricRow['better'] {
  if (difference === null || direction === null) return null;
  if (difference === 0) return 'same';
  return difference > 0 === (direction === 'higher') ? 'a' : 'b';
}
