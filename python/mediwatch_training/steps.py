"""The steps by name; each module is imported when its step is first asked for."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Mapping
from typing import cast

from .checks import check_input
from .contract import STEPS
from .errors import InvalidInput, StepError, as_step_error

# Called with how far a step is, such as ``{"stage": "fitting"}``.
Progress = Callable[[Mapping[str, object]], None]
# From an input of the contract that was checked to a result of the contract.
Step = Callable[[Mapping[str, object], Progress], Mapping[str, object]]

_MODULES = {
    "prepare": "training.prepare",
    "suggest": "training.suggest",
    "judge": "training.judge",
    "trial": "training.trial",
    "train": "training.train",
    "register": "training.register",
    "train-and-register": "training.register",
    "evaluate": "training.evaluate",
    "report": "report",
    "monitor": "drift.monitor",
    "drift-document": "drift.document",
}

_log = logging.getLogger("mediwatch_training")


def load_step(name: str) -> Step:
    """Return the function of a step.

    Raises:
        InvalidInput: There is no step of that name.
    """
    if name not in STEPS:
        raise InvalidInput(f"There is no step {name!r}; the steps are {', '.join(STEPS)}", "step")
    module = importlib.import_module(f".{_MODULES[name]}", __package__)
    return cast("Step", getattr(module, name.replace("-", "_")))


def run_step(name: str, input: Mapping[str, object], progress: Progress) -> Mapping[str, object]:
    """Run a step with an input that may lack what has a default.

    Raises:
        StepError: Whatever went wrong; of what nobody foresaw there is a traceback in the log.
    """
    try:
        step = load_step(name)
        return step(check_input(name, input), progress)
    except StepError:
        raise
    except Exception as error:
        _log.exception("Step %s crashed", name)
        raise as_step_error(error) from error


def ignore_progress(update: Mapping[str, object]) -> None:
    """Do nothing with `update`, for callers that do not watch."""
