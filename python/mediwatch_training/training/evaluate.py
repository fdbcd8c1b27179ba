"""Step `evaluate`: score registered models on the test split of one dataset."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np

from ..dataset import Dataset, open_dataset
from ..errors import InvalidInput
from ..loading.parent import ConfinedModel, confined
from .scores import CONFIDENCE, SCORES, primary, resamples, scores, trivial_prediction, weighted_scores

if TYPE_CHECKING:
    from ..contract import (
        EvaluateInput,
        EvaluateInputBootstrap,
        EvaluateResult,
        EvaluateResultDifferencesEntry,
        EvaluateResultFloorsEntry,
        EvaluateResultNeedsEntry,
    )
    from ..shapes import Floats, Labels, Task
    from ..steps import Progress

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
        ModelMismatch: A model expects columns that the dataset does not have, or predicts something else.
        InvalidInput: A metric of the bootstrap is not known.
    """
    dataset = open_dataset(input["datasetDir"])
    models, task = input["models"], dataset.meta["task"]
    labels = dataset.labels("test")
    predicted: dict[str, Floats] = {}
    needs: dict[str, list[EvaluateResultNeedsEntry]] = {}
    with ExitStack() as stack:
        opened: dict[str, ConfinedModel] = {}
        for model in models:
            opened[model["id"]] = stack.enter_context(
                confined(
                    model["uri"],
                    input["trackingUri"],
                    dataset.test_records,
                    (task, dataset.meta["classes"]),
                    recorded=model["recorded"],
                    threads=input["threads"],
                    memory_mib=input["memoryMb"],
                )
            )
        for name, model in opened.items():
            progress({"stage": "scoring", "model": name})
            predicted[name], _ = model.predictions()
            needs[name] = [{**need} for need in model.needs]
    result: EvaluateResult = {
        "models": {
            name: {f"test_{metric}": value for metric, value in scores(task, labels, values).items()}
            for name, values in predicted.items()
        },
        "primary": f"test_{primary(task)}",
        "needs": needs,
        "floors": {name: floor(dataset, values) for name, values in predicted.items()},
    }
    if input["bootstrap"] is not None and len(models) >= 2:
        progress({"stage": "bootstrap"})
        first, second = (predicted[model["id"]] for model in models[:2])
        result["differences"] = differences(task, labels, first, second, input["bootstrap"])
    return result


def floor(dataset: Dataset, predicted: Floats) -> EvaluateResultFloorsEntry:
    """Return the first score of a task with its lower bound, beside that of a model that reads no column."""
    task, labels = dataset.meta["task"], dataset.labels("test")
    name, whole = primary(task), np.ones((1, len(labels)))
    learned = np.concatenate([dataset.labels("train"), dataset.labels("validation")])
    trivial = weighted_scores(task, labels, trivial_prediction(task, learned, len(labels)), names=(name,))
    own = weighted_scores(task, labels, predicted, names=(name,))
    drawn = np.concatenate([own.of(weights) for weights in resamples(len(labels), _FLOOR_SAMPLES)])
    return {
        "metric": f"test_{name}",
        "trivial": float(trivial.of(whole)[0, 0]),
        "score": float(own.of(whole)[0, 0]),
        "low": float(np.nanquantile(drawn, 1 - CONFIDENCE)),
    }


def differences(
    task: Task, labels: Labels, first: Floats, second: Floats, options: EvaluateInputBootstrap
) -> dict[str, EvaluateResultDifferencesEntry]:
    """Return the differences of metrics, first minus second, with one-sided percentile bounds (Efron 1979).

    The true difference is above `low` with the confidence, and below `high` with the confidence.

    Args:
        task: The kind of target.
        labels: Shape (n,).
        first: Predictions of one model.
        second: Predictions of the other.
        options: Metrics are named as in the result of `evaluate`.

    Raises:
        InvalidInput: A metric is not known.
    """
    confidences, samples, seed = options["confidences"], options["samples"], options["seed"]
    # Each model has a threshold of its own, which is not known here.
    known = {f"test_{name}": name for name in SCORES[task] if (task, name) != ("binary", "f1")}
    for metric in confidences:
        if metric not in known:
            raise InvalidInput(f"bootstrap knows {', '.join(known)}, not {metric}", "rules")
    if not confidences:
        return {}

    names = tuple(known[metric] for metric in confidences)
    one, other = (weighted_scores(task, labels, predicted, names=names) for predicted in (first, second))
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
