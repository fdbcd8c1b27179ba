"""How far the numbers of a regression lie from what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .scoring import Scored

if TYPE_CHECKING:
    from ...shapes import Floats, Labels
    from ..shapes import Errors, FittedBin, Missing, ModelErrors

_BINS, _SPREAD_BINS = 15, 40
# Fewer records in a bin say nothing about its mean.
_MIN_BIN_ROWS = 10
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
# The few largest errors would squeeze all others into the middle of the plot: they count in the outer bins.
_SHOWN_QUANTILE = 0.99


def errors(scored: Scored) -> Errors | Missing | None:
    """Return predicted against actual numbers, and how the errors are spread; None of another target."""
    if scored.task != "regression":
        return None
    both = scored.both()
    if both is None:
        return {"missing": scored.challenger.missing}
    labels, models = both
    largest = max(float(np.quantile(np.abs(model.values - labels), _SHOWN_QUANTILE)) for model in models.values())
    edges = np.linspace(-1, 1, _SPREAD_BINS + 1) * (largest or 1.0)
    return {
        "edges": edges.tolist(),
        "models": {role: of_numbers(labels, model.values, edges) for role, model in models.items()},
    }


def of_numbers(labels: Labels, predicted: Floats, edges: Floats) -> ModelErrors:
    """Return how one model errs; an error is the predicted number minus the actual one."""
    found = predicted - labels
    order = np.argsort(predicted, kind="stable")
    count = int(np.clip(len(order) // _MIN_BIN_ROWS, 1, _BINS))
    counts, _ = np.histogram(np.clip(found, edges[0], edges[-1]), edges)
    return {
        "bins": [_bin(labels[part], predicted[part]) for part in np.array_split(order, count)],
        "shares": (counts / len(labels)).tolist(),
        "mean": float(found.mean()),
        "quantiles": np.quantile(found, _QUANTILES).tolist(),
    }


def _bin(labels: Labels, predicted: Floats) -> FittedBin:
    low, high = np.quantile(labels, [0.1, 0.9])
    return {
        "rows": len(labels),
        "predicted": float(predicted.mean()),
        "value": float(labels.mean()),
        "low": float(low),
        "high": float(high),
    }
