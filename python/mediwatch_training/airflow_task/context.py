"""What a task is given: the date and the parameters of its run, templates, and what tasks before it returned."""

from __future__ import annotations

import importlib
import json
import os
import pickle
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

if TYPE_CHECKING:
    from .models import Dag, Operator

RETURNED = "return_value"
_ABSENT = object()
_EXPRESSION = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")


class Results:
    """What tasks returned or pushed, as files: ``FOLDER/TASK/KEY.json``, or ``.pickle`` for what JSON cannot hold.

    Args:
        folder: Where results are written, and looked for first.
        others: Further folders to look in, such as the data set of the step before.
    """

    def __init__(self, folder: Path, others: Sequence[Path] = ()) -> None:
        self.folders = [folder, *others]

    def push(self, task_id: str, key: str, value: object) -> Path:
        """Write a result, in place of an earlier one, and return its file."""
        stem = self._stem(self.folders[0], task_id, key)
        stem.parent.mkdir(parents=True, exist_ok=True)
        text = _as_json(value)
        content = pickle.dumps(value) if text is None else text.encode()
        file = Path(f"{stem}.{'pickle' if text is None else 'json'}")
        for old in (Path(f"{stem}.json"), Path(f"{stem}.pickle")):
            old.unlink(missing_ok=True)
        file.write_bytes(content)
        return file

    def has(self, task_id: str) -> bool:
        """Say whether a task has run."""
        return self._find(task_id, RETURNED) is not _ABSENT

    def pull(self, task_id: str, key: str = RETURNED) -> object:
        """Return a result; None where there is none."""
        found = self._find(task_id, key)
        return None if found is _ABSENT else found

    def _find(self, task_id: str, key: str) -> object:
        for folder in self.folders:
            stem = self._stem(folder, task_id, key)
            if Path(f"{stem}.json").exists():
                return json.loads(Path(f"{stem}.json").read_text("utf-8"))
            if Path(f"{stem}.pickle").exists():
                return pickle.loads(Path(f"{stem}.pickle").read_bytes())
        return _ABSENT

    @staticmethod
    def _stem(folder: Path, task_id: str, key: str) -> Path:
        return folder / quote(task_id, safe=" ") / quote(key, safe=" ")


class TaskInstance:
    """``ti`` of a task that runs."""

    try_number = 1
    map_index = -1

    def __init__(self, task: Operator, results: Results, run_id: str) -> None:
        self.task, self.task_id, self.dag_id, self.run_id = task, task.task_id, task.dag.dag_id, run_id
        self._results = results

    def xcom_push(self, key: str, value: object, **_: object) -> None:
        """Keep a value for tasks after it."""
        self._results.push(self.task_id, key, value)

    def xcom_pull(
        self, task_ids: str | Iterable[str] | None = None, dag_id: str | None = None, key: str = RETURNED, **_: object
    ) -> object:
        """Return what a task returned or pushed, or a list for a list of tasks; by default, of those before it."""
        if isinstance(task_ids, str):
            return self._results.pull(task_ids, key)
        if task_ids is None:
            before = [task.task_id for task in self.task.upstream]
            return next((self._results.pull(name, key) for name in before if self._results.has(name)), None)
        return [self._results.pull(name, key) for name in task_ids]


class Variables:
    """``Variable.get`` and ``var.value`` of Airflow, read from the environment as AIRFLOW_VAR_NAME."""

    @staticmethod
    def get(
        key: str, default_var: object = _ABSENT, deserialize_json: bool = False, default: object = _ABSENT
    ) -> object:
        """Return a variable.

        Raises:
            KeyError: It is not set, and there is no default.
        """
        text = os.environ.get(f"AIRFLOW_VAR_{key.upper()}")
        if text is None:
            given = default_var if default_var is not _ABSENT else default
            if given is _ABSENT:
                raise KeyError(f"The Airflow variable {key} is not set: give it as AIRFLOW_VAR_{key.upper()}")
            return given
        return json.loads(text) if deserialize_json else text


class _Lookup:
    """``var.value.NAME`` and ``var.json.NAME``."""

    def __init__(self, deserialize: bool) -> None:
        self._deserialize = deserialize

    def __getattr__(self, name: str) -> object:
        return Variables.get(name, deserialize_json=self._deserialize)

    def get(self, name: str, default: object = None) -> object:
        """Return a variable, or the default."""
        return Variables.get(name, default, self._deserialize)


class Macros:
    """``macros`` of templates."""

    datetime = datetime
    timedelta = timedelta

    @staticmethod
    def ds_add(ds: str, days: int) -> str:
        """Return a date so many days later."""
        return (datetime.fromisoformat(ds) + timedelta(days=days)).date().isoformat()

    @staticmethod
    def ds_format(ds: str, given: str, wanted: str) -> str:
        """Return a date in another form."""
        return datetime.strptime(ds, given).strftime(wanted)


def context_of(task: Operator, results: Results, date: datetime, conf: Mapping[str, object]) -> dict[str, object]:
    """Return what a task finds as its context.

    Args:
        task: The task that runs.
        results: What tasks before it returned.
        date: Moment that the run is for: ``{{ ds }}`` is its day.
        conf: Values of this run: ``dag_run.conf``, which override ``params``.
    """
    dag: Dag = task.dag
    run_id = f"manual__{date.isoformat()}"
    instance = TaskInstance(task, results, run_id)
    days = {"": 0, "yesterday_": -1, "tomorrow_": 1, "prev_": -1, "next_": 1}
    dates: dict[str, object] = {}
    for name, shift in days.items():
        day = (date + timedelta(days=shift)).date().isoformat()
        dates.update({f"{name}ds": day, f"{name}ds_nodash": day.replace("-", "")})
    params = {**dag.params, **task.params}
    return {
        **dates,
        **dict.fromkeys(("logical_date", "execution_date", "data_interval_start", "data_interval_end"), date),
        "ts": date.isoformat(),
        "ts_nodash": date.strftime("%Y%m%dT%H%M%S"),
        "run_id": run_id,
        "dag": dag,
        "task": task,
        **dict.fromkeys(("ti", "task_instance"), instance),
        "dag_run": SimpleNamespace(run_id=run_id, conf=conf, logical_date=date, execution_date=date, dag_id=dag.dag_id),
        "conf": conf,
        "params": {name: getattr(value, "value", value) for name, value in {**params, **conf}.items()},
        "var": SimpleNamespace(value=_Lookup(False), json=_Lookup(True)),
        "macros": Macros,
        **dag.macros,
    }


def rendered(value: object, context: Mapping[str, object], folder: Path) -> object:
    """Return a value with its templates filled: texts, and texts in lists and dictionaries.

    Args:
        value: What a template field holds; a text that ends in .sh or .sql names a file beside the DAG.
        context: What templates name.
        folder: Folder of the DAG's file.
    """
    if isinstance(value, str):
        file = folder / value
        is_file = value.endswith((".sh", ".bash", ".sql")) and " " not in value and file.is_file()
        text = file.read_text("utf-8") if is_file else value
        return _filled(text, context) if "{{" in text or "{%" in text else text
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return {name: rendered(item, context, folder) for name, item in items}
    if isinstance(value, (list, tuple)):
        items = [rendered(item, context, folder) for item in cast("Sequence[object]", value)]
        return tuple(items) if isinstance(value, tuple) else items
    return value


def _filled(text: str, context: Mapping[str, object]) -> str:
    try:
        jinja2 = importlib.import_module("jinja2")
    except ImportError:
        return _EXPRESSION.sub(lambda found: str(_looked_up(found[1], context)), _simple(text))
    environment = jinja2.Environment()
    environment.filters.update(_FILTERS)
    return str(environment.from_string(text).render(**context))


def _simple(text: str) -> str:
    left = _EXPRESSION.sub("", text)
    if "{{" in left or "{%" in left:
        raise ValueError(f"This template needs the package jinja2, which is not installed here: {text}")
    return text


def _looked_up(path: str, context: Mapping[str, object]) -> object:
    first, *rest = path.split(".")
    value: object = context[first]
    for name in rest:
        value = cast("Mapping[str, object]", value)[name] if isinstance(value, Mapping) else getattr(value, name)
    return value


_FILTERS: dict[str, Callable[[datetime], str]] = {
    "ds": lambda moment: moment.date().isoformat(),
    "ds_nodash": lambda moment: moment.strftime("%Y%m%d"),
    "ts": lambda moment: moment.isoformat(),
    "ts_nodash": lambda moment: moment.strftime("%Y%m%dT%H%M%S"),
}


def moment(text: str | None) -> datetime:
    """Return the moment that a text names, in UTC unless it says otherwise; by default now."""
    if text is None:
        return datetime.now(timezone.utc)
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def _as_json(value: object) -> str | None:
    """Return a value as JSON; None where it would come back as something else."""
    try:
        text = json.dumps(value, allow_nan=False)
        return text if _same(json.loads(text), value) else None
    except (TypeError, ValueError):
        return None


def _same(one: object, other: object) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        first, second = cast("dict[object, object]", one), cast("dict[object, object]", other)
        return first.keys() == second.keys() and all(_same(first[key], second[key]) for key in first)
    if isinstance(one, list) and isinstance(other, list):
        firsts, seconds = cast("list[object]", one), cast("list[object]", other)
        return len(firsts) == len(seconds) and all(map(_same, firsts, seconds))
    return type(one) is type(other) and one == other
