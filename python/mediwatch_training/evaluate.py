"""Step `evaluate`: score registered models on the test split of one dataset."""

from __future__ import annotations

from typing import Any

import numpy as np

from .dataset import open_dataset
from .errors import InvalidInput
from .fields import Fields
from .metrics import scores
from .models import load_model, predict_records
from .progress import Progress

_FIELDS = ("datasetDir", "trackingUri", "models", "bootstrap")


def evaluate(input: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Score models on the same test records, and compare the first two of them.

    Args:
        input: ``datasetDir``, ``trackingUri``, ``models`` (``[{id, uri}]``, such as ``models:/Name/3``) and
            ``bootstrap`` (``{samples, seed, level}``: adds a confidence interval of the difference in AUC).
        progress: Told which model is scored.

    Returns:
        ``{models: {id: {test_auc, test_average_precision, test_log_loss, test_brier}}}``, and with ``bootstrap``
        and two models ``differences: {test_auc: {difference, low, high, level, samples}}``, first minus second.

    Raises:
        ModelLoadFailed: A model is not where its URI says.
        ModelMismatch: A model expects columns that the dataset does not have.
    """
    fields = Fields("evaluate", input, _FIELDS)
    dataset = open_dataset(fields.text("datasetDir"))
    uri = fields.text("trackingUri")
    models = fields.objects("models")
    if not models:
        raise InvalidInput("models must name at least one model", "models")
    for model in models:
        if not isinstance(model.get("id"), str) or not isinstance(model.get("uri"), str):
            raise InvalidInput("each of models needs an id and a uri", "models")
    bootstrap = fields.mapping("bootstrap", None)

    labels = dataset.labels("test")
    probabilities = {}
    for model in models:
        progress({"stage": "scoring", "model": model["id"]})
        loaded = load_model(model["uri"], uri)
        probabilities[model["id"]] = predict_records(loaded, dataset.test_records, model["uri"])
    result: dict[str, Any] = {
        "models": {
            name: {f"test_{metric}": value for metric, value in scores(labels, values).items()}
            for name, values in probabilities.items()
        }
    }
    if bootstrap is not None and len(models) >= 2:
        progress({"stage": "bootstrap"})
        first, second = (probabilities[model["id"]] for model in models[:2])
        result["differences"] = {"test_auc": _auc_difference(labels, first, second, bootstrap)}
    return result


def _auc_difference(
    labels: np.ndarray, first: np.ndarray, second: np.ndarray, options: dict[str, Any]
) -> dict[str, Any]:
    """Return the difference in AUC with a paired percentile bootstrap interval (Efron 1979)."""
    fields = Fields("bootstrap", options, ("samples", "seed", "level"))
    samples = fields.integer("samples", 1000, low=10, high=100_000)
    level = fields.fraction("level", 0.95)
    random = np.random.default_rng(fields.integer("seed", 42))
    ranks = [np.unique(values, return_inverse=True)[1] for values in (first, second)]
    differences = np.empty(samples)
    for sample in range(samples):
        weights = np.bincount(random.integers(0, len(labels), len(labels)), minlength=len(labels))
        differences[sample] = _weighted_auc(labels, ranks[0], weights) - _weighted_auc(labels, ranks[1], weights)
    low, high = np.nanquantile(differences, [(1 - level) / 2, (1 + level) / 2])
    ones = np.ones(len(labels), dtype=np.int64)
    return {
        "difference": _weighted_auc(labels, ranks[0], ones) - _weighted_auc(labels, ranks[1], ones),
        "low": float(low),
        "high": float(high),
        "level": level,
        "samples": samples,
    }


def _weighted_auc(labels: np.ndarray, ranks: np.ndarray, weights: np.ndarray) -> float:
    """Return the ROC AUC of rows that count `weights` times; ties count one half (Mann-Whitney)."""
    positives = np.bincount(ranks, weights * labels)
    negatives = np.bincount(ranks, weights * (1 - labels))
    below = np.cumsum(negatives) - negatives
    pairs = positives.sum() * negatives.sum()
    return float(np.sum(positives * (below + negatives / 2)) / pairs) if pairs else float("nan")
