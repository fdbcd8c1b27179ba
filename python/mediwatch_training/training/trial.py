"""Step `trial`: fit one parameter set and score it on the validation split."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..dataset import open_dataset
from .estimators import check_params, fit_on_train, positive_probabilities
from .scores import scores

if TYPE_CHECKING:
    from ..contract import TrialInput, TrialResult
    from ..steps import Progress


def trial(input: TrialInput, progress: Progress) -> TrialResult:
    """Fit on the train split and score on the validation split.

    Args:
        input: The parameters are laid over the model's defaults.
        progress: Called with the stage.

    Returns:
        The score is the ROC AUC; the metrics are ``validation_auc``, ``validation_log_loss``, ``iterations``, and
        ``fit_seconds`` and ``trial_seconds`` (s).

    Raises:
        DataNotFound: There is no dataset in the directory.
        InvalidInput: A parameter is not acceptable.
    """
    began = time.perf_counter()
    model, seed, threads = input["model"], input["seed"], input["threads"]
    dataset = open_dataset(input["datasetDir"])
    params = check_params(model, input["params"], dataset.meta["splits"]["train"]["rows"])

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
