"""Which classes a model of several classes tells apart: what it takes for what, and how well it finds each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...training.scores import weighted_scores
from .performance import wilson
from .scoring import Scored

if TYPE_CHECKING:
    from ...shapes import Floats, Ints
    from ..shapes import Classes, ClassScores, Missing, ModelClasses


def classes(scored: Scored) -> Classes | Missing | None:
    """Return the confusion matrix and the scores by class of both models; None of another target."""
    if scored.task != "multiclass" or scored.classes is None:
        return None
    both = scored.both()
    if both is None:
        return {"missing": scored.challenger.missing}
    labels, models = both
    names, whole = scored.classes, labels.astype(np.int64)
    return {
        "names": names,
        "models": {role: of_probabilities(whole, model.values, names) for role, model in models.items()},
    }


def of_probabilities(labels: Ints, probabilities: Floats, names: list[str]) -> ModelClasses:
    """Return what one model takes for what: rows are actual classes, columns the likeliest by the model."""
    taken, count = probabilities.argmax(axis=1), len(names)
    counts = np.bincount(labels * count + taken, minlength=count * count).reshape(count, count)
    return {
        "counts": counts.tolist(),
        "scores": [_of_class(number, name, counts, labels, probabilities) for number, name in enumerate(names)],
    }


def _of_class(number: int, name: str, counts: Ints, labels: Ints, probabilities: Floats) -> ClassScores:
    hits, there, taken = (int(n) for n in (counts[number, number], counts[number].sum(), counts[:, number].sum()))
    own = weighted_scores("binary", labels == number, probabilities[:, number], names=("auc",))
    auc = float(own.of(np.ones((1, len(labels))))[0, 0])
    return {
        "name": name,
        "rows": there,
        "recall": wilson(hits, there),
        "precision": wilson(hits, taken),
        "auc": auc if np.isfinite(auc) else None,
    }
