"""What a step can fail with; part of the contract with whoever runs the steps."""

from __future__ import annotations

import traceback
from typing import Any


class StepError(Exception):
    """A failure that a step understands and can explain.

    Args:
        message: What happened and what to do about it, in one sentence or two.
        field: The input field that is to blame, if one is.
    """

    type = "StepError"
    retryable = False

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field

    def to_json(self) -> dict[str, Any]:
        """Return ``{type, message, retryable, field}``."""
        return {"type": self.type, "message": self.message, "retryable": self.retryable, "field": self.field}


class InvalidInput(StepError):
    """An input field is missing, unknown, or has a value that makes no sense."""

    type = "InvalidInput"


class DataNotFound(StepError):
    """The data file or the prepared dataset is not where the input says."""

    type = "DataNotFound"


class DataInvalid(StepError):
    """The data was read, and it is not what the step can learn from."""

    type = "DataInvalid"


class PredictionLogNotFound(StepError):
    """There is no prediction log where the input says."""

    type = "PredictionLogNotFound"


class PredictionLogInvalid(StepError):
    """The prediction log was found, and it cannot be read or compared."""

    type = "PredictionLogInvalid"


class DriftReportInvalid(StepError):
    """A report is of no shape that is known, so that neither drift nor its absence can be told from it."""

    type = "DriftReportInvalid"


class ModelLoadFailed(StepError):
    """A model could not be loaded from the registry or from a file."""

    type = "ModelLoadFailed"


class ModelMismatch(StepError):
    """A model expects other columns than the data has."""

    type = "ModelMismatch"


class TrackingFailed(StepError):
    """The tracking server did not answer, or refused; it may answer later."""

    type = "TrackingFailed"
    retryable = True


class StepCrashed(StepError):
    """Anything that nobody foresaw: a defect, or the machine (memory, disk)."""

    type = "StepCrashed"
    retryable = True


def as_step_error(error: BaseException) -> StepError:
    """Return `error` itself if it is a `StepError`, else a `StepCrashed` with its last line as message."""
    if isinstance(error, StepError):
        return error
    last_line = traceback.format_exception_only(type(error), error)[-1].strip()
    return StepCrashed(last_line.splitlines()[0][:2000] if last_line else type(error).__name__)
