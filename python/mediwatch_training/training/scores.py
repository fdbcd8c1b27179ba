"""Scores of probabilities against 0/1 labels, of the test split and of many resamples of it at once.

Rows are drawn with replacement (Efron 1979); a resample is a row of counts, so that both models see the same one and
their difference is a paired one. A score of all resamples is then a few passes over a matrix. The gate's bounds and
every interval of the report are made of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..shapes import Floats, Ints

# Probabilities are kept this far from 0 and 1, so that one confident mistake does not make the log loss infinite.
_EPSILON = 1e-7


def clip(probabilities: Floats) -> Floats:
    """Return probabilities kept away from 0 and 1."""
    return np.clip(probabilities, _EPSILON, 1 - _EPSILON)


def best_f1_threshold(labels: Ints, probabilities: Floats) -> float:
    """Return the probability from which a record counts as positive, chosen for the best F1 score.

    Args:
        labels: 0 or 1, shape (n,).
        probabilities: Probability of the positive class, shape (n,).
    """
    from sklearn.metrics import precision_recall_curve

    precision, recall, thresholds = precision_recall_curve(labels, probabilities)
    f1 = 2 * precision * recall / np.maximum(precision + recall, _EPSILON)
    return float(thresholds[int(np.argmax(f1[:-1]))])


def scores(labels: Ints, probabilities: Floats, threshold: float | None = None) -> dict[str, float]:
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


SAMPLES = 1000
CONFIDENCE = 0.95
SEED = 42
# Counts at a time: the arrays made of them stay within the processor's cache, which matters more than fewer passes.
_BATCH_COUNTS = 16_384
# When more resamples than this lack one of the classes, there are too few rows for an interval.
_MAX_UNDEFINED_SHARE = 0.05

SCORES = ("auc", "average_precision", "log_loss", "brier", "f1")


class WeightedScores:
    """The scores of one model for rows that count several times.

    Args:
        labels: 0 or 1, shape (n,).
        probabilities: Of the positive class, shape (n,).
        threshold: Probability from which a row counts as positive; only F1 looks at it.
        names: Which of `SCORES`.
    """

    def __init__(
        self, labels: Ints, probabilities: Floats, threshold: float = 0.5, names: tuple[str, ...] = SCORES
    ) -> None:
        self._names = names
        self._order = np.argsort(-probabilities, kind="stable")
        ordered = probabilities[self._order]
        self._positive = labels[self._order].astype(np.float64)
        # The last row of each group of equal probabilities: curves have a point there.
        self._ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
        clipped = clip(probabilities)
        alert = (probabilities >= threshold).astype(np.float64)
        self._columns = np.column_stack(
            [
                -np.where(labels == 1, np.log(clipped), np.log(1 - clipped)),
                (probabilities - labels) ** 2,
                alert * labels,
                alert,
                labels,
            ]
        )

    def of(self, weights: Floats | Ints) -> Floats:
        """Return the scores of resamples.

        Args:
            weights: How often each row was drawn, shape (resamples, n).

        Returns:
            Shape (resamples, scores), in the order of `names`; NaN where a score is not defined.
        """
        counts = weights.astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = {**self._ranked(counts), **self._averaged(counts)}
        return np.column_stack([found[name] for name in self._names])

    def _ranked(self, weights: Floats) -> dict[str, Floats]:
        if "auc" not in self._names and "average_precision" not in self._names:
            return {}
        ordered = weights[:, self._order]
        seen = np.cumsum(ordered, axis=1)[:, self._ends]
        hits = np.cumsum(ordered * self._positive, axis=1)[:, self._ends]
        new_hits = np.diff(hits, axis=1, prepend=0.0)
        misses = seen - hits
        new_misses = np.diff(misses, axis=1, prepend=0.0)
        positives, negatives = hits[:, -1], misses[:, -1]
        # Mann-Whitney: pairs in which the positive ranks higher, ties count one half.
        ranked_right = np.einsum("ij,ij->i", new_misses, hits - new_hits / 2)
        result = {"auc": ranked_right / (positives * negatives)}
        if "average_precision" in self._names:
            precision = hits / np.maximum(seen, 1.0)
            result["average_precision"] = np.einsum("ij,ij->i", new_hits, precision) / positives
        return result

    def _averaged(self, weights: Floats) -> dict[str, Floats]:
        if not {"log_loss", "brier", "f1"}.intersection(self._names):
            return {}
        sums = weights @ self._columns
        rows = weights.sum(axis=1)
        log_loss, brier, hits, alerts, positives = sums.T
        return {"log_loss": log_loss / rows, "brier": brier / rows, "f1": 2 * hits / (alerts + positives)}


def resamples(rows: int, samples: int = SAMPLES, seed: int = SEED) -> Iterator[Ints]:
    """Yield counts of rows, shape (some, rows), `samples` of them in all."""
    random = np.random.default_rng(seed)
    batch = max(1, _BATCH_COUNTS // rows)
    for start in range(0, samples, batch):
        count = min(batch, samples - start)
        drawn = random.integers(0, rows, (count, rows)) + np.arange(count)[:, None] * rows
        yield np.bincount(drawn.ravel(), minlength=count * rows).reshape(count, rows)


def interval(drawn: Floats) -> tuple[float, float] | None:
    """Return the 95 % percentile interval of resampled values; None if too many are not defined."""
    defined = drawn[np.isfinite(drawn)]
    if len(defined) < (1 - _MAX_UNDEFINED_SHARE) * len(drawn):
        return None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)
