"""What a step can fail with. The failure types are those of the contract, and so is whether one is tried again."""

from __future__ import annotations

import errno
import logging
import re
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from .contract import RETRYABLE, FailureType, StepFailure

if TYPE_CHECKING:
    from types import TracebackType
    from typing import TypeAlias

    ExcInfo: TypeAlias = "tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]"

# The texts of these speak of files, memory and code. That of any other may quote a value: of a row, of a header.
_SPEAKS_OF_NO_DATA = (OSError, MemoryError, ImportError, AttributeError, NameError, RecursionError)


class StepError(Exception):
    """A failure that a step understands and can explain.

    Args:
        message: What happened and what to do about it, in one sentence or two.
        field: The input field that is to blame, if one is.
    """

    type: ClassVar[FailureType] = "StepFailed"

    def __init__(self, message: str, field: str | None = None) -> None:
        self.message = without_password(message)
        super().__init__(self.message)
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


# What is wrong with the place itself; a full disk, say, may have room for the next attempt.
_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ENOENT, errno.EEXIST)


def make_folder(path: Path, field: str) -> None:
    """Make the folder for what a step writes, before the step begins.

    Raises:
        InvalidInput: Nothing can be written there; `field` is the input field that names it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        raise InvalidInput(f"Nothing can be written to the folder {path} ({error.strerror})", field) from error


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


class ModelChanged(StepError):
    """The files of a model are not what was registered."""

    type = "ModelChanged"


class ModelMismatch(StepError):
    """A model expects other columns than the data has."""

    type = "ModelMismatch"


class MlflowUnavailable(StepError):
    """MLflow did not answer, or failed; it may answer later."""

    type = "MlflowUnavailable"


class MlflowRefused(StepError):
    """MLflow answered that it will not do what was asked."""

    type = "MlflowRefused"


class MlflowLoginRefused(MlflowRefused):
    """MLflow, or a proxy before it, asks for another login."""

    type = "MlflowLoginRefused"


class MlflowUntrusted(MlflowRefused):
    """There is no secure connection: MLflow's certificate is not trusted, or it does not trust ours."""

    type = "MlflowUntrusted"


class MlflowBodyTooLarge(MlflowRefused):
    """A proxy before MLflow takes no request of this size."""

    type = "MlflowBodyTooLarge"


class ExperimentDeleted(MlflowRefused):
    """Nothing can be logged to an experiment that was deleted."""

    type = "ExperimentDeleted"


class StepCrashed(StepError):
    """Anything that nobody foresaw: a defect, or the machine (memory, disk)."""

    type = "StepCrashed"


def as_step_error(error: BaseException) -> StepError:
    """Return `error` itself if it is a `StepError`, else a `StepCrashed` that quotes no value."""
    return error if isinstance(error, StepError) else StepCrashed(described(error))


def described(error: BaseException) -> str:
    """Return what may be told of an error that somebody else's code raised: never a value that it met in the data.

    Libraries quote the cell that they do not like. Instead of their text people get the place, where the code says what
    it does not like.
    """
    kind = type(error).__name__
    if isinstance(error, StepError):
        return error.message
    if isinstance(error, _SPEAKS_OF_NO_DATA) and not isinstance(error, UnicodeError):
        text = without_password(str(error).strip()).splitlines()
        return f"{kind}: {text[0][:2000]}" if text else kind
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "mediwatch_training" in Path(frame.filename).parts]
    places = dict.fromkeys(f"{_file(frame)}:{frame.lineno}" for frame in (*ours[-1:], *frames[-1:]))
    at = f" in {', from '.join(reversed(places))}" if places else ""
    return f"{kind}{at}; its text may quote the data and is left out"


def without_password(text: str) -> str:
    """Return `text` with the user and password of each URL in it taken out: messages are passed on."""
    return re.sub(r"(?<=://)[^/\s]*@", "", text)


class Formatter(logging.Formatter):
    """Log lines without passwords in URLs, and tracebacks without the texts that may quote the data."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with its traceback."""
        return without_password(super().format(record))

    def formatException(self, ei: ExcInfo) -> str:
        """Return the traceback of an error and of those that it came from, the first one first."""
        parts: list[str] = []
        error = ei[1]
        while error is not None:
            frames = "".join(traceback.format_tb(error.__traceback__))
            parts.append(f"Traceback (most recent call last):\n{frames}{described(error)}")
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\nand then\n".join(reversed(parts))


def log_to_stderr() -> None:
    """Let all loggers of this process write to stderr, as `Formatter` has it."""
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter())
    logging.basicConfig(handlers=[handler], level=logging.INFO)


def _file(frame: traceback.FrameSummary) -> str:
    return "/".join(Path(frame.filename).parts[-2:])
