"""Step `evaluate`: score registered models on the test split of one dataset."""

from __future__ import annotations

from typing import Any

from .bootstrap import differences
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
            ``bootstrap`` (``{confidences: {metric: confidence}, samples, seed}``: adds bounds of the differences).
        progress: Told which model is scored.

    Returns:
        ``{models: {id: {test_auc, test_average_precision, test_log_loss, test_brier}}}``, and with ``bootstrap``
        and two models ``differences: {metric: {difference, low, high, confidence}}``, first minus second.

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
        result["differences"] = differences(labels, first, second, bootstrap)
    return result
