"""How sure the difference between two models is: a paired bootstrap over the rows of the test split."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .errors import InvalidInput
from .fields import Fields

_EPSILON = 1e-7

# A metric of rows that count `weights` times; made ready once for a model's probabilities.
_Weighted = Callable[[np.ndarray], float]


def differences(
    labels: np.ndarray, first: np.ndarray, second: np.ndarray, options: dict[str, Any]
) -> dict[str, dict[str, float]]:
    """Return the differences of metrics, first minus second, with one-sided percentile bounds (Efron 1979).

    Args:
        labels: 0 or 1, shape (n,).
        first: Probabilities of one model, shape (n,).
        second: Probabilities of the other, shape (n,).
        options: ``confidences`` (``{metric: confidence}``, metrics as ``evaluate`` names them), ``samples`` (1000)
            and ``seed`` (42).

    Returns:
        ``{metric: {difference, low, high, confidence}}``: the true difference is above `low` with the confidence, and
        below `high` with the confidence.

    Raises:
        InvalidInput: A metric is not known, or a confidence is not between 0 and 1.
    """
    fields = Fields("bootstrap", options, ("confidences", "samples", "seed"))
    confidences = fields.mapping("confidences", {}) or {}
    for metric, confidence in confidences.items():
        if metric not in _METRICS:
            raise InvalidInput(f"bootstrap knows {', '.join(_METRICS)}, not {metric}", "rules")
        if not isinstance(confidence, int | float) or not 0 < confidence < 1:
            raise InvalidInput(f"the confidence of {metric} must be between 0 and 1", "rules")
    samples = fields.integer("samples", 1000, low=10, high=100_000)
    random = np.random.default_rng(fields.integer("seed", 42))

    metrics = {metric: (_METRICS[metric](labels, first), _METRICS[metric](labels, second)) for metric in confidences}
    drawn = {metric: np.empty(samples) for metric in confidences}
    for sample in range(samples):
        weights = np.bincount(random.integers(0, len(labels), len(labels)), minlength=len(labels))
        for metric, (one, other) in metrics.items():
            drawn[metric][sample] = one(weights) - other(weights)
    whole = np.ones(len(labels), dtype=np.int64)
    result = {}
    for metric, (one, other) in metrics.items():
        low, high = np.nanquantile(drawn[metric], [1 - confidences[metric], confidences[metric]])
        result[metric] = {
            "difference": one(whole) - other(whole),
            "low": float(low),
            "high": float(high),
            "confidence": float(confidences[metric]),
        }
    return result


def _auc(labels: np.ndarray, probabilities: np.ndarray) -> _Weighted:
    """ROC AUC; ties count one half (Mann-Whitney)."""
    ranks = np.unique(probabilities, return_inverse=True)[1]

    def weighted(weights: np.ndarray) -> float:
        positives = np.bincount(ranks, weights * labels)
        negatives = np.bincount(ranks, weights * (1 - labels))
        below = np.cumsum(negatives) - negatives
        pairs = positives.sum() * negatives.sum()
        return float(np.sum(positives * (below + negatives / 2)) / pairs) if pairs else float("nan")

    return weighted


def _average_precision(labels: np.ndarray, probabilities: np.ndarray) -> _Weighted:
    """Average precision: precision at each threshold, weighted by the recall that it adds."""
    ranks = np.unique(-probabilities, return_inverse=True)[1]

    def weighted(weights: np.ndarray) -> float:
        positives = np.bincount(ranks, weights * labels)
        everything = np.bincount(ranks, weights)
        found, seen = np.cumsum(positives), np.cumsum(everything)
        if not found[-1]:
            return float("nan")
        return float(np.sum(positives / found[-1] * found / np.maximum(seen, 1)))

    return weighted


def _mean_of(losses: np.ndarray) -> _Weighted:
    return lambda weights: float(np.average(losses, weights=weights))


def _log_loss(labels: np.ndarray, probabilities: np.ndarray) -> _Weighted:
    clipped = np.clip(probabilities, _EPSILON, 1 - _EPSILON)
    return _mean_of(-np.where(labels == 1, np.log(clipped), np.log(1 - clipped)))


def _brier(labels: np.ndarray, probabilities: np.ndarray) -> _Weighted:
    return _mean_of((probabilities - labels) ** 2)


_METRICS: dict[str, Callable[[np.ndarray, np.ndarray], _Weighted]] = {
    "test_auc": _auc,
    "test_average_precision": _average_precision,
    "test_log_loss": _log_loss,
    "test_brier": _brier,
}
