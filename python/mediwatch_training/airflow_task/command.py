"""``airflow-task DAG.py TASK``: loads the file of a DAG and runs one of its tasks."""

from __future__ import annotations

import argparse
import importlib.util
import inspect
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import cast

from . import standin
from .context import RETURNED, Results, context_of, moment, rendered
from .decorators import DagFunction
from .models import SKIPPED, AirflowSkipException, Dag, Operator, PythonTask, Result

WRONG = 2
"""Exit code of a command line that names no task."""


class Unknown(Exception):
    """The command line names something that is not there, cannot be written to, or cannot be done here."""


def main(argv: Sequence[str]) -> int:
    """Run the command and return its exit code: 0, 2 for a wrong command line, 99 for a task that was skipped.

    A task that fails ends the process with its own traceback, and exit code 1.
    """
    given = _parser().parse_args(argv, _Given())
    _leave_no_trace()
    try:
        dags = load(given.dag_file)
        if given.task is None:
            print("\n".join(_listed(dags)))
            return 0
        task = find(dags, given.task, given.dag)
        overrides = dict(_pair(text) for text in given.arg)
        _check_arguments(task, overrides)
        _check_possible(task)
        _check_folder(given.dir)
        run = Run(
            Results(given.dir, given.results_from), given.execution_date, given.conf, given.dag_file.resolve().parent
        )
        if given.upstream:
            run.missing_before(task)
        run.run(task, overrides)
    except Unknown as error:
        print(f"airflow-task: {error}", file=sys.stderr)
        return WRONG
    except AirflowSkipException as skipped:
        print(f"airflow-task: skipped: {skipped}", file=sys.stderr)
        return SKIPPED
    return 0


def _check_possible(task: Operator) -> None:
    refusal = task.refusal()
    if refusal is not None:
        raise Unknown(f"{refusal}. It was not run")


def _check_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Unknown(
            f"what the task returns cannot be written to the folder {folder} ({error.strerror}); name another one with "
            "--dir. Nothing was run"
        ) from error


class _Given(argparse.Namespace):
    """The command line."""

    dag_file: Path
    task: str | None
    dag: str | None
    dir: Path
    results_from: list[Path]
    execution_date: datetime
    conf: dict[str, object]
    arg: list[str]
    upstream: bool


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="airflow-task", description="Runs one task of an Airflow DAG without Airflow."
    )
    parser.add_argument("dag_file", type=Path, metavar="DAG", help="Python file of the DAG")
    parser.add_argument("task", nargs="?", metavar="TASK", help="id of the task; none: the tasks are listed")
    parser.add_argument("--dag", metavar="ID", help="the DAG, where the file has several with such a task")
    folder = Path(".mediwatch", "airflow")
    parser.add_argument("--dir", type=Path, default=folder, help="folder for what tasks return (XCom); %(default)s")
    parser.add_argument(
        "--from", dest="results_from", type=Path, action="append", default=[], metavar="DIR", help="look there as well"
    )
    parser.add_argument("--upstream", action="store_true", help="first run the tasks before it that have not run yet")
    parser.add_argument(
        "--execution-date", type=moment, default=moment(None), metavar="DATE", help="what {{ ds }} stands for; now"
    )
    parser.add_argument("--conf", type=_object, default={}, metavar="JSON", help="dag_run.conf, which overrides params")
    parser.add_argument(
        "--arg",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="argument of the task's function, as JSON or text",
    )
    return parser


def _object(text: str) -> dict[str, object]:
    value: object = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(text)
    return cast("dict[str, object]", value)


def _pair(text: str) -> tuple[str, object]:
    name, separator, value = text.partition("=")
    if not separator:
        raise Unknown(f"--arg {text}: expected NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _leave_no_trace() -> None:
    """Take the folder of this package out of where the project, and what it starts, look for modules."""
    own = Path(__file__).resolve().parents[2]
    sys.path[:] = [path for path in sys.path if Path(path).resolve() != own]
    given = os.environ.pop("PYTHONPATH", "").split(os.pathsep)
    if others := [path for path in given if path and Path(path).resolve() != own]:
        os.environ["PYTHONPATH"] = os.pathsep.join(others)


def load(file: Path) -> list[Dag]:
    """Load the file of a DAG as Airflow does, with its folder and the current one among the places of modules.

    Raises:
        Unknown: There is no such file, or it makes no DAG.
    """
    standin.install()
    if not file.is_file():
        raise Unknown(f"there is no file {file}")
    for folder in (file.resolve().parent, Path.cwd()):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    # No module of the project has such a name.
    name = f"airflow_dag_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise Unknown(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    for function in DagFunction.known:
        if not function.called:
            function()
    dags = [dag for dag in Dag.known if dag.tasks]
    if not dags:
        raise Unknown(f"{file} makes no DAG with a task")
    return dags


def find(dags: Sequence[Dag], task_id: str, dag_id: str | None) -> Operator:
    """Return the task of that id.

    Raises:
        Unknown: No DAG has it, or several have.
    """
    found = [dag.tasks[task_id] for dag in dags if task_id in dag.tasks and dag_id in (None, dag.dag_id)]
    if len(found) > 1:
        raise Unknown(f"{', '.join(task.dag.dag_id for task in found)} have a task {task_id}: name one with --dag")
    if not found:
        raise Unknown(f"there is no task {task_id}; there are {', '.join(name for dag in dags for name in dag.tasks)}")
    return found[0]


class Run:
    """One run of a DAG.

    Args:
        results: What tasks returned.
        date: Moment that it is for.
        conf: Its ``dag_run.conf``.
        folder: Folder of the DAG's file.
    """

    def __init__(self, results: Results, date: datetime, conf: Mapping[str, object], folder: Path) -> None:
        self._results, self._date, self._conf, self._folder = results, date, conf, folder

    def missing_before(self, task: Operator) -> None:
        """Run the tasks before one that have left no result."""
        missing = [before for before in task.upstream if not self._results.has(before.task_id)]
        for before in missing:
            _check_possible(before)
        for before in missing:
            self.missing_before(before)
            self.run(before, {})

    def run(self, task: Operator, overrides: Mapping[str, object]) -> None:
        """Run a task, and keep what it returns.

        Args:
            task: The task.
            overrides: Arguments of its function in place of its own.
        """
        context = context_of(task, self._results, self._date, self._conf)
        if isinstance(task, PythonTask) and overrides:
            names = inspect.signature(task.python_callable).parameters
            task.op_kwargs = {**dict(zip(names, task.op_args, strict=False)), **task.op_kwargs, **overrides}
            task.op_args = []
        for name in task.template_fields:
            filled = rendered(self._known(task, getattr(task, name, None)), context, self._folder)
            setattr(task, name, filled)
        standin.enter(context)
        print(f"airflow-task: {task.task_id}", file=sys.stderr)
        value = task.execute(context)
        if task.settings.get("multiple_outputs") and isinstance(value, Mapping):
            for key, part in cast("Mapping[str, object]", value).items():
                self._results.push(task.task_id, key, part)
        file = self._results.push(task.task_id, RETURNED, value)
        print(f"airflow-task: what {task.task_id} returned is in {file}", file=sys.stderr)

    def _known(self, task: Operator, value: object) -> object:
        """Put what tasks before it returned in the place of their results."""
        if isinstance(value, Result):
            return self._of(task, value)
        if isinstance(value, Mapping):
            return {key: self._known(task, item) for key, item in cast("Mapping[object, object]", value).items()}
        if isinstance(value, (list, tuple)):
            items = [self._known(task, item) for item in cast("Sequence[object]", value)]
            return tuple(items) if isinstance(value, tuple) else items
        return value

    def _of(self, task: Operator, result: Result) -> object:
        name, key = result.operator.task_id, result.key
        if not self._results.has(name):
            folder = self._results.folders[0]
            raise Unknown(
                f"{task.task_id} takes what {name} returns, and {folder} has no result of it. Run {name} with the same "
                f"--dir first, or {task.task_id} with --upstream"
            )
        value = self._results.pull(name)
        if key is None:
            return value
        return cast("Mapping[str, object]", value)[key] if isinstance(value, Mapping) else self._results.pull(name, key)


def _check_arguments(task: Operator, overrides: Mapping[str, object]) -> None:
    if overrides and not isinstance(task, PythonTask):
        raise Unknown(f"{task.task_id} calls no function, so it takes no --arg: give --conf instead")


def _listed(dags: Sequence[Dag]) -> list[str]:
    lines: list[str] = []
    for dag in dags:
        lines.append(dag.dag_id or "tasks of no DAG")
        for task in dag.tasks.values():
            before = ", ".join(other.task_id for other in task.upstream)
            lines.append(f"  {task.task_id}{f', after {before}' if before else ''}")
    return lines
