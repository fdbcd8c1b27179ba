"""What the steps ask of MLflow's tracking server."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .errors import InvalidInput, MlflowRefused, MlflowUnavailable, StepError

if TYPE_CHECKING:
    from mlflow import MlflowClient

# MLflow's codes for something in the request that cannot be.
_WRONG_REQUEST = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


@contextmanager
def tracking_errors(uri: str, field: str | None = None) -> Generator[None]:
    """Turn MLflow's and the network's errors into step errors, as the workflows do with those that they meet.

    Args:
        uri: The tracking server, for messages.
        field: The input field to blame when MLflow does not know what it names.
    """
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException

    try:
        yield
    except StepError:
        raise
    except MlflowException as error:
        status = error.get_http_status_code()
        if status >= 500 or status == 429:
            raise MlflowUnavailable(f"MLflow at {uri} failed: {_first_line(error)}") from error
        refused = f"MLflow at {uri} refused: {_first_line(error)}"
        if field is not None and error.error_code in _WRONG_REQUEST:
            raise InvalidInput(refused, field) from error
        raise MlflowRefused(refused) from error
    except (RequestException, ConnectionError) as error:
        raise MlflowUnavailable(f"MLflow at {uri} does not answer: {_first_line(error)}") from error


def connect(uri: str) -> MlflowClient:
    """Return a client of the tracking server, and make it the one of MLflow's module-level functions."""
    # A server that is down should be reported within seconds; the caller has its own retries.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # stdout is for the result of a command
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    import mlflow

    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    return mlflow.MlflowClient(uri, uri)


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0][:500] if str(error).strip() else type(error).__name__
