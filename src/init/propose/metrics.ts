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
