"""Step `trial`: fit one parameter set and score it on the validation split."""

from __future__ import annotations

import time
from typing import Any

from .dataset import open_dataset
from .estimators import MODELS, check_params, fit_on_train, positive_probabilities
from .fields import Fields
from .metrics import scores
from .progress import Progress

_FIELDS = ("datasetDir", "model", "params", "seed", "threads")


def trial(input: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Fit on the train split and score on the validation split.

    Args:
        input: ``datasetDir``, ``model`` ("hgb" or "rf"), ``params`` (laid over the model's defaults), ``seed`` and
            ``threads`` (1).
        progress: Told the stage.

    Returns:
        ``{score, metrics: {validation_auc, validation_log_loss, fit_seconds, trial_seconds, iterations}}``; the score
        is the ROC AUC.

    Raises:
        DataNotFound: There is no dataset in the directory.
        InvalidInput: A field or a parameter is not acceptable.
    """
    began = time.perf_counter()
    fields = Fields("trial", input, _FIELDS)
    model = fields.choice("model", MODELS, "hgb")
    dataset = open_dataset(fields.text("datasetDir"))
    params = check_params(model, fields.mapping("params", None))
    seed, threads = fields.integer("seed", 42), fields.integer("threads", 1, low=1, high=1024)

    progress({"stage": "fitting"})
    started = time.perf_counter()
    estimator, iterations = fit_on_train(dataset, model, params, seed, threads)
    fit_seconds = time.perf_counter() - started
    probabilities = positive_probabilities(estimator, dataset.features("validation"), threads)
    values = scores(dataset.labels("validation"), probabilities)
    return {
        "score": values["auc"],
        "metrics": {
            "validation_auc": values["auc"],
            "validation_log_loss": values["log_loss"],
            "fit_seconds": fit_seconds,
            "trial_seconds": time.perf_counter() - began,
            "iterations": iterations,
        },
    }
