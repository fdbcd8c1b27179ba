"""Asks MLflow in each way in which Python does it, for the doctor: ``python -m mediwatch_training.reach``."""

from __future__ import annotations

import os
from collections.abc import Callable

from .contract import StepFailure
from .errors import ModelLoadFailed, as_step_error
from .jsonio import to_json
from .serving.registry import RegistryClient
from .tracking import connect, tracking_errors


def main() -> None:
    """Write why the steps and the API do not get through to MLFLOW_TRACKING_URI, or null for each that does."""
    uri = os.environ["MLFLOW_TRACKING_URI"]

    def as_api() -> None:
        RegistryClient(uri).latest("-", "Production")

    def as_steps() -> None:
        with tracking_errors(uri):
            connect(uri).search_experiments(max_results=1)

    print(to_json({"api": _failure(as_api), "steps": _failure(as_steps)}))


def _failure(ask: Callable[[], object]) -> StepFailure | None:
    try:
        ask()
    except ModelLoadFailed:  # it answered: there is no such model
        return None
    except Exception as error:
        return as_step_error(error).to_json()
    return None


if __name__ == "__main__":
    main()
