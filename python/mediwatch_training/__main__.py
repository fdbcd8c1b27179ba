"""Runs one step as a plain command: ``python -m mediwatch_training <step> --help``."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

from .arguments import parse_arguments
from .errors import DataNotFound, InvalidInput, StepError
from .jsonio import to_json, write_json
from .steps import run_step


def main(argv: list[str]) -> int:
    """Run the step that `argv` names and return the exit code: 0, or 2 when the step failed.

    With ``MEDIWATCH_INPUT`` set, the input comes from that JSON file; otherwise from flags. With
    ``MEDIWATCH_RESULT`` set, ``{"result"}`` or ``{"error"}`` goes to that file; otherwise the result is printed.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    result_path = os.environ.get("MEDIWATCH_RESULT")
    input_path = os.environ.get("MEDIWATCH_INPUT")
    step, flags = parse_arguments(argv, input_required=input_path is None)
    try:
        values = flags if input_path is None else _read_input(input_path)
        result = run_step(step, _with_environment(step, values), _print_progress)
    except StepError as error:
        print(f"{step}: {error.message}", file=sys.stderr)
        if result_path is not None:
            write_json(result_path, {"error": error.to_json()})
        return 2
    if result_path is not None:
        write_json(result_path, {"result": result})
    else:
        print(to_json(result))
    return 0


def _read_input(path: str) -> dict[str, Any]:
    try:
        values = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise DataNotFound(f"MEDIWATCH_INPUT names {path}, which cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InvalidInput(f"MEDIWATCH_INPUT names {path}, which is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise InvalidInput(f"MEDIWATCH_INPUT names {path}, which does not hold a JSON object")
    return values


def _with_environment(step: str, values: dict[str, Any]) -> dict[str, Any]:
    """Fill in the tracking server and the run from MLflow's own variables where the input lacks them."""
    filled = dict(values)
    if step in ("train", "register", "train-and-register", "evaluate", "report") and filled.get("trackingUri") is None:
        filled["trackingUri"] = os.environ.get("MLFLOW_TRACKING_URI")
    if step in ("train", "train-and-register", "report") and filled.get("runId") is None:
        filled["runId"] = os.environ.get("MLFLOW_RUN_ID")
    return filled


def _print_progress(update: dict[str, Any]) -> None:
    print(" ".join(f"{key}={value}" for key, value in update.items()), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
