"""How sure the difference between two models is: a paired bootstrap over the rows of the test split."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import InvalidInput
from .fields import Fields
from .resampling import SCORES, WeightedScores, resamples

# What `evaluate` calls the scores.
_METRICS = {f"test_{name}": name for name in SCORES if name != "f1"}


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
    seed = fields.integer("seed", 42)
    if not confidences:
        return {}

    names = tuple(_METRICS[metric] for metric in confidences)
    one, other = (WeightedScores(labels, probabilities, names=names) for probabilities in (first, second))
    drawn = np.concatenate([one.of(weights) - other.of(weights) for weights in resamples(len(labels), samples, seed)])
    whole = np.ones((1, len(labels)))
    differences = (one.of(whole) - other.of(whole))[0]
    result = {}
    for index, (metric, confidence) in enumerate(confidences.items()):
        low, high = np.nanquantile(drawn[:, index], [1 - confidence, confidence])
        result[metric] = {
            "difference": float(differences[index]),
            "low": float(low),
            "high": float(high),
            "confidence": float(confidence),
        }
    return result
