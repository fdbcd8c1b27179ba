"""Whether predicted probabilities are what happens."""

from __future__ import annotations

from typing import Any

import numpy as np

from .proportions import observed_to_expected, wilson
from .scoring import Scored

_BINS = 10
# Fewer records in a bin say nothing about its share of positives.
_MIN_BIN_ROWS = 20


def calibration(scored: Scored) -> dict[str, Any]:
    """Return ``{models: {role: {bins, error, observed, expected, ratio}}}``.

    ``bins`` hold equally many records each, ordered by probability: ``{rows, predicted, value, low, high}``, the last
    three the observed share. ``error`` is the expected calibration error (Naeini 2015) over these bins.
    """
    models = scored.both()
    if "challenger" not in models:
        return {"missing": scored.challenger.missing}
    return {"models": {role: of_probabilities(scored.labels, model.probabilities) for role, model in models.items()}}


def of_probabilities(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    """Return the calibration of one model."""
    order = np.argsort(probabilities, kind="stable")
    count = int(np.clip(len(order) // _MIN_BIN_ROWS, 1, _BINS))
    bins = [_bin(labels[part], probabilities[part]) for part in np.array_split(order, count)]
    error = sum(one["rows"] * abs(one["value"] - one["predicted"]) for one in bins) / len(order)
    observed, expected = float(labels.sum()), float(probabilities.sum())
    return {
        "bins": bins,
        "error": error,
        "observed": observed / len(order),
        "expected": expected / len(order),
        "ratio": observed_to_expected(observed, expected, len(order)),
    }


def _bin(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    predicted = float(probabilities.mean())
    return {"rows": len(labels), "predicted": predicted, **wilson(float(labels.sum()), len(labels))}
