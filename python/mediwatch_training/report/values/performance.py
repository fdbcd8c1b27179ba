"""How well both models do on the test records: scores, curves, calibration, alerts and how predictions are spread."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...training.scores import CONFIDENCE, SAMPLES, SCORES, WeightedScores, interval, resamples
from ..inputs import ReportRequest
from .scoring import Scored, ScoredModel

HIGHER_IS_BETTER = {"auc": True, "average_precision": True, "log_loss": False, "brier": False, "f1": True}

# What the bundled training records beside its scores.
_NO_SCORES = ("threshold", "iterations", "train_rows")


def comparison(scored: Scored, request: ReportRequest) -> dict[str, Any]:
    """Return the scores of both models and of their difference, challenger minus champion.

    Returns:
        ``{computed, samples, confidence, missing, scores: {score: {challenger, champion, difference, verdict}}}``; each
        is ``{value, low, high}`` or None. Where the challenger cannot be scored, ``computed`` is False, the scores are
        those that were recorded, without intervals, and ``missing`` says why.
    """
    models = scored.both()
    if "challenger" not in models:
        return {"computed": False, "missing": scored.challenger.missing, "scores": _recorded(request)}
    labels = scored.labels
    ready = {role: WeightedScores(labels, model.probabilities, model.threshold) for role, model in models.items()}
    drawn: dict[str, list[np.ndarray]] = {role: [] for role in ready}
    for weights in resamples(len(labels)):
        for role, scores in ready.items():
            drawn[role].append(scores.of(weights))
    whole = np.ones((1, len(labels)))
    values = {role: scores.of(whole)[0] for role, scores in ready.items()}
    samples = {role: np.concatenate(parts) for role, parts in drawn.items()}
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
            for index, name in enumerate(SCORES)
        },
    }


def _score(name: str, parts: dict[str, tuple[float, np.ndarray]]) -> dict[str, Any]:
    estimates = {role: _estimate(value, drawn) for role, (value, drawn) in parts.items()}
    difference = estimates.get("difference")
    return {
        "challenger": estimates["challenger"],
        "champion": estimates.get("champion"),
        "difference": difference,
        "verdict": verdict(name, difference),
    }


def _estimate(value: float, drawn: np.ndarray) -> dict[str, Any]:
    found = interval(drawn)
    low, high = found or (None, None)
    return {"value": float(value), "low": low, "high": high}


def verdict(name: str, difference: dict[str, Any] | None) -> str | None:
    """Return "better", "worse" or "unclear" for the challenger; None where there is no interval to judge by."""
    if difference is None or difference["low"] is None:
        return None
    if difference["low"] <= 0 <= difference["high"]:
        return "unclear"
    return "better" if (difference["low"] > 0) == HIGHER_IS_BETTER[name] else "worse"


def _recorded(request: ReportRequest) -> dict[str, Any]:
    """What the trainings recorded: scores under our names first, then whatever else they measured."""
    champion = {} if request.champion is None else request.champion.metrics
    challenger = request.challenger.metrics
    bundled = [f"test_{name}" for name in SCORES]
    names = [name for name in bundled if name in challenger or name in champion]
    names += sorted((challenger.keys() | champion.keys()) - {*bundled, *_NO_SCORES})
    return {name: _recorded_score(challenger.get(name), champion.get(name)) for name in names}


def _recorded_score(challenger: float | None, champion: float | None) -> dict[str, Any]:
    known = challenger is not None and champion is not None
    return {
        "challenger": _without_interval(challenger),
        "champion": _without_interval(champion),
        "difference": _without_interval(challenger - champion) if known else None,
        "verdict": None,
    }


def _without_interval(value: float | None) -> dict[str, Any] | None:
    return None if value is None else {"value": value, "low": None, "high": None}


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


_CALIBRATION_BINS = 10
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


def _bin(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    predicted = float(probabilities.mean())
    return {"rows": len(labels), "predicted": predicted, **wilson(float(labels.sum()), len(labels))}


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


_SPREAD_BINS = 40
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
    edges = np.linspace(0, top, _SPREAD_BINS + 1)
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


# Of the standard normal distribution, for an interval of 95 %.
_Z = 1.959963984540054


def wilson(hits: float, rows: float) -> dict[str, Any]:
    """Return ``{value, low, high}`` of a share by the score interval (Wilson 1927); all None without rows."""
    if rows <= 0:
        return {"value": None, "low": None, "high": None}
    share = hits / rows
    shrunk = 1 + _Z**2 / rows
    middle = (share + _Z**2 / (2 * rows)) / shrunk
    half = _Z / shrunk * (share * (1 - share) / rows + _Z**2 / (4 * rows**2)) ** 0.5
    # At the ends the formula gives the share itself but for rounding.
    return {"value": share, "low": min(max(middle - half, 0.0), share), "high": max(min(middle + half, 1.0), share)}


def observed_to_expected(observed: float, expected: float, rows: int) -> dict[str, Any]:
    """Return ``{value, low, high}`` of observed positives over expected ones; expected ones are taken as certain."""
    if expected <= 0 or rows <= 0:
        return {"value": None, "low": None, "high": None}
    share = wilson(observed, rows)
    return {name: value * rows / expected for name, value in share.items()}
