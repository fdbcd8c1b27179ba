"""Steps `register` and `train-and-register`: a model version without an orchestrator, made once."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ..tracking import connect, tracking_errors
from .scores import SCORES, primary
from .train import train

if TYPE_CHECKING:
    from ..contract import (
        Metrics,
        RegisterInput,
        RegisterResult,
        TrainAndRegisterInput,
        TrainAndRegisterResult,
        TrainInput,
    )
    from ..steps import Progress

_ONCE_TAG = "mediwatch.run_id"


def register(input: RegisterInput, progress: Progress) -> RegisterResult:
    """Register the model of a run as a new version, unless the run already has one under this name.

    Raises:
        MlflowUnavailable: The server does not answer (retryable).
        MlflowRefused: The server does not do what it is asked.
    """
    name, run_id = input["name"], input["runId"]
    client = connect(input["trackingUri"])
    progress({"stage": "registering", "name": name})
    with tracking_errors(input["trackingUri"]):
        if not client.search_registered_models(filter_string=f"name = '{name}'"):
            client.create_registered_model(name)
        # The oldest first: a version copied in the registry carries the tag too.
        versions = client.search_model_versions(f"name = '{name}'")
        for version in sorted(versions, key=lambda found: int(found.version)):
            if version.tags.get(_ONCE_TAG) == run_id:
                return {"name": name, "version": str(version.version), "created": False}
        tags = {**(input["tags"] or {}), _ONCE_TAG: run_id}
        made = client.create_model_version(name, input["source"], run_id, tags=tags, model_id=input["modelId"])
        return {"name": name, "version": str(made.version), "created": True}


def train_and_register(input: TrainAndRegisterInput, progress: Progress) -> TrainAndRegisterResult:
    """Train as `train` does; with ``register`` (a registered model's name) also make a version, once a run.

    Raises:
        StepError: As `train` and `register` do.
    """
    name = input["register"]
    values = {key: value for key, value in input.items() if key != "register"}
    result = train(cast("TrainInput", values), progress)
    if name is None:
        return {**result}
    version: RegisterInput = {
        "trackingUri": input["trackingUri"],
        "name": name,
        "runId": result["runId"],
        "source": result.get("source", result["modelUri"]),
        "modelId": result.get("modelId"),
        "tags": {**_score_tag(result["metrics"]), "model": input["model"]},
    }
    return {**result, "registered": register(version, progress)}


def _score_tag(metrics: Metrics) -> dict[str, str]:
    """Return the score that versions are compared by first, as a tag."""
    names = [f"test_{primary(task)}" for task in SCORES]
    return {name: f"{value:.6f}" for name in names if (value := metrics.get(name)) is not None}
