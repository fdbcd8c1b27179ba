"""ROC and precision-recall curves, thin enough to draw."""

from __future__ import annotations

from typing import Any

import numpy as np

from .scoring import Scored, ScoredModel

# More points cannot be told apart at the size of the plot.
_POINTS = 200


def curves(scored: Scored) -> dict[str, Any]:
    """Return ``{models: {role: {roc, precisionRecall}}}``, each ``{x, y, at}``; ``at`` is the threshold's point."""
    models = scored.both()
    if "challenger" not in models:
        return {"missing": scored.challenger.missing}
    return {"models": {role: _curves(scored.labels, model) for role, model in models.items()}}


def _curves(labels: np.ndarray, model: ScoredModel) -> dict[str, Any]:
    from sklearn.metrics import precision_recall_curve, roc_curve

    false_positive, sensitivity, _ = roc_curve(labels, model.probabilities)
    precision, recall, _ = precision_recall_curve(labels, model.probabilities)
    alert = model.probabilities >= model.threshold
    hits, alerts = int(labels[alert].sum()), int(alert.sum())
    positives = int(labels.sum())
    at_recall = hits / positives if positives else None
    at_false = (alerts - hits) / (len(labels) - positives) if positives < len(labels) else None
    return {
        "roc": {**_thinned(false_positive, sensitivity), "at": [at_false, at_recall]},
        "precisionRecall": {
            **_thinned(recall[::-1], precision[::-1]),
            "at": [at_recall, hits / alerts if alerts else None],
        },
    }


def _thinned(x: np.ndarray, y: np.ndarray) -> dict[str, list[float]]:
    """Keep points that are evenly spaced along x, and of those above each other the lowest and the highest."""
    keep = np.arange(len(x))
    if len(x) > _POINTS:
        first = np.searchsorted(x, np.linspace(x[0], x[-1], _POINTS // 2)).clip(max=len(x) - 1)
        last = np.searchsorted(x, x[first], side="right") - 1
        keep = np.unique([*first, *last])
    return {"x": x[keep].round(5).tolist(), "y": y[keep].round(5).tolist()}
