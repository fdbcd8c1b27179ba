"""Step `evaluate`: score registered models on the test split of one dataset."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np

from ..dataset import open_dataset
from ..errors import InvalidInput
from ..loading.parent import ConfinedModel, confined
from .scores import CONFIDENCE, SCORES, WeightedScores, resamples, scores

if TYPE_CHECKING:
    from ..contract import (
        EvaluateInput,
        EvaluateInputBootstrap,
        EvaluateResult,
        EvaluateResultDifferencesEntry,
        EvaluateResultFloorsEntry,
        EvaluateResultNeedsEntry,
    )
    from ..shapes import Floats, Ints
    from ..steps import Progress

# What this step calls the scores.
_METRICS = {f"test_{name}": name for name in SCORES if name != "f1"}

# Enough to tell a bound from a floor: the rest of the gate waits for them.
_FLOOR_SAMPLES = 400


def evaluate(input: EvaluateInput, progress: Progress) -> EvaluateResult:
    """Score models on the same test records, and compare the first two of them.

    Args:
        input: With ``bootstrap``, the result has the differences of the first two models, first minus second.
        progress: Called with the model that is scored.

    Raises:
        ModelLoadFailed: A model is not where its URI says, or cannot be loaded here.
        ModelChanged: The files of a model are not what was registered.
        ModelMismatch: A model expects columns that the dataset does not have.
        InvalidInput: A metric of the bootstrap is not known.
    """
    dataset = open_dataset(input["datasetDir"])
    models = input["models"]
    labels = dataset.labels("test")
    probabilities: dict[str, Floats] = {}
    needs: dict[str, list[EvaluateResultNeedsEntry]] = {}
    with ExitStack() as stack:
        opened: dict[str, ConfinedModel] = {}
        for model in models:
            opened[model["id"]] = stack.enter_context(
                confined(
                    model["uri"],
                    input["trackingUri"],
                    dataset.test_records,
                    recorded=model["recorded"],
                    threads=input["threads"],
                    memory_mib=input["memoryMb"],
                )
            )
        for name, model in opened.items():
            progress({"stage": "scoring", "model": name})
            probabilities[name], _ = model.probabilities()
            needs[name] = [{**need} for need in model.needs]
    result: EvaluateResult = {
        "models": {
            name: {f"test_{metric}": value for metric, value in scores(labels, values).items()}
            for name, values in probabilities.items()
        },
        "needs": needs,
        "floors": {name: floor(labels, values) for name, values in probabilities.items()},
    }
    if input["bootstrap"] is not None and len(models) >= 2:
        progress({"stage": "bootstrap"})
        first, second = (probabilities[model["id"]] for model in models[:2])
        result["differences"] = differences(labels, first, second, input["bootstrap"])
    return result


def floor(labels: Ints, probabilities: Floats) -> EvaluateResultFloorsEntry:
    """Return the AUC beside that of a model that predicts the same for every record, with its lower bound."""
    scores_of = WeightedScores(labels, probabilities, names=("auc",))
    drawn = np.concatenate([scores_of.of(weights) for weights in resamples(len(labels), _FLOOR_SAMPLES)])
    score = float(scores_of.of(np.ones((1, len(labels))))[0, 0])
    low = float(np.nanquantile(drawn, 1 - CONFIDENCE))
    return {"metric": "test_auc", "trivial": 0.5, "score": score, "low": low}


def differences(
    labels: Ints, first: Floats, second: Floats, options: EvaluateInputBootstrap
) -> dict[str, EvaluateResultDifferencesEntry]:
    """Return the differences of metrics, first minus second, with one-sided percentile bounds (Efron 1979).

    The true difference is above `low` with the confidence, and below `high` with the confidence.

    Args:
        labels: 0 or 1, shape (n,).
        first: Probabilities of one model, shape (n,).
        second: Probabilities of the other, shape (n,).
        options: Metrics are named as in the result of `evaluate`.

    Raises:
        InvalidInput: A metric is not known.
    """
    confidences, samples, seed = options["confidences"], options["samples"], options["seed"]
    for metric in confidences:
        if metric not in _METRICS:
            raise InvalidInput(f"bootstrap knows {', '.join(_METRICS)}, not {metric}", "rules")
    if not confidences:
        return {}

    names = tuple(_METRICS[metric] for metric in confidences)
    one, other = (WeightedScores(labels, probabilities, names=names) for probabilities in (first, second))
    drawn = np.concatenate([one.of(weights) - other.of(weights) for weights in resamples(len(labels), samples, seed)])
    whole = np.ones((1, len(labels)))
    differences = (one.of(whole) - other.of(whole))[0]
    result: dict[str, EvaluateResultDifferencesEntry] = {}
    for index, (metric, confidence) in enumerate(confidences.items()):
        low, high = np.nanquantile(drawn[:, index], [1 - confidence, confidence])
        result[metric] = {
            "difference": float(differences[index]),
            "low": float(low),
            "high": float(high),
            "confidence": float(confidence),
        }
    return result
