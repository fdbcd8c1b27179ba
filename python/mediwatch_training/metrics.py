"""Scores of probabilities against 0/1 labels."""

from __future__ import annotations

import numpy as np

# Probabilities are kept this far from 0 and 1, so that one confident mistake does not make the log loss infinite.
_EPSILON = 1e-7


def clip(probabilities: np.ndarray) -> np.ndarray:
    """Return probabilities kept away from 0 and 1."""
    return np.clip(probabilities, _EPSILON, 1 - _EPSILON)


def best_f1_threshold(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the probability from which a record counts as positive, chosen for the best F1 score.

    Args:
        labels: 0 or 1, shape (n,).
        probabilities: Probability of the positive class, shape (n,).
    """
    from sklearn.metrics import precision_recall_curve

    precision, recall, thresholds = precision_recall_curve(labels, probabilities)
    f1 = 2 * precision * recall / np.maximum(precision + recall, _EPSILON)
    return float(thresholds[int(np.argmax(f1[:-1]))])


def scores(labels: np.ndarray, probabilities: np.ndarray, threshold: float | None = None) -> dict[str, float]:
    """Return auc, average_precision, log_loss and brier, and f1 when a threshold is given.

    Args:
        labels: 0 or 1, shape (n,); both classes must occur.
        probabilities: Probability of the positive class, shape (n,).
        threshold: Probability from which a record counts as positive.
    """
    from sklearn import metrics

    clipped = clip(probabilities)
    result = {
        "auc": float(metrics.roc_auc_score(labels, probabilities)),
        "average_precision": float(metrics.average_precision_score(labels, probabilities)),
        "log_loss": float(metrics.log_loss(labels, clipped)),
        "brier": float(np.mean((probabilities - labels) ** 2)),
    }
    if threshold is not None:
        result["f1"] = float(metrics.f1_score(labels, probabilities >= threshold))
    return result
