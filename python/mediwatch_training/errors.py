"""What a step can fail with. The failure types are those of the contract, and so is whether one is tried again."""

from __future__ import annotations

import traceback
from typing import ClassVar

from .contract import RETRYABLE, FailureType, StepFailure


class StepError(Exception):
    """A failure that a step understands and can explain.

    Args:
        message: What happened and what to do about it, in one sentence or two.
        field: The input field that is to blame, if one is.
    """

    type: ClassVar[FailureType] = "StepFailed"

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field

    @property
    def retryable(self) -> bool:
        """Whether another attempt may succeed."""
        return RETRYABLE[self.type]

    def to_json(self) -> StepFailure:
        """Return the failure as a step answers it."""
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
    """A report has no known shape, so it says neither that there is drift nor that there is none."""

    type = "DriftReportInvalid"


class ModelLoadFailed(StepError):
    """A model could not be loaded from the registry or from a file."""

    type = "ModelLoadFailed"


class ModelMismatch(StepError):
    """A model expects other columns than the data has."""

    type = "ModelMismatch"


class MlflowUnavailable(StepError):
    """MLflow did not answer, or failed; it may answer later."""

    type = "MlflowUnavailable"


class MlflowRefused(StepError):
    """MLflow answered that it will not do what was asked."""

    type = "MlflowRefused"


class StepCrashed(StepError):
    """Anything that nobody foresaw: a defect, or the machine (memory, disk)."""

    type = "StepCrashed"


def as_step_error(error: BaseException) -> StepError:
    """Return `error` itself if it is a `StepError`, else a `StepCrashed` with its last line as message."""
    if isinstance(error, StepError):
        return error
    last_line = traceback.format_exception_only(type(error), error)[-1].strip()
    return StepCrashed(last_line.splitlines()[0][:2000] if last_line else type(error).__name__)
