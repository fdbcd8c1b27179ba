"""Step `trial`: fit one parameter set and score it on the validation split."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..dataset import open_dataset
from .estimators import check_params, fit_on_train, predictions
from .scores import best_f1_threshold, primary, scores

if TYPE_CHECKING:
    from ..contract import TrialInput, TrialResult
    from ..steps import Progress


def trial(input: TrialInput, progress: Progress) -> TrialResult:
    """Fit on the train split and score on the validation split.

    Args:
        input: The parameters are laid over the model's defaults. With a share below 1 the model is fitted on a sample
            of the train split, and scored on all of the validation split.
        progress: Called with the stage.

    Returns:
        The score is the AUC, or R² of a regression; the metrics are all scores of the task as ``validation_…``,
        ``iterations``, the ``threshold`` of a binary target, and ``fit_seconds`` and ``trial_seconds`` (s).

    Raises:
        DataNotFound: There is no dataset in the directory.
        InvalidInput: A parameter is not acceptable.
    """
    began = time.perf_counter()
    model, seed, threads = input["model"], input["seed"], input["threads"]
    dataset = open_dataset(input["datasetDir"])
    task = dataset.meta["task"]
    params = check_params(model, input["params"], task, dataset.meta["splits"]["train"]["rows"])

    progress({"stage": "fitting"})
    started = time.perf_counter()
    estimator, iterations = fit_on_train(dataset, model, params, seed, threads, input["share"])
    fit_seconds = time.perf_counter() - started
    predicted = predictions(estimator, task, dataset.features("validation"), threads)
    labels = dataset.labels("validation")
    values = scores(task, labels, predicted)
    # With the iterations, what the final fit would otherwise have to find by this same fit.
    threshold = {"threshold": best_f1_threshold(labels, predicted)} if task == "binary" else {}
    return {
        "score": values[primary(task)],
        "metrics": {
            **{f"validation_{name}": value for name, value in values.items()},
            "fit_seconds": fit_seconds,
            "trial_seconds": time.perf_counter() - began,
            "iterations": iterations,
            **threshold,
        },
    }
