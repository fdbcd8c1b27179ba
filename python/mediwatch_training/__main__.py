"""Runs one step as a plain command: ``python -m mediwatch_training <step> --help``."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from .checks import is_object, kinds_of, resolve_input
from .contract import INPUTS, STEPS, Schema
from .errors import DataNotFound, InvalidInput, StepError, log_to_stderr
from .jsonio import to_json, write_json
from .steps import run_step

# Flags whose names are not those of their fields.
_FLAGS = {"dataPath": "--data", "outputDir": "--out", "datasetDir": "--dataset"}
# MLflow's own variables stand in for these fields.
_VARIABLES = {"trackingUri": "MLFLOW_TRACKING_URI", "runId": "MLFLOW_RUN_ID"}


def main(argv: list[str] | None = None) -> int:
    """Run the step that `argv` names and return the exit code: 0, or 2 when the step failed.

    ``airflow-task`` is no step: it runs a task of an Airflow DAG in the environment of the project.

    With ``MEDIWATCH_INPUT`` set, the input comes from that JSON file; otherwise from flags. With
    ``MEDIWATCH_RESULT`` set, ``{"result"}`` or ``{"error"}`` goes to that file; otherwise the result is printed.
    """
    given = sys.argv[1:] if argv is None else argv
    if given[:1] == ["airflow-task"]:
        from .airflow_task.command import main as airflow_task

        return airflow_task(given[1:])
    log_to_stderr()
    result_path = os.environ.get("MEDIWATCH_RESULT")
    input_path = os.environ.get("MEDIWATCH_INPUT")
    step, flags = _parse(given, input_required=input_path is None)
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


def _parse(argv: list[str], input_required: bool) -> tuple[str, dict[str, object]]:
    """Return the step's name and its input as far as flags give it.

    Args:
        argv: Command line without the program's name. A wrong one ends the process with exit code 2 and a message, as
            `argparse` does.
        input_required: Whether the flags are all the input there is.
    """
    parser = argparse.ArgumentParser(
        prog="python -m mediwatch_training",
        description="Training steps of MediWatch, one command each. The result is printed as JSON.",
        epilog="airflow-task runs a task of an Airflow DAG. MEDIWATCH_INPUT and MEDIWATCH_RESULT name JSON files to "
        "use instead of flags and stdout.",
    )
    commands = parser.add_subparsers(dest="step", required=True, metavar="step")
    for step in INPUTS:
        command = commands.add_parser(step, help=STEPS[step], description=STEPS[step])
        for field, schema in resolve_input(step).get("properties", {}).items():
            flag = _FLAGS.get(field, "--" + "".join(f"-{c.lower()}" if c.isupper() else c for c in field))
            text = _help(field, schema)
            if _is_list_of_texts(schema):
                command.add_argument(flag, dest=field, help=text, default=argparse.SUPPRESS, nargs="*")
            else:
                command.add_argument(flag, dest=field, help=text, default=argparse.SUPPRESS, type=_reader(schema))
    values: dict[str, object] = vars(parser.parse_args(argv))
    step = str(values.pop("step"))
    if input_required and not values:
        commands.choices[step].error("no input: give flags (see --help), or set MEDIWATCH_INPUT")
    if values.get("group") == "":
        values["group"] = None
    return step, values


def _is_list_of_texts(schema: Schema) -> bool:
    return any(kinds_of(one) == ["array"] and kinds_of(one.get("items", {})) == ["string"] for one in _all(schema))


def _all(schema: Schema) -> list[Schema]:
    return [schema, *schema.get("anyOf", [])]


def _reader(schema: Schema) -> Callable[[str], object]:
    kinds = {kind for one in _all(schema) for kind in kinds_of(one)} - {"null"}
    return {"integer": int, "number": float, "string": str}.get(kinds.pop() if len(kinds) == 1 else "", json.loads)


def _help(field: str, schema: Schema) -> str:
    default = schema.get("default")
    parts = [
        schema.get("description", ""),
        "" if default in (None, {}, []) else f"default {default}",
        f"default {_VARIABLES[field]}" if field in _VARIABLES else "",
        "as JSON" if _reader(schema) is json.loads and not _is_list_of_texts(schema) else "",
    ]
    return "; ".join(part for part in parts if part).replace("%", "%%")


def _read_input(path: str) -> dict[str, object]:
    try:
        values: object = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise DataNotFound(f"MEDIWATCH_INPUT names {path}, which cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InvalidInput(f"MEDIWATCH_INPUT names {path}, which is not JSON: {error}") from error
    if not is_object(values):
        raise InvalidInput(f"MEDIWATCH_INPUT names {path}, which does not hold a JSON object")
    return values


def _with_environment(step: str, values: Mapping[str, object]) -> dict[str, object]:
    """Fill in the tracking server and the run from MLflow's own variables where the input lacks them."""
    filled = dict(values)
    for field, variable in _VARIABLES.items():
        given = os.environ.get(variable)
        if given and filled.get(field) is None and field in resolve_input(step).get("properties", {}):
            filled[field] = given
    return filled


def _print_progress(update: Mapping[str, object]) -> None:
    print(" ".join(f"{key}={value}" for key, value in update.items()), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
