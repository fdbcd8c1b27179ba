"""Champion against challenger on the same test records, with bootstrap intervals."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...resampling import CONFIDENCE, SAMPLES, SCORES, WeightedScores, interval, resamples
from ..inputs import ReportRequest
from .scoring import Scored

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
