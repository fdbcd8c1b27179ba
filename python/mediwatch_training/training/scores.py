"""Scores of predictions, of the test split and of many resamples of it at once, by the kind of target.

Predictions are probabilities of the positive class, shape (rows,); of each class, shape (rows, classes); or numbers,
shape (rows,). Rows are drawn with replacement (Efron 1979); a resample is a row of counts, so that both models see the
same one and their difference is a paired one. A score of all resamples is then a few passes over a matrix. The gate's
bounds and every interval of the report are made of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from ..shapes import Floats, Ints, Labels, Task

#: By the kind of target; the first is the one that models are chosen by.
SCORES: dict[Task, tuple[str, ...]] = {
    "binary": ("auc", "average_precision", "log_loss", "brier", "f1"),
    "multiclass": ("auc", "log_loss", "accuracy", "balanced_accuracy", "f1"),
    "regression": ("r2", "rmse", "mae", "median_absolute_error"),
}
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "rmse", "mae", "median_absolute_error"})

# Probabilities are kept this far from 0 and 1, so that one confident mistake does not make the log loss infinite.
_EPSILON = 1e-7


def primary(task: Task) -> str:
    """Return the score that models of a task are chosen by; the higher, the better."""
    return SCORES[task][0]


def clip(probabilities: Floats) -> Floats:
    """Return probabilities kept away from 0 and 1."""
    return np.clip(probabilities, _EPSILON, 1 - _EPSILON)


def best_f1_threshold(labels: Labels, probabilities: Floats) -> float:
    """Return the probability from which a record counts as positive, chosen for the best F1 score.

    Args:
        labels: 0 or 1, shape (n,).
        probabilities: Probability of the positive class, shape (n,).
    """
    from sklearn.metrics import precision_recall_curve

    precision, recall, thresholds = precision_recall_curve(labels, probabilities)
    f1 = 2 * precision * recall / np.maximum(precision + recall, _EPSILON)
    return float(thresholds[int(np.argmax(f1[:-1]))])


def scores(task: Task, labels: Labels, predicted: Floats, threshold: float | None = None) -> dict[str, float]:
    """Return the scores of a task by name, without the F1 score of a binary one where no threshold is given.

    Args:
        task: The kind of target.
        labels: Shape (n,); every class must occur.
        predicted: Probabilities or numbers.
        threshold: Probability from which a record counts as positive.
    """
    if task != "binary":
        of_all_rows = weighted_scores(task, labels, predicted).of(np.ones((1, len(labels))))[0]
        return dict(zip(SCORES[task], map(float, of_all_rows), strict=True))
    from sklearn import metrics

    result = {
        "auc": float(metrics.roc_auc_score(labels, predicted)),
        "average_precision": float(metrics.average_precision_score(labels, predicted)),
        "log_loss": float(metrics.log_loss(labels, clip(predicted))),
        "brier": float(np.mean((predicted - labels) ** 2)),
    }
    if threshold is not None:
        result["f1"] = float(metrics.f1_score(labels, predicted >= threshold))
    return result


def trivial_prediction(task: Task, learned: Labels, rows: int) -> Floats:
    """Return what a model predicts that reads no column: the shares of the classes, or the mean.

    Args:
        task: The kind of target.
        learned: Labels of the rows that it learns from.
        rows: How many rows to predict.
    """
    if task != "multiclass":
        return np.full(rows, float(np.mean(learned)))
    shares = np.bincount(learned.astype(np.int64)) / len(learned)
    return np.tile(shares, (rows, 1))


SAMPLES = 1000
CONFIDENCE = 0.95
SEED = 42
# Counts at a time: the arrays made of them stay within the processor's cache, which matters more than fewer passes.
_BATCH_COUNTS = 16_384
# When more resamples than this lack one of the classes, there are too few rows for an interval.
_MAX_UNDEFINED_SHARE = 0.05


class WeightedScores(Protocol):
    """The scores of one model for rows that count several times."""

    def of(self, weights: Floats | Ints) -> Floats:
        """Return the scores of resamples.

        Args:
            weights: How often each row was drawn, shape (resamples, n).

        Returns:
            Shape (resamples, scores), in the order of the names; NaN where a score is not defined.
        """
        ...


def weighted_scores(
    task: Task, labels: Labels, predicted: Floats, threshold: float = 0.5, names: tuple[str, ...] | None = None
) -> WeightedScores:
    """Return the scores of one model, ready for resamples.

    Args:
        task: The kind of target.
        labels: Shape (n,).
        predicted: Probabilities or numbers.
        threshold: Probability from which a row counts as positive; only the F1 score of a binary target looks at it.
        names: Which of `SCORES`; None: all.
    """
    names = names or SCORES[task]
    if task == "regression":
        return _OfNumbers(labels, predicted, names)
    whole = labels.astype(np.int64)
    if task == "multiclass":
        return _OfClasses(whole, predicted, names)
    return _OfProbabilities(whole, predicted, threshold, names)


class _OfProbabilities:
    """Of a binary target: labels are 0 or 1, predictions the probability of 1."""

    def __init__(self, labels: Ints, probabilities: Floats, threshold: float, names: tuple[str, ...]) -> None:
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


class _OfClasses:
    """Of several classes: each class against all others, averaged over the classes that a resample holds."""

    def __init__(self, labels: Ints, probabilities: Floats, names: tuple[str, ...]) -> None:
        self._names = names
        classes = np.arange(probabilities.shape[1])
        self._is_class = (labels[:, None] == classes).astype(np.float64)
        self._is_taken = (probabilities.argmax(axis=1)[:, None] == classes).astype(np.float64)
        own = clip(probabilities[np.arange(len(labels)), labels])
        self._log_loss = -np.log(own)
        self._one_against_others = [
            _OfProbabilities((labels == one).astype(np.int64), probabilities[:, one], 0.5, ("auc",))
            for one in (classes if "auc" in names else [])
        ]

    def of(self, weights: Floats | Ints) -> Floats:
        counts = weights.astype(np.float64)
        rows = counts.sum(axis=1)
        there, taken = counts @ self._is_class, counts @ self._is_taken
        hits = counts @ (self._is_class * self._is_taken)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = {
                "log_loss": counts @ self._log_loss / rows,
                "accuracy": hits.sum(axis=1) / rows,
                "balanced_accuracy": _mean_of_defined(hits / there),
                "f1": _mean_of_defined(2 * hits / (there + taken)),
            }
        if self._one_against_others:
            areas = [one.of(counts)[:, 0] for one in self._one_against_others]
            found["auc"] = _mean_of_defined(np.column_stack(areas))
        return np.column_stack([found[name] for name in self._names])


class _OfNumbers:
    """Of a regression."""

    def __init__(self, labels: Labels, predicted: Floats, names: tuple[str, ...]) -> None:
        self._names = names
        error = predicted - labels
        self._absolute = np.abs(error)
        self._order = np.argsort(self._absolute, kind="stable")
        # Around their mean, so that the difference of two sums of squares loses no digits.
        centred = labels - labels.mean()
        self._columns = np.column_stack([error**2, self._absolute, centred, centred**2])

    def of(self, weights: Floats | Ints) -> Floats:
        counts = weights.astype(np.float64)
        rows = counts.sum(axis=1)
        squares, absolute, sums, all_squares = (counts @ self._columns).T
        with np.errstate(divide="ignore", invalid="ignore"):
            found = {
                "r2": 1 - squares / (all_squares - sums**2 / rows),
                "rmse": np.sqrt(squares / rows),
                "mae": absolute / rows,
            }
        found["r2"][~np.isfinite(found["r2"])] = np.nan
        if "median_absolute_error" in self._names:
            found["median_absolute_error"] = self._median(counts, rows)
        return np.column_stack([found[name] for name in self._names])

    def _median(self, counts: Floats, rows: Floats) -> Floats:
        seen = np.cumsum(counts[:, self._order], axis=1)
        ordered = self._absolute[self._order]
        places = [np.argmax(seen > np.floor(place)[:, None], axis=1) for place in ((rows - 1) / 2, rows / 2)]
        return (ordered[places[0]] + ordered[places[1]]) / 2


def _mean_of_defined(values: Floats) -> Floats:
    defined = np.isfinite(values)
    return np.where(defined, values, 0.0).sum(axis=1) / defined.sum(axis=1)


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
