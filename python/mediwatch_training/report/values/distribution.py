"""How the predicted probabilities are spread."""

from __future__ import annotations

from typing import Any

import numpy as np

from .scoring import Scored

_BINS = 40
# The few highest probabilities would squeeze all others into the left of the plot: they count in the last bin.
_SHOWN_QUANTILE = 0.995


def distribution(scored: Scored) -> dict[str, Any]:
    """Return ``{edges, models: {role: {positive, negative}}}``: the share of each class's records in each bin.

    The last bin holds what lies above it too.
    """
    models = scored.both()
    if "challenger" not in models:
        return {"missing": scored.challenger.missing}
    top = max(float(np.quantile(model.probabilities, _SHOWN_QUANTILE)) for model in models.values())
    top = min(max(top, max(model.threshold for model in models.values()) * 1.1, 1e-6), 1.0)
    edges = np.linspace(0, top, _BINS + 1)
    return {
        "edges": edges.tolist(),
        "models": {
            role: {
                name: _shares(model.probabilities[scored.labels == label], edges)
                for name, label in (("positive", 1), ("negative", 0))
            }
            for role, model in models.items()
        },
    }


def _shares(probabilities: np.ndarray, edges: np.ndarray) -> list[float]:
    counts, _ = np.histogram(np.minimum(probabilities, edges[-1]), edges)
    return (counts / max(len(probabilities), 1)).tolist()
