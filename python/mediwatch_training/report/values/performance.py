"""How well both models do on the test records: scores, and of a binary target curves, calibration, alerts, spread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ...training.scores import CONFIDENCE, LOWER_IS_BETTER, SAMPLES, SCORES, interval, resamples, weighted_scores
from ..inputs import ReportRequest
from .scoring import Predicted, Scored

if TYPE_CHECKING:
    from ...shapes import Flags, Floats, Labels
    from ...training.scores import WeightedScores
    from ..shapes import (
        Calibration,
        CalibrationBin,
        Comparison,
        Curve,
        Curves,
        Decisions,
        DecisionsOfModels,
        Distribution,
        Estimate,
        Missing,
        ModelCalibration,
        ModelCurves,
        Role,
        Score,
        Share,
    )

_Part: TypeAlias = Literal["challenger", "champion", "difference"]

# What the bundled training records beside its scores.
_NO_SCORES = ("threshold", "iterations", "train_rows")


def comparison(scored: Scored, request: ReportRequest) -> Comparison:
    """Return the scores of both models and of their difference, challenger minus champion.

    Where the challenger cannot be scored, the scores are those that were recorded, without intervals.
    """
    both = scored.both()
    if both is None:
        why = (scored.challenger.missing, request.champion and request.champion.objection)
        return {
            "computed": False,
            "missing": " ".join(filter(None, why)),
            "scores": _recorded(request, SCORES[scored.task]),
        }
    labels, models = both
    ready: dict[Role, WeightedScores] = {
        role: weighted_scores(scored.task, labels, model.values, model.threshold) for role, model in models.items()
    }
    drawn: dict[Role, list[Floats]] = {role: [] for role in ready}
    for weights in resamples(len(labels)):
        for role, scores in ready.items():
            drawn[role].append(scores.of(weights))
    whole = np.ones((1, len(labels)))
    values: dict[_Part, Floats] = {}
    samples: dict[_Part, Floats] = {}
    for role, scores in ready.items():
        values[role], samples[role] = scores.of(whole)[0], np.concatenate(drawn[role])
    if "champion" in models:
        values["difference"] = values["challenger"] - values["champion"]
        samples["difference"] = samples["challenger"] - samples["champion"]
    return {
        "computed": True,
        "samples": SAMPLES,
        "confidence": CONFIDENCE,
        "missing": scored.champion.missing if scored.champion else None,
        "scores": {
            name: _score(name, {role: (values[role][index], samples[role][:, index]) for role in values})
            for index, name in enumerate(SCORES[scored.task])
        },
    }


def _score(name: str, parts: dict[_Part, tuple[float, Floats]]) -> Score:
    estimates = {role: _estimate(value, drawn) for role, (value, drawn) in parts.items()}
    difference = estimates.get("difference")
    return {
        "challenger": estimates["challenger"],
        "champion": estimates.get("champion"),
        "difference": difference,
        "verdict": verdict(name, difference),
    }


def _estimate(value: float, drawn: Floats) -> Estimate:
    found = interval(drawn)
    low, high = found or (None, None)
    return {"value": float(value), "low": low, "high": high}


def verdict(name: str, difference: Estimate | None) -> Literal["better", "worse", "unclear"] | None:
    """Return "better", "worse" or "unclear" for the challenger; None where there is no interval to judge by."""
    if difference is None or difference["low"] is None or difference["high"] is None:
        return None
    if difference["low"] <= 0 <= difference["high"]:
        return "unclear"
    return "better" if (difference["low"] > 0) != (name in LOWER_IS_BETTER) else "worse"


def _recorded(request: ReportRequest, ours: tuple[str, ...]) -> dict[str, Score]:
    """What the trainings recorded: scores under our names first, then whatever else they measured."""
    champion = {} if request.champion is None else request.champion.metrics
    challenger = request.challenger.metrics
    bundled = [f"test_{name}" for name in ours]
    names = [name for name in bundled if name in challenger or name in champion]
    names += sorted((challenger.keys() | champion.keys()) - {*bundled, *_NO_SCORES})
    comparable = request.champion is not None and not request.champion.objection
    return {name: _recorded_score(challenger.get(name), champion.get(name), comparable) for name in names}


def _recorded_score(challenger: float | None, champion: float | None, comparable: bool) -> Score:
    difference = challenger - champion if comparable and challenger is not None and champion is not None else None
    return {
        "challenger": _without_interval(challenger),
        "champion": _without_interval(champion),
        "difference": _without_interval(difference),
        "verdict": None,
    }


def _without_interval(value: float | None) -> Estimate | None:
    return None if value is None else {"value": value, "low": None, "high": None}


# More points cannot be told apart at the size of the plot.
_POINTS = 200


def curves(scored: Scored) -> Curves | Missing | None:
    """Return the ROC and precision-recall curves of both models, thin enough to draw; None of another target."""
    if scored.task != "binary":
        return None
    both = scored.both()
    if both is None:
        return {"missing": scored.challenger.missing}
    labels, models = both
    return {"models": {role: _curves(labels, model) for role, model in models.items()}}


def _curves(labels: Labels, model: Predicted) -> ModelCurves:
    from sklearn.metrics import precision_recall_curve, roc_curve

    false_positive, sensitivity, _ = roc_curve(labels, model.values)
    precision, recall, _ = precision_recall_curve(labels, model.values)
    alert = model.values >= model.threshold
    hits, alerts = int(labels[alert].sum()), int(alert.sum())
    positives = int(labels.sum())
    at_recall = hits / positives if positives else None
    at_false = (alerts - hits) / (len(labels) - positives) if positives < len(labels) else None
    return {
        "roc": _thinned(false_positive, sensitivity, [at_false, at_recall]),
        "precisionRecall": _thinned(recall[::-1], precision[::-1], [at_recall, hits / alerts if alerts else None]),
    }


def _thinned(x: Floats, y: Floats, at: list[float | None]) -> Curve:
    """Keep points that are evenly spaced along x, and of those above each other the lowest and the highest."""
    keep = np.arange(len(x))
    if len(x) > _POINTS:
        first = np.searchsorted(x, np.linspace(x[0], x[-1], _POINTS // 2)).clip(max=len(x) - 1)
        last = np.searchsorted(x, x[first], side="right") - 1
        keep = np.unique([*first, *last])
    return {"x": x[keep].round(5).tolist(), "y": y[keep].round(5).tolist(), "at": at}


_CALIBRATION_BINS = 10
# Fewer records in a bin say nothing about its share of positives.
_MIN_BIN_ROWS = 20


def calibration(scored: Scored) -> Calibration | Missing | None:
    """Return whether the predicted probabilities of both models are what happens; None of another target."""
    if scored.task != "binary":
        return None
    both = scored.both()
    if both is None:
        return {"missing": scored.challenger.missing}
    labels, models = both
    return {"models": {role: of_probabilities(labels, model.values) for role, model in models.items()}}


def of_probabilities(labels: Labels, probabilities: Floats) -> ModelCalibration:
    """Return the calibration of one model."""
    order = np.argsort(probabilities, kind="stable")
    count = int(np.clip(len(order) // _MIN_BIN_ROWS, 1, _CALIBRATION_BINS))
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


def _bin(labels: Labels, probabilities: Floats) -> CalibrationBin:
    predicted = float(probabilities.mean())
    value, low, high = _wilson(float(labels.sum()), len(labels))
    return {"rows": len(labels), "predicted": predicted, "value": value, "low": low, "high": high}


def decisions(scored: Scored) -> DecisionsOfModels | Missing | None:
    """Return what the alerts of both models get right at their thresholds; None of another target."""
    if scored.task != "binary":
        return None
    both = scored.both()
    if both is None:
        return {"missing": scored.challenger.missing}
    labels, models = both
    return {
        "models": {
            role: {
                "threshold": model.threshold,
                "thresholdIsDefault": model.threshold_is_default,
                **at_threshold(labels, model.values >= model.threshold),
            }
            for role, model in models.items()
        }
    }


def at_threshold(labels: Labels, alert: Flags) -> Decisions:
    """Return the four counts, and the shares made of them.

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


_SPREAD_BINS = 40
# The few highest probabilities would squeeze all others into the left of the plot: they count in the last bin.
_SHOWN_QUANTILE = 0.995


def distribution(scored: Scored) -> Distribution | Missing | None:
    """Return how the predicted probabilities of both models are spread; None of another target."""
    if scored.task != "binary":
        return None
    both = scored.both()
    if both is None:
        return {"missing": scored.challenger.missing}
    labels, models = both
    top = max(float(np.quantile(model.values, _SHOWN_QUANTILE)) for model in models.values())
    top = min(max(top, max(model.threshold for model in models.values()) * 1.1, 1e-6), 1.0)
    edges = np.linspace(0, top, _SPREAD_BINS + 1)
    return {
        "edges": edges.tolist(),
        "models": {
            role: {
                "positive": _shares(model.values[labels == 1], edges),
                "negative": _shares(model.values[labels == 0], edges),
            }
            for role, model in models.items()
        },
    }


def _shares(probabilities: Floats, edges: Floats) -> list[float]:
    counts, _ = np.histogram(np.minimum(probabilities, edges[-1]), edges)
    return (counts / max(len(probabilities), 1)).tolist()


# Of the standard normal distribution, for an interval of 95 %.
_Z = 1.959963984540054


def wilson(hits: float, rows: float) -> Share:
    """Return a share of counts with its score interval (Wilson 1927)."""
    if rows <= 0:
        return {"value": None, "low": None, "high": None}
    value, low, high = _wilson(hits, rows)
    return {"value": value, "low": low, "high": high}


def _wilson(hits: float, rows: float) -> tuple[float, float, float]:
    share = hits / rows
    shrunk = 1 + _Z**2 / rows
    middle = (share + _Z**2 / (2 * rows)) / shrunk
    half = _Z / shrunk * (share * (1 - share) / rows + _Z**2 / (4 * rows**2)) ** 0.5
    # At the ends the formula gives the share itself but for rounding.
    return share, min(max(middle - half, 0.0), share), max(min(middle + half, 1.0), share)


def observed_to_expected(observed: float, expected: float, rows: int) -> Share:
    """Return observed positives over expected ones; expected ones are taken as certain."""
    if expected <= 0 or rows <= 0:
        return {"value": None, "low": None, "high": None}
    value, low, high = (share * rows / expected for share in _wilson(observed, rows))
    return {"value": value, "low": low, "high": high}
