import type { Space } from '../contracts/training.ts';
import type { Script } from './scripts.ts';
import type { Option, Suggestion } from './sources.ts';

type Dimension = Space[string];

/** A parameter that the search may vary. */
export interface Parameter {
  option: Option;
  dimension: Dimension;
  /** Why this range. */
  reason: string;
}

interface Guess {
  name: RegExp;
  /** Default where the script gives none. */
  usual: number;
  range: (value: number) => Dimension;
}

const float = (low: number, high: number, log = false): Dimension => ({
  type: 'float',
  low: round(low),
  high: round(high),
  ...(log && { log }),
});
const int = (low: number, high: number, log = false): Dimension => ({
  type: 'int',
  low: Math.round(low),
  high: Math.max(Math.round(high), Math.round(low) + 1),
  ...(log && { log }),
});
/** An order of magnitude down, a third of one up, for what acts by its ratio. */
const decade = (limit: number) => (value: number) =>
  float(Math.min(value, limit) / 10, Math.min(value * 3, limit), true);
const fourfold = (least: number) => (value: number) =>
  int(Math.max(Math.min(least, value), value / 4), Math.max(value * 4, least * 2), true);
const share = () => float(0.5, 1);
const penalty = (value: number) => (value > 0 ? float(value / 100, value * 100, true) : float(1e-6, 0.1, true));

const GUESSES: readonly Guess[] = [
  { name: /^(lr|learning_rate|eta|eta0|shrinkage)$/, usual: 0.1, range: decade(1) },
  {
    name: /^(n_estimators|num_boost_round|num_rounds?|rounds|n_rounds|max_iter|n_iter|iterations|num_iterations|n_trees)$/,
    usual: 200,
    range: fourfold(10),
  },
  {
    name: /^(max_)?depth$/,
    usual: 6,
    range: (value) => (value > 0 ? int(Math.max(Math.min(2, value), value / 2), Math.max(value * 2, 4)) : int(3, 12)),
  },
  { name: /^(num_leaves|max_leaf_nodes|max_leaves|leaves)$/, usual: 31, range: fourfold(4) },
  { name: /^(min_samples_leaf|min_child_samples|min_data_in_leaf|min_samples_split)$/, usual: 20, range: fourfold(2) },
  {
    name: /^(l1|l2|reg_alpha|reg_lambda|lambda_l1|lambda_l2|lambda|l2_regularization|weight_decay|wd|alpha|gamma|min_child_weight)$/,
    usual: 0,
    range: penalty,
  },
  { name: /^c$/i, usual: 1, range: penalty },
  {
    name: /^dropout(_rate)?$/,
    usual: 0.2,
    range: (value) => float(Math.max(0, value - 0.2), Math.min(0.7, value + 0.3)),
  },
  { name: /^(subsample|colsample_bytree|feature_fraction|bagging_fraction|max_features)$/, usual: 0.8, range: share },
  {
    name: /^batch_size$/,
    usual: 64,
    range: (value) => ({
      type: 'categorical',
      choices: [value / 2, value, value * 2].map((size) => Math.max(1, Math.round(size))),
    }),
  },
  { name: /^(hidden|n_hidden|units)(_(size|dim|units))?$|^embedding(_dim)?$/, usual: 64, range: fourfold(4) },
  { name: /^momentum$/, usual: 0.9, range: () => float(0.8, 0.99) },
];

const folded = (name: string) => name.toLowerCase().replaceAll('-', '_');

/**
 * The numeric options of a script that are hyperparameters, each with a range around its default.
 *
 * @param searched what the project's own search asks for: its ranges are better than a guess
 */
export function parametersOf(
  { options }: Script,
  searched: ReadonlyArray<{ suggestion: Suggestion; where: string }>,
): Parameter[] {
  return options.flatMap((option) => {
    const own = searched.find(({ suggestion }) => folded(suggestion.name) === folded(option.dest));
    const dimension = own && asDimension(own.suggestion, option);
    if (own && dimension) return [{ option, dimension, reason: `the range of ${own.where}` }];
    const guess = guessFor(option);
    return guess ? [guess] : [];
  });
}

function guessFor(option: Option): Parameter | undefined {
  const guess = GUESSES.find(({ name }) => name.test(option.dest));
  const known = typeof option.default === 'number' ? option.default : null;
  // Without a type, a script takes text: numbers of ours would be none to it.
  if (!guess || option.isFlag || option.choices.length > 0 || !['int', 'float'].includes(option.type ?? ''))
    return undefined;
  const dimension = fitting(guess.range(known !== null && known > 0 ? known : guess.usual), option);
  return (
    dimension && {
      option,
      dimension,
      reason: known === null || known <= 0 ? 'a guess' : `a guess around its default ${known}`,
    }
  );
}

/** A range of fractions means nothing to an option that takes whole numbers. */
function fitting(dimension: Dimension, { type }: Option): Dimension | undefined {
  if (dimension.type === 'int' && type === 'float') return { ...dimension, type: 'float' };
  return dimension.type === 'float' && type === 'int' ? undefined : dimension;
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

/** Three figures are enough for a guess. */
const round = (value: number) => Number(value.toPrecision(3));

/** A metric that could decide. */
export interface Metric {
  name: string;
  direction: 'maximize' | 'minimize';
}

const KINDS: ReadonlyArray<readonly [RegExp, number]> = [
  [/(^|[^a-z])(roc_?)?auc/, 5],
  [/pr_?auc|average_precision|(^|_)ap$/, 4],
  [/f1|accuracy|(^|_)acc$|r2/, 3],
  [/rmse|mae|mse|log_?loss|loss/, 2],
];
const LOWER = /loss|rmse|mae|mse|mape|error|brier|perplexity/;

/** The metrics that scripts log, those first that a search should be decided by: on validation data, and AUC. */
export function forSearch(names: readonly string[]): Metric[] {
  return ranked(names, { validation: 10, test: -2, train: -10 });
}

/** Those first that say how good the trained model is: on test data. */
export function forGate(names: readonly string[]): Metric[] {
  return ranked(names, { validation: 3, test: 10, train: -10 });
}

function ranked(names: readonly string[], on: { validation: number; test: number; train: number }): Metric[] {
  const worth = (name: string) => {
    const lower = name.toLowerCase();
    const kind = KINDS.find(([pattern]) => pattern.test(lower))?.[1] ?? 0;
    const split = /val|dev|cv/.test(lower)
      ? on.validation
      : /test|holdout/.test(lower)
        ? on.test
        : /train/.test(lower)
          ? on.train
          : 0;
    return kind === 0 ? split - 20 : split + kind;
  };
  return [...new Set(names)]
    .sort((one, other) => worth(other) - worth(one))
    .map((name) => ({ name, direction: LOWER.test(name.toLowerCase()) ? 'minimize' : 'maximize' }));
}

/** Whether a metric is an area under the ROC curve, which the gate calls test_auc. */
export const isAuc = (name: string) =>
  /(^|[^a-z])(roc_?)?auc/.test(name.toLowerCase()) && !/pr_?auc/.test(name.toLowerCase());
