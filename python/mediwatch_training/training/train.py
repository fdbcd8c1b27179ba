"""Step `train`: the final fit, its test scores, and what MLflow keeps of both."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, cast

from ..dataset import Dataset, open_dataset
from ..jsonio import to_json
from ..models import FACTS, ServedFacts
from . import estimators
from .runs import TrainingRun
from .scores import best_f1_threshold, scores

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from ..contract import Params, TrainInput, TrainResult
    from ..shapes import Encoder, Estimator
    from ..steps import Progress


def train(input: TrainInput, progress: Progress) -> TrainResult:
    """Fit on train + validation, score the test split, and log everything to one MLflow run.

    Running it again on a run that already has the result of the same input returns that result.

    Args:
        input: Without a run, one is made in the experiment.
        progress: Called with the stage.

    Raises:
        DataNotFound: There is no dataset in the directory.
        InvalidInput: A parameter or the run id is not acceptable.
        MlflowUnavailable: The tracking server does not answer (retryable).
        MlflowRefused: The tracking server does not do what it is asked.
    """
    dataset = open_dataset(input["datasetDir"])
    params = estimators.check_params(input["model"], input["params"], dataset.meta["splits"]["train"]["rows"])
    key = _key(dataset, input["model"], params, input["seed"])

    progress({"stage": "opening the run"})
    run = TrainingRun.open(input["trackingUri"], input["runId"], input["experiment"])
    earlier = run.result_of(key)
    if earlier is not None:
        return earlier
    with run.active():
        return _train(dataset, params, input, run, key, progress)


def _train(
    dataset: Dataset, params: Params, input: TrainInput, run: TrainingRun, key: str, progress: Progress
) -> TrainResult:
    model, seed, threads = input["model"], input["seed"], input["threads"]
    # The threshold must come from rows that the model has not seen, and so must the number of iterations.
    progress({"stage": "finding the threshold"})
    scout, iterations = estimators.fit_on_train(dataset, model, params, seed, threads)
    validation = estimators.positive_probabilities(scout, dataset.features("validation"), threads)
    threshold = best_f1_threshold(dataset.labels("validation"), validation)

    progress({"stage": "fitting on train and validation", "iterations": iterations})
    encoder, X, y = dataset.refitted_encoder()
    estimator = estimators.fit_final(dataset, X, y, model, params, iterations, seed, threads)

    pipeline = _pipeline(dataset, encoder, estimator, threshold, run.run_id)

    progress({"stage": "scoring the test split"})
    records = dataset.test_records[[feature["name"] for feature in dataset.meta["features"]]]
    probabilities = estimators.positive_probabilities(cast("Estimator", pipeline), records, threads)
    labels = dataset.labels("test")
    metrics: dict[str, float] = {
        f"test_{name}": value for name, value in scores(labels, probabilities, threshold).items()
    }
    metrics["threshold"] = threshold
    metrics["train_rows"] = len(y)
    metrics["iterations"] = iterations

    progress({"stage": "logging", "test_auc": metrics["test_auc"]})
    facts = {"model": model, "seed": seed, "data_sha256": dataset.meta["dataSha256"]}
    run.log(params={**facts, **params}, metrics=metrics, tags=input["tags"] or {})
    logged = run.log_pipeline(pipeline, dataset, input["workDir"])
    result: TrainResult = {
        "modelUri": logged["modelUri"],
        "modelId": logged["modelId"],
        "source": logged["source"],
        "runId": run.run_id,
        "metrics": {**metrics},
        "threshold": threshold,
        "params": params,
    }
    run.complete(key, result)
    return result


def _pipeline(dataset: Dataset, encoder: Encoder, estimator: Estimator, threshold: float, run_id: str) -> Pipeline:
    """Join the encoder and the estimator, with what a server must know of them as its attribute `FACTS`."""
    from sklearn.pipeline import Pipeline

    if hasattr(estimator, "n_jobs"):
        setattr(estimator, "n_jobs", None)  # noqa: B010 - of forests alone
    pipeline = Pipeline([("encoder", encoder), ("model", estimator)])
    facts: ServedFacts = {
        "threshold": threshold,
        "features": dataset.meta["features"],
        "example": dataset.example[:2],
        "target": dataset.meta["target"],
        "positive": dataset.meta["positive"],
        "run_id": run_id,
    }
    setattr(pipeline, FACTS, facts)
    return pipeline


def _key(dataset: Dataset, model: str, params: Params, seed: int) -> str:
    """Return the digest of everything that the fitted model depends on."""
    inputs = [dataset.meta, model, dict(sorted(params.items())), seed]
    return hashlib.sha256(to_json(inputs).encode()).hexdigest()
