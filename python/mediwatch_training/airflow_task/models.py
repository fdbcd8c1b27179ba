"""DAGs, operators, and what tasks hand on: as much of Airflow's models as it takes to run one task."""

from __future__ import annotations

import inspect
import itertools
import logging
import os
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar, cast

Context = Mapping[str, object]
Function = Callable[..., object]

SKIPPED = 99
"""Exit code by which a command of a BashOperator says that it skips its task."""


class AirflowException(Exception):
    """A task failed."""


class AirflowSkipException(AirflowException):
    """A task has nothing to do, and those after it have nothing either."""


class Dag:
    """A DAG with its tasks in their order; ``with Dag(…)`` takes in the tasks that are made in it."""

    known: ClassVar[list[Dag]] = []
    opened: ClassVar[list[Dag]] = []

    def __init__(self, dag_id: str = "", *_: object, **settings: object) -> None:
        self.dag_id = dag_id
        self.default_args = _mapping(settings.get("default_args"))
        self.params = _mapping(settings.get("params"))
        self.macros = _mapping(settings.get("user_defined_macros"))
        self.tasks: dict[str, Operator] = {}
        self.groups: list[Group] = []
        Dag.known.append(self)

    def __enter__(self) -> Dag:
        Dag.opened.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        Dag.opened.pop()

    def add(self, task: Operator, name: str, unique: bool) -> str:
        """Take in a task and return its id, with the groups that are open, and a number where it is one of several."""
        full = ".".join([*(group.group_id for group in self.groups if group.group_id), name])
        numbered = itertools.chain([full], (f"{full}__{number}" for number in itertools.count(1)))
        identity = next(name for name in numbered if name not in self.tasks) if unique else full
        self.tasks[identity] = task
        for group in self.groups:
            group.tasks.append(task)
        return identity


class Chained:
    """What ``>>`` and ``<<`` put in order."""

    def members(self) -> list[Operator]:
        """Return the tasks that are meant."""
        return []

    def __rshift__(self, other: object) -> object:
        return _in_order(self, other, other)

    def __lshift__(self, other: object) -> object:
        return _in_order(other, self, other)

    def __rrshift__(self, other: object) -> object:
        return _in_order(other, self, self)

    def __rlshift__(self, other: object) -> object:
        return _in_order(self, other, self)

    def set_downstream(self, other: object, *_: object, **__: object) -> None:
        """Come before others."""
        _in_order(self, other, other)

    def set_upstream(self, other: object, *_: object, **__: object) -> None:
        """Come after others."""
        _in_order(other, self, other)


class Label(Chained):
    """A text on an edge, which stands between two tasks and is none."""

    def __init__(self, *_: object) -> None:
        self.before: list[Operator] = []

    def members(self) -> list[Operator]:
        """Return the tasks before it."""
        return self.before


class Group(Chained):
    """A task group: its name begins the ids of its tasks."""

    def __init__(
        self, group_id: str, prefix_group_id: bool = True, *_: object, dag: Dag | None = None, **__: object
    ) -> None:
        self.group_id = group_id if prefix_group_id else ""
        self.tasks: list[Operator] = []
        self._dag = dag or current_dag()

    def members(self) -> list[Operator]:
        """Return all its tasks."""
        return self.tasks

    def __enter__(self) -> Group:
        self._dag.groups.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._dag.groups.pop()


class Operator(Chained):
    """A task. Operators of a project have an ``execute`` of their own; those of providers have none here."""

    template_fields: Sequence[str] = ()
    log = logging.getLogger("airflow.task")

    def __init__(self, task_id: str = "", *_: object, **settings: object) -> None:
        dag = settings.pop("dag", None)
        self.dag = dag if isinstance(dag, Dag) else current_dag()
        self.upstream: list[Operator] = []
        self.settings = {**self.dag.default_args, **settings}
        self.params = _mapping(self.settings.get("params"))
        self.task_id = self.dag.add(self, task_id, unique=bool(settings.get("unique_id")))
        for result in results_in(settings):
            _in_order(result, self, self)

    @classmethod
    def partial(cls, task_id: str, **_: object) -> Partial:
        """Begin a task that is done once for each of several values, which takes Airflow."""
        return Partial(Expanded(task_id))

    @property
    def output(self) -> Result:
        """What it will have returned."""
        return Result(self)

    def members(self) -> list[Operator]:
        """Return it."""
        return [self]

    def refusal(self) -> str | None:
        """Return why the task cannot be done here, and what to write instead; None: it can."""
        return provided(self.task_id, type(self).__name__) if type(self).execute is Operator.execute else None

    def execute(self, context: Context) -> object:
        """Do the work of the task."""
        raise AirflowException(self.refusal() or self.task_id)


class Expanded(Operator):
    """A task of an operator that is done once for each of several values."""

    def refusal(self) -> str:
        """Return what to write instead."""
        return (
            f"{self.task_id} is an operator with expand: Airflow makes a task of each value when it runs. "
            "Write it as a function with @task, whose expand is done here, or as one script with a loop"
        )


_CONTAINER = "in a container, which Airflow starts", "make a script of it, and give its step command and image"
_INSTEAD = (
    ("docker", *_CONTAINER),
    ("kubernetes", *_CONTAINER),
    ("ecs", *_CONTAINER),
    ("ssh", "on another host", "give its step the command ssh, or put a worker on that host"),
    ("spark", "in a cluster, which Airflow asks", "give its step the command spark-submit"),
)


def provided(task_id: str, kind: str) -> str:
    """Return why a task that comes with a provider of Airflow cannot be done here, and what to write instead."""
    for name, where, instead in _INSTEAD:
        if name in kind.lower():
            return f"{task_id} ({kind}) runs {where}. Instead: {instead}"
    return (
        f"{task_id} ({kind}) comes with a provider of Airflow and its connections, which are not here. Instead: call "
        "the library itself in a script or a function with @task, with its credentials in passEnv, or leave the task "
        "to Airflow"
    )


class Partial:
    """An operator that waits for its values."""

    def __init__(self, task: Operator) -> None:
        self._task = task

    def expand(self, **_: object) -> Operator:
        """Return the task."""
        return self._task


class Empty(Operator):
    """Does nothing."""

    def execute(self, context: Context) -> object:
        """Return nothing."""
        return None


class PythonTask(Operator):
    """Calls a function: a PythonOperator, or a function with ``@task``."""

    template_fields = ("op_args", "op_kwargs", "templates_dict")
    ends_below = False  # those after it are skipped where it returns something false

    def __init__(self, task_id: str = "", *_: object, **settings: object) -> None:
        super().__init__(task_id, **settings)
        self.python_callable = cast("Function", settings["python_callable"])
        self.op_args = list(cast("Iterable[object]", settings.get("op_args") or ()))
        self.op_kwargs = _mapping(self.settings.get("op_kwargs"))
        self.templates_dict = settings.get("templates_dict")

    def execute(self, context: Context) -> object:
        """Call the function with its arguments, and with what it names of the context."""
        known = {**context, "templates_dict": self.templates_dict}
        result = self.python_callable(
            *self.op_args, **_asked(self.python_callable, self.op_args, self.op_kwargs, known)
        )
        if self.ends_below and not result:
            raise AirflowSkipException(f"{self.task_id} returned {result!r}, so what comes after it is skipped")
        return result


class ShortCircuit(PythonTask):
    """Skips what comes after it, unless its function returns something true."""

    ends_below = True


class PythonSensor(PythonTask):
    """Fails until its function returns something true: the attempts of a step are its pokes."""

    def execute(self, context: Context) -> object:
        """Call the function once."""
        if not super().execute(context):
            raise AirflowException(f"{self.task_id}: what it waits for is not there yet")
        return None


class Bash(Operator):
    """Runs a command in bash, in the folder where it was started; its last line is what it returns."""

    template_fields = ("bash_command", "env", "cwd")

    def __init__(self, task_id: str = "", *_: object, **settings: object) -> None:
        super().__init__(task_id, **settings)
        self.bash_command = settings["bash_command"]
        self.env, self.cwd = self.settings.get("env"), self.settings.get("cwd")

    def execute(self, context: Context) -> object:
        """Run the command."""
        return run_bash(self, str(self.bash_command))


class Result(Chained):
    """What a task will have returned, or one key of it."""

    def __init__(self, task: Operator, key: str | None = None) -> None:
        self.operator = task
        self.key = key

    def __getitem__(self, key: str) -> Result:
        return Result(self.operator, key)

    def __iter__(self) -> object:
        raise TypeError(f"what {self.operator.task_id} returns is known only when it has run")

    def members(self) -> list[Operator]:
        """Return the task."""
        return [self.operator]


def run_bash(task: Operator, command: str) -> str:
    """Run a command with the environment and folder of a task, show its lines as they come, and return the last one.

    Raises:
        AirflowSkipException: It ended with 99.
        AirflowException: It ended with another exit code than 0.
    """
    own = {name: str(value) for name, value in _mapping(getattr(task, "env", task.settings.get("env"))).items()}
    env = {**os.environ, **own} if not own or task.settings.get("append_env") else {**_needed(), **own}
    cwd = getattr(task, "cwd", task.settings.get("cwd"))
    last = ""
    with subprocess.Popen(
        # Where its input is a socket, bash would take itself for a remote shell, and read the user's own settings.
        ["bash", "--norc", "-c", command],
        stdin=subprocess.DEVNULL,
        cwd=None if cwd is None else str(cwd),
        env=env,
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            last = line.rstrip("\n")
    if process.returncode == SKIPPED:
        raise AirflowSkipException(f"{task.task_id}: its command skipped it")
    if process.returncode != 0:
        raise AirflowException(f"{task.task_id}: its command ended with exit code {process.returncode}")
    return last


def results_in(value: object) -> list[Result]:
    """Return the results of tasks that an argument holds."""
    if isinstance(value, Result):
        return [value]
    if isinstance(value, Mapping):
        return [found for item in cast("Mapping[object, object]", value).values() for found in results_in(item)]
    if isinstance(value, (list, tuple)):
        return [found for item in cast("Sequence[object]", value) for found in results_in(item)]
    return []


def chain(*links: object) -> None:
    """Put tasks, or lists of them, in order."""
    for first, second in itertools.pairwise(links):
        _in_order(first, second, second)


def current_dag() -> Dag:
    """Return the DAG that is open; tasks outside of any share one."""
    if Dag.opened:
        return Dag.opened[-1]
    return next((dag for dag in Dag.known if not dag.dag_id), None) or Dag()


def _in_order(before: object, after: object, result: object) -> object:
    firsts = _members(before)
    if isinstance(after, Label):
        after.before = firsts
        return result
    for second in _members(after):
        second.upstream.extend(first for first in firsts if first not in second.upstream and first is not second)
    return result


def _members(value: object) -> list[Operator]:
    if isinstance(value, (list, tuple)):
        return [task for item in cast("Sequence[object]", value) for task in _members(item)]
    return value.members() if isinstance(value, Chained) else []


def _asked(
    function: Function, args: Sequence[object], given: Mapping[str, object], context: Context
) -> dict[str, object]:
    """Return the keyword arguments of a call: those that are given, and what else of the context the function names."""
    parameters = inspect.signature(function).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        taken = [parameter.name for parameter in parameters][: len(args)]
        return {**{name: value for name, value in context.items() if name not in taken}, **given}
    names = [parameter.name for parameter in parameters][len(args) :]
    return {**{name: context[name] for name in names if name in context}, **given}


def _needed() -> dict[str, str]:
    """What a command with an environment of its own still needs to find its programs."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}


def _mapping(value: object) -> dict[str, object]:
    return dict(cast("Mapping[str, object]", value)) if isinstance(value, Mapping) else {}
