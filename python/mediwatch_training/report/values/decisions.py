"""What the models' alerts get right at their thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np

from .proportions import wilson
from .scoring import Scored


def decisions(scored: Scored) -> dict[str, Any]:
    """Return ``{models: {role: {threshold, counts and shares}}}``, as `at_threshold` says."""
    models = scored.both()
    if "challenger" not in models:
        return {"missing": scored.challenger.missing}
    return {
        "models": {
            role: {
                "threshold": model.threshold,
                "thresholdIsDefault": model.threshold_is_default,
                **at_threshold(scored.labels, model.probabilities >= model.threshold),
            }
            for role, model in models.items()
        }
    }


def at_threshold(labels: np.ndarray, alert: np.ndarray) -> dict[str, Any]:
    """Return the four counts, and shares with intervals as ``{value, low, high}``.

    Args:
        labels: 0 or 1, shape (n,).
        alert: Whether the model counts the record as positive, shape (n,).
    """
    positive = labels == 1
    hits, misses = int((positive & alert).sum()), int((positive & ~alert).sum())
    false_alerts, quiet = int((~positive & alert).sum()), int((~positive & ~alert).sum())
    return {
        "truePositives": hits,
        "falseNegatives": misses,
        "falsePositives": false_alerts,
        "trueNegatives": quiet,
        "sensitivity": wilson(hits, hits + misses),
        "specificity": wilson(quiet, quiet + false_alerts),
        "ppv": wilson(hits, hits + false_alerts),
        "npv": wilson(quiet, quiet + misses),
        "alertRate": wilson(hits + false_alerts, len(labels)),
    }
