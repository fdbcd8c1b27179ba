"""Step `train`: the final fit, its test scores, and what MLflow keeps of both."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, cast

from ..dataset import Dataset, open_dataset
from ..jsonio import to_json
from ..models import FACTS, ServedFacts
from . import estimators
from .runs import TrainingRun
from .scores import best_f1_threshold, primary, scores

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
    meta = dataset.meta
    params = estimators.check_params(input["model"], input["params"], meta["task"], meta["splits"]["train"]["rows"])
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
    task = dataset.meta["task"]
    iterations, threshold = _found(dataset, params, input, progress)
    progress({"stage": "fitting on train and validation", "iterations": iterations})
    encoder, X, y = dataset.refitted_encoder()
    estimator = estimators.fit_final(dataset, X, y, model, params, iterations, seed, threads)

    pipeline = _pipeline(dataset, encoder, estimator, threshold, run.run_id)

    progress({"stage": "scoring the test split"})
    records = dataset.test_records[[feature["name"] for feature in dataset.meta["features"]]]
    predicted = estimators.predictions(cast("Estimator", pipeline), task, records, threads)
    found = scores(task, dataset.labels("test"), predicted, threshold)
    metrics: dict[str, float] = {f"test_{name}": value for name, value in found.items()}
    if threshold is not None:
        metrics["threshold"] = threshold
    metrics["train_rows"] = len(y)
    metrics["iterations"] = iterations

    score = f"test_{primary(task)}"
    progress({"stage": "logging", score: metrics[score]})
    facts = {"model": model, "seed": seed, "data_sha256": dataset.meta["dataSha256"]}
    run.log(params={**facts, **params}, metrics=metrics, tags=input["tags"] or {})
    logged = run.log_pipeline(pipeline, dataset, input["workDir"])
    result: TrainResult = {
        "modelUri": logged["modelUri"],
        "modelId": logged["modelId"],
        "source": logged["source"],
        "runId": run.run_id,
        "metrics": {**metrics},
        "params": params,
    }
    if threshold is not None:
        result["threshold"] = threshold
    run.complete(key, result)
    return result


def _found(dataset: Dataset, params: Params, input: TrainInput, progress: Progress) -> tuple[int, float | None]:
    """Return the number of iterations and the threshold, which come from rows that the model has not seen."""
    found, task, threads = input["found"], dataset.meta["task"], input["threads"]
    if found is not None and (found["threshold"] is None) == (task != "binary"):
        return found["iterations"], found["threshold"]
    progress({"stage": "finding the threshold" if task == "binary" else "finding the number of iterations"})
    scout, iterations = estimators.fit_on_train(dataset, input["model"], params, input["seed"], threads)
    if task != "binary":
        return iterations, None
    validation = estimators.predictions(scout, task, dataset.features("validation"), threads)
    return iterations, best_f1_threshold(dataset.labels("validation"), validation)


def _pipeline(
    dataset: Dataset, encoder: Encoder, estimator: Estimator, threshold: float | None, run_id: str
) -> Pipeline:
    """Join the encoder and the estimator, with what a server must know of them as its attribute `FACTS`."""
    from sklearn.pipeline import Pipeline

    if hasattr(estimator, "n_jobs"):
        setattr(estimator, "n_jobs", None)  # noqa: B010 - of forests alone
    pipeline = Pipeline([("encoder", encoder), ("model", estimator)])
    meta = dataset.meta
    facts: ServedFacts = {
        "task": meta["task"],
        "features": meta["features"],
        "example": dataset.example[:2],
        "target": meta["target"],
        "run_id": run_id,
    }
    if threshold is not None:
        facts["threshold"] = threshold
    if meta["positive"] is not None:
        facts["positive"] = meta["positive"]
    if meta["classes"] is not None:
        facts["classes"] = meta["classes"]
    setattr(pipeline, FACTS, facts)
    return pipeline


def _key(dataset: Dataset, model: str, params: Params, seed: int) -> str:
    """Return the digest of everything that the fitted model depends on."""
    inputs = [dataset.meta, model, dict(sorted(params.items())), seed]
    return hashlib.sha256(to_json(inputs).encode()).hexdigest()
