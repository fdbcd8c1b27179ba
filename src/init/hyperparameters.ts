import type { Space } from '../contracts/training.ts';
import type { Program } from './programs.ts';
import { folded, type Option, type Suggestion } from './sources.ts';

type Dimension = Space[string];

/** A parameter that the search may vary. */
export interface Parameter {
  option: Option;
  dimension: Dimension;
  /** Why this range. */
  reason: string;
}

const float = (low: number, high: number): Dimension => {
  const [least, most] = [low, high].map((value) => Number(value.toPrecision(3))) as [number, number];
  return { type: 'float', low: least, high: most, log: true };
};
const int = (low: number, high: number): Dimension => {
  const least = Math.max(1, Math.round(low));
  return { type: 'int', low: least, high: Math.max(Math.round(high), least + 1), log: true };
};

/** By the name of a hyperparameter: the range around its default. */
const RANGES: ReadonlyArray<readonly [RegExp, (value: number) => Dimension]> = [
  [/^(lr|learning_rate|eta|eta0|shrinkage)$/, (value) => float(value / 10, Math.min(value * 3, 1))],
  [
    /^(l1|l2|reg_alpha|reg_lambda|lambda_l1|lambda_l2|lambda|l2_regularization|weight_decay|wd|alpha|gamma|c)$/i,
    (value) => float(value / 100, value * 100),
  ],
  [
    /^(subsample|colsample_bytree|feature_fraction|bagging_fraction|max_features|dropout(_rate)?|momentum)$/,
    (value) => float(value / 2, Math.min(value * 2, value < 1 ? (1 + value) / 2 : 1)),
  ],
  [/^(max_)?depth$/, (value) => int(value / 2, value * 2)],
  [
    /^(n_estimators|num_boost_round|num_rounds?|rounds|n_rounds|max_iter|n_iter|iterations|num_iterations|n_trees|trees|epochs|num_leaves|max_leaf_nodes|max_leaves|min_samples_leaf|min_samples_split|min_child_samples|min_data_in_leaf|batch_size|hidden|n_hidden|units|hidden_(size|dim|units)|embedding(_dim)?)$/,
    (value) => int(value / 4, value * 4),
  ],
];

/**
 * The numeric options of a script that are hyperparameters, each with a range around its default.
 *
 * @param searched what the project's own search asks for: its ranges are better than a guess
 */
export function parametersOf(
  { options }: Pick<Program, 'options'>,
  searched: ReadonlyArray<{ suggestion: Suggestion; where: string }>,
): Parameter[] {
  return options.flatMap((option) => {
    const own = searched.find(({ suggestion }) => folded(suggestion.name) === folded(option.dest));
    const dimension = own && asDimension(own.suggestion, option);
    if (dimension) return { option, dimension, reason: `the range of ${own.where}` };
    const guess = guessFor(option);
    return guess ? { option, dimension: guess, reason: `a guess around its default ${option.default}` } : [];
  });
}

/** A range around a default; without a default or a type, nothing says what could be tried. */
function guessFor({ dest, default: known, type, choices }: Option): Dimension | undefined {
  const range = RANGES.find(([name]) => name.test(dest.split('.').at(-1) ?? ''))?.[1];
  if (!range || typeof known !== 'number' || known <= 0 || choices.length > 0) return undefined;
  const dimension = range(known);
  if (type === dimension.type) return dimension;
  return type === 'float' && dimension.type === 'int' ? { ...dimension, type } : undefined;
}

function asDimension({ kind, low, high, log, choices }: Suggestion, { type }: Option): Dimension | undefined {
  if (kind === 'categorical') {
    const known = (choices ?? []).filter((choice) => choice !== null);
    return known.length > 0 ? { type: 'categorical', choices: known } : undefined;
  }
  if (kind === 'unknown' || low === undefined || high === undefined || low >= high) return undefined;
  const whole = kind === 'int' || type === 'int';
  if (whole && !(Number.isInteger(low) && Number.isInteger(high))) return undefined;
  return { type: whole ? 'int' : 'float', low, high, ...(log && low > 0 && { log }) };
}

/** A metric that could decide. */
export interface Metric {
  name: string;
  direction: 'maximize' | 'minimize';
}

const KINDS: ReadonlyArray<readonly [RegExp, number]> = [
  [/(^|[^a-z])(roc_?)?auc|auroc/, 5],
  [/pr_?auc|average_precision|(^|_)ap$/, 4],
  [/f1|accuracy|(^|_)acc$|r2|recall|precision|kappa/, 3],
  [/rmse|mae|mse|mape|log_?loss|loss|brier|error/, 2],
];
const LOWER = /loss|rmse|mae|mse|mape|error|brier|perplexity/;

/** The metrics that scripts log, those first that a search should be decided by: on validation data, and AUC. */
export const forSearch = (names: readonly string[]) => ranked(names, { validation: 10, test: -2 });
/** Those first that say how good the trained model is: on test data. */
export const forGate = (names: readonly string[]) => ranked(names, { validation: 3, test: 10 });

function ranked(names: readonly string[], on: { validation: number; test: number }): Metric[] {
  const worth = (name: string) => {
    const lower = name.toLowerCase();
    const kind = KINDS.find(([pattern]) => pattern.test(lower))?.[1] ?? -20;
    if (isValidation(name)) return on.validation + kind;
    return (/test|holdout/.test(lower) ? on.test : /train/.test(lower) ? -10 : 0) + kind;
  };
  return [...new Set(names)]
    .sort((one, other) => worth(other) - worth(one))
    .map((name) => ({ name, direction: LOWER.test(name.toLowerCase()) ? 'minimize' : 'maximize' }));
}

/** Whether a metric is an area under the ROC curve, which the gate calls test_auc. */
export const isAuc = (name: string) =>
  /(^|[^a-z])(roc_?)?auc|auroc/.test(name.toLowerCase()) && !/pr_?auc|auprc/.test(name.toLowerCase());

/** Whether a name is that of a score, and not that of a count or a time. */
export const isScore = (name: string) => KINDS.some(([pattern]) => pattern.test(name.toLowerCase()));

/** Whether a score is of data on which a search may be decided: on test data it would fit them. */
export const isValidation = (name: string) => /val|dev|cv/.test(name.toLowerCase());
