"""What the steps ask of MLflow's tracking server."""

from __future__ import annotations

import os
import re
import ssl
import urllib.parse
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .errors import (
    InvalidInput,
    MlflowBodyTooLarge,
    MlflowLoginRefused,
    MlflowRefused,
    MlflowUnavailable,
    MlflowUntrusted,
    StepError,
    without_password,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

# MLflow's codes for something in the request that cannot be.
_WRONG_REQUEST = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
# Where neither an exception nor a code has the status, the text of MLflow or of a tunnel through a proxy has it.
_STATUS = re.compile(
    r"(?:failed with error code|Tunnel connection failed:) (\d{3})\b|\b(\d{3}) (?:Client|Server) Error"
)
_NOT_MLFLOW = "was not in a valid JSON format"
_LONGEST = 500


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
        found = _refusal(uri, error, _status_of(error) or error.get_http_status_code())
        if isinstance(found, MlflowRefused) and field is not None and error.error_code in _WRONG_REQUEST:
            raise InvalidInput(found.message, field) from error
        raise found from error
    except (RequestException, ConnectionError) as error:
        raise _refusal(uri, error, _status_of(error)) from error


def connect(uri: str) -> MlflowClient:
    """Return a client of the tracking server, and make it the one of MLflow's module-level functions."""
    uri = prepare_connection(uri)
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


def prepare_connection(uri: str) -> str:
    """Return a server's address without user and password, which clients then take from the environment.

    Loopback is never reached by a proxy.
    """
    parts = urllib.parse.urlsplit(uri)
    if parts.scheme in ("http", "https"):
        uri = without_password(uri)
        if parts.username and not os.environ.get("MLFLOW_TRACKING_USERNAME"):
            os.environ["MLFLOW_TRACKING_USERNAME"] = urllib.parse.unquote(parts.username)
            os.environ["MLFLOW_TRACKING_PASSWORD"] = urllib.parse.unquote(parts.password or "")
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if direct != "*":
        hosts = [*filter(None, direct.split(",")), "localhost", "127.0.0.1", "::1"]
        os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(dict.fromkeys(hosts))
    return uri


def refusal(status: int, message: str) -> StepError:
    """Return the failure that an answer with this HTTP status stands for."""
    if status >= 500 or status in (408, 429):
        return MlflowUnavailable(message)
    if status in (401, 403, 407) and "Invalid Host header" not in message:
        return MlflowLoginRefused(message)
    return MlflowBodyTooLarge(message) if status == 413 else MlflowRefused(message)


def insecure(uri: str, error: BaseException) -> StepError | None:
    """Return the failure of a connection that cannot be made secure; None if something else happened."""
    broken_off = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, broken_off):
            if isinstance(cause, ssl.SSLCertVerificationError) or re.search("CERT|ALERT|HANDSHAKE", cause.reason or ""):
                return MlflowUntrusted(f"The certificate of MLflow at {uri}, or ours, is not trusted: {cause}")
            return MlflowRefused(f"What answers at {uri} does not speak TLS as it should: {cause}")
    return None


def _refusal(uri: str, error: Exception, status: int | None) -> StepError:
    found = insecure(uri, error)
    if found is not None:
        return found
    said = _told(error)
    if _NOT_MLFLOW in said:
        return MlflowRefused(f"What answers at {uri} is not MLflow: {said}")
    if status is None:
        return MlflowUnavailable(f"MLflow at {uri} does not answer: {said}")
    return refusal(status, f"MLflow at {uri} {'failed' if status >= 500 else 'refused'}: {said}")


def _status_of(error: Exception) -> int | None:
    """Return the HTTP status of the answer that an error came from; None if nothing says it."""
    from mlflow.exceptions import RestException
    from requests.exceptions import HTTPError

    for cause in _causes(error):
        if isinstance(cause, HTTPError) and cause.response is not None:
            return cause.response.status_code
    found = None if isinstance(error, RestException) else _STATUS.search(str(error))
    return int(found[1] or found[2]) if found else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Return an error and all that it came from."""
    left, seen = [error], set[int]()
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        left += [cause for cause in (one.__cause__, one.__context__) if cause is not None]


def _told(error: BaseException) -> str:
    """Return what an error says, in one line; of a long text the beginning and the end."""
    lines = [line.strip() for line in without_password(str(error)).splitlines() if line.strip()]
    # The body of an answer that is no JSON is a page for people.
    text = (lines[0] if "Response body:" in lines[0] else " ".join(lines)) if lines else type(error).__name__
    return text if len(text) <= _LONGEST else f"{text[:150]} … {text[150 - _LONGEST :]}"
