"""The steps by name; each module is imported when its step is first asked for."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from typing import Any

from .errors import InvalidInput, StepError, as_step_error
from .progress import Progress

Step = Callable[[dict[str, Any], Progress], dict[str, Any]]

STEPS = (
    "prepare",
    "suggest",
    "trial",
    "train",
    "register",
    "train-and-register",
    "evaluate",
    "report",
    "monitor",
    "drift-document",
)

_log = logging.getLogger("mediwatch_training")


def load_step(name: str) -> Step:
    """Return the function of a step.

    Raises:
        InvalidInput: There is no step of that name.
    """
    if name not in STEPS:
        raise InvalidInput(f"There is no step {name!r}; the steps are {', '.join(STEPS)}", "step")
    function = name.replace("-", "_")
    return getattr(importlib.import_module(f".{function}", __package__), function)


def run_step(name: str, input: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Run a step; whatever goes wrong comes out as a `StepError`, unforeseen things with a logged traceback."""
    try:
        return load_step(name)(input, progress)
    except StepError:
        raise
    except Exception as error:
        _log.exception("Step %s crashed", name)
        raise as_step_error(error) from error
