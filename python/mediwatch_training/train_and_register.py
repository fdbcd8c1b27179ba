"""Step `train-and-register`: `train`, and then a model version, for use without an orchestrator."""

from __future__ import annotations

from typing import Any

from .progress import Progress
from .register import register
from .train import train


def train_and_register(input: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Train as `train` does; with ``register`` (a registered model's name) also make a version, once a run.

    Args:
        input: As for `train`, and ``register``.
        progress: Told the stage.

    Returns:
        The result of `train`, with ``registered: {name, version, created}`` if ``register`` was given.
    """
    name = input.get("register")
    result = train({key: value for key, value in input.items() if key != "register"}, progress)
    if name is None:
        return result
    version = {
        "trackingUri": input["trackingUri"],
        "name": name,
        "runId": result["runId"],
        "source": result["source"],
        "modelId": result["modelId"],
        "tags": {"test_auc": f"{result['metrics']['test_auc']:.6f}", "model": input.get("model", "hgb")},
    }
    return {**result, "registered": register(version, progress)}
