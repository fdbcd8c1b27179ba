import type { Suspicion } from '../contracts/verdicts.ts';

/** Words in the names of metrics of which less is better, and that are never negative. */
const ERRORS =
  /^(rmse|mse|mae|mape|smape|wape|mase|rmsle|msle|medae|mdae|error|errors|err|loss|logloss|deviance|brier|perplexity|wer|cer|nll)$/;
/** Words in the names of metrics of which more is better. */
const SCORES = /^(auc|auroc|auprc|accuracy|acc|precision|recall|f1|r2|map|ndcg|iou|dice|gini|kappa|mcc)$/;
const NEGATED = /^(neg|negative|negated|minus)$/;

type Direction = 'maximize' | 'minimize';

/** `neg_mean_squared_error`, `valRMSE`, `val/loss` → their words in lower case. */
function wordsOf(name: string): string[] {
  const spaced = name.replace(/([a-z\d])([A-Z])/g, '$1 $2');
  return spaced.toLowerCase().split(/[^a-z0-9]+/);
}

/**
 * Why a score and the direction in which it is compared do not fit each other, as far as its name tells; undefined: they
 * do. scikit-learn gives errors negated, so that more is better.
 *
 * @param score one that was reached; undefined: none yet
 */
export function suspicionOf(metric: string, direction: Direction, score?: number | null): Suspicion | undefined {
  const words = wordsOf(metric);
  const has = (kind: RegExp) => words.some((word) => kind.test(word));
  const isNegative = typeof score === 'number' && score < 0;
  if (has(ERRORS)) {
    const moreIsBetter = has(NEGATED) || isNegative;
    if (direction === 'minimize') return moreIsBetter ? 'errorNegated' : undefined;
    return moreIsBetter ? undefined : 'errorMaximized';
  }
  return has(SCORES) && direction === 'minimize' ? 'scoreMinimized' : undefined;
}
