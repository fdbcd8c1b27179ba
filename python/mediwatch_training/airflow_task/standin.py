"""Stands in for the package ``airflow``, and for ``pendulum`` where that is not installed."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from . import decorators, models
from .context import Macros, Variables

_context: dict[str, object] = {}


def enter(context: Mapping[str, object]) -> None:
    """Make a context the one that ``get_current_context`` returns."""
    _context.clear()
    _context.update(context)


def get_current_context() -> dict[str, object]:
    """Return the context of the task that runs."""
    return _context


class Param:
    """A parameter of a DAG with its default."""

    def __init__(self, default: object = None, *_: object, **__: object) -> None:
        self.value = default


def days_ago(days: int, *_: object, **__: object) -> datetime:
    """Return midnight so many days ago."""
    today = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=days)


class _Texts(type):
    """Makes any attribute of a class its own name, as ``TriggerRule.ALL_DONE`` is a text."""

    def __getattr__(cls, name: str) -> str:
        return name.lower()


class TriggerRule(metaclass=_Texts):
    """Rules by which tasks start after others: one that is run by itself needs none."""


class _Needed(type):
    """Makes every use of a class a failure that names it."""

    def __getattr__(cls, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        raise models.AirflowException(f"{cls.__name__}.{name} needs Airflow, which is not here")


class Anything(metaclass=_Needed):
    """A thing of Airflow's that a DAG's file may name and make, and that no task can use here."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __getattr__(self, name: str) -> object:
        return getattr(type(self), name)


# By their names alone: releases of Airflow keep them in different modules.
_KNOWN: dict[str, object] = {
    "DAG": models.Dag,
    "dag": decorators.dag,
    "task": decorators.task,
    "task_group": decorators.task_group,
    "TaskGroup": models.Group,
    "Label": models.Label,
    "chain": models.chain,
    "BaseOperator": models.Operator,
    "EmptyOperator": models.Empty,
    "DummyOperator": models.Empty,
    "PythonOperator": models.PythonTask,
    "BranchPythonOperator": models.PythonTask,
    "PythonVirtualenvOperator": models.PythonTask,
    "ExternalPythonOperator": models.PythonTask,
    "ShortCircuitOperator": models.ShortCircuit,
    "PythonSensor": models.PythonSensor,
    "BashOperator": models.Bash,
    "XComArg": models.Result,
    "AirflowException": models.AirflowException,
    "AirflowFailException": models.AirflowException,
    "AirflowSkipException": models.AirflowSkipException,
    "Variable": Variables,
    "Param": Param,
    "TriggerRule": TriggerRule,
    "days_ago": days_ago,
    "get_current_context": get_current_context,
    "macros": Macros,
}

# What DAG files of Airflow use of pendulum.
_PENDULUM: dict[str, object] = {
    "datetime": lambda *parts, tz=None: datetime(*parts, tzinfo=timezone.utc),
    "duration": timedelta,
    "now": lambda tz=None: datetime.now(timezone.utc),
    "today": lambda tz=None: days_ago(0),
    "timezone": lambda name=None: timezone.utc,
    "parse": datetime.fromisoformat,
}


class _Module(ModuleType):
    """A module of Airflow: what is not known in it is a class that can be named, or a module below."""

    def __getattr__(self, name: str) -> object:
        names = _PENDULUM if self.__name__.split(".")[0] == "pendulum" else _KNOWN
        if name in names:
            return names[name]
        if name == "__version__":
            return "2.10.0"
        if not name[:1].isupper():
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r} without Airflow")
        operates = name.endswith(("Operator", "Sensor"))
        return type(name, (models.Operator if operates else Anything,), {})


class _Finder(MetaPathFinder, Loader):
    def __init__(self, packages: Sequence[str]) -> None:
        self._packages = packages

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find the packages, and every module below them."""
        return ModuleSpec(fullname, self, is_package=True) if fullname.split(".")[0] in self._packages else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return a module that knows the names above."""
        return _Module(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Leave it as it is."""


def install() -> None:
    """Take the place of Airflow for all that is imported from now on."""
    packages = ["airflow"] + ([] if importlib.util.find_spec("pendulum") else ["pendulum"])
    sys.meta_path.insert(0, _Finder(packages))
