"""The decorators ``@dag``, ``@task`` and ``@task_group``."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from typing import ClassVar, cast

from .models import (
    Context,
    Dag,
    Function,
    Group,
    PythonSensor,
    PythonTask,
    Result,
    ShortCircuit,
    provided,
    run_bash,
)


class BashFunction(PythonTask):
    """Runs in bash what its function returns."""

    def execute(self, context: Context) -> object:
        """Call the function, and run the command that it makes."""
        return run_bash(self, str(super().execute(context)))


class Elsewhere(PythonTask):
    """A kind that runs in a place which only Airflow can reach, such as ``@task.docker``."""

    def refusal(self) -> str:
        """Return what to write instead."""
        return provided(self.task_id, f"@task.{type(self).__name__}")


class ExpandedFunction(PythonTask):
    """A mapped function of a kind that does more than call it, such as ``@task.bash``."""

    def refusal(self) -> str:
        """Return what to write instead."""
        return (
            f"{self.task_id} is expanded, which is done here for functions with @task alone. Instead: let such a "
            "function do the work, or write one script with a loop"
        )


class Mapped(PythonTask):
    """Calls its function once for each of the values that ``expand`` names, and returns a list."""

    def __init__(self, task_id: str = "", *_: object, **settings: object) -> None:
        super().__init__(task_id, **settings)
        mapped = cast("dict[str, object]", settings["mapped"])
        self.names = list(mapped)
        self.op_kwargs.update(mapped)

    def execute(self, context: Context) -> object:
        """Call it for all combinations."""
        given = self.op_kwargs
        values = [_listed(given[name]) for name in self.names]
        results: list[object] = []
        for combination in itertools.product(*values):
            self.op_kwargs = {**given, **dict(zip(self.names, combination, strict=True))}
            results.append(super().execute(context))
        return results


# Kinds that run in another Python in Airflow run in this one.
_KINDS: dict[str, type[PythonTask]] = {
    "bash": BashFunction,
    "short_circuit": ShortCircuit,
    "sensor": PythonSensor,
    **dict.fromkeys(("python", "branch", "virtualenv", "external_python"), PythonTask),
}


class TaskFunction:
    """A function with ``@task``: in a DAG, a call of it makes a task."""

    def __init__(self, function: Function, kind: type[PythonTask], settings: Mapping[str, object]) -> None:
        functools.update_wrapper(self, function)
        self.function, self.kind, self.settings = function, kind, settings

    def __call__(self, *args: object, **kwargs: object) -> Result:
        return self._made(self.kind, op_args=args, op_kwargs=kwargs)

    def override(self, **settings: object) -> TaskFunction:
        """Return it with other settings."""
        return TaskFunction(self.function, self.kind, {**self.settings, **settings})

    def partial(self, **given: object) -> TaskFunction:
        """Return it with arguments that are the same each time."""
        return TaskFunction(self.function, self.kind, {**self.settings, "op_kwargs": given})

    def expand(self, **mapped: object) -> Result:
        """Make a task that is done once for each value."""
        if issubclass(self.kind, Elsewhere):
            return self._made(self.kind)
        return self._made(Mapped if self.kind is PythonTask else ExpandedFunction, mapped=mapped)

    def _made(self, kind: type[PythonTask], **given: object) -> Result:
        settings = {**self.settings, **given}
        name = str(settings.pop("task_id", self.function.__name__))
        return Result(kind(name, python_callable=self.function, unique_id=True, **settings))


class TaskDecorator:
    """``@task``, ``@task(…)`` and ``@task.bash`` and its like."""

    def __init__(self, kind: type[PythonTask]) -> None:
        self.kind = kind

    def __call__(self, function: Function | None = None, **settings: object) -> object:
        if function is not None:
            return TaskFunction(function, self.kind, settings)
        return lambda function: TaskFunction(cast("Function", function), self.kind, settings)

    def __getattr__(self, name: str) -> TaskDecorator:
        if name.startswith("__"):
            raise AttributeError(name)
        return TaskDecorator(_KINDS.get(name) or type(name, (Elsewhere,), {}))


task = TaskDecorator(PythonTask)


def dag(dag_id: object = "", *_: object, **settings: object) -> object:
    """Make a function whose call makes a DAG: ``@dag``, or ``@dag(…)``."""
    if callable(dag_id):
        return DagFunction(dag_id, "", {})
    return lambda function: DagFunction(cast("Function", function), str(dag_id), settings)


class DagFunction:
    """A function with ``@dag``."""

    known: ClassVar[list[DagFunction]] = []

    def __init__(self, function: Function, dag_id: str, settings: Mapping[str, object]) -> None:
        functools.update_wrapper(self, function)
        self.function, self.settings = function, settings
        self.dag_id = dag_id or function.__name__
        self.called = False
        DagFunction.known.append(self)

    def __call__(self, *args: object, **kwargs: object) -> Dag:
        self.called = True
        with Dag(self.dag_id, **self.settings) as made:
            self.function(*args, **kwargs)
        return made


def task_group(group_id: object = "", *_: object, **settings: object) -> object:
    """Make a function whose call makes a task group: ``@task_group``, or ``@task_group(…)``."""

    def decorated(function: Function, name: str) -> Function:
        @functools.wraps(function)
        def grouped(*args: object, **kwargs: object) -> object:
            with Group(name) as group:
                result = function(*args, **kwargs)
            return group if result is None else result

        return grouped

    if callable(group_id):
        return decorated(group_id, group_id.__name__)
    return lambda function: decorated(cast("Function", function), str(group_id or cast("Function", function).__name__))


def _listed(value: object) -> Sequence[object]:
    if isinstance(value, Mapping):
        return list(cast("Mapping[object, object]", value).items())
    return list(cast("Sequence[object]", value))
