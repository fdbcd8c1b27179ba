"""Hands a model to a process of its own, and takes nothing but numbers from it."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import json
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np

from ..checks import is_list, is_object
from ..errors import ModelLoadFailed, ModelMismatch, StepCrashed, StepError
from ..models import WHAT, are_predictions
from .files import fetch_model

if TYPE_CHECKING:
    import pandas as pd

    from ..contract import EvaluateInputModelRecorded as Recorded
    from ..contract import EvaluateResultNeedsEntry as Need
    from ..shapes import Floats, Ints, Task

_CHILD = Path(__file__).with_name("child.py")
# Users that own nothing: those that systemd gives to services for as long as they run.
_FIRST_UID, _UIDS = 61184, 4336
_numbers = itertools.count(os.getpid())
# A number takes at most 25 characters; the rest is for names of columns and errors.
_BYTES_A_NUMBER, _BYTES_BESIDES = 32, 2**20
_NEEDS_KEPT = 20
# How often what a model left behind is looked for and killed.
_ROUNDS = 100
_PR_SET_CHILD_SUBREAPER = 36

Asked: TypeAlias = "tuple[Task, list[str] | None]"


class ConfinedModel:
    """A model in a process of its own.

    Args:
        name: What to call it in messages.
        connection: To its process.
        rows: How many records its process has.
        target: What it is asked for: the kind, and of several classes their names in the order that is wanted.
    """

    def __init__(self, name: str, connection: Connection, rows: int, target: Asked) -> None:
        self._name = name
        self._connection = connection
        self._rows = rows
        self._task: Task = target[0]
        self._classes = target[1]
        self._facts: dict[str, object] | None = None
        #: What it did so far that no model should need.
        self.needs: list[Need] = []

    @property
    def columns(self) -> list[str] | None:
        """Names of the columns that it reads; None if it does not say."""
        columns = self.facts().get("columns")
        return [str(name) for name in columns] if is_list(columns) else None

    @property
    def threshold(self) -> float | None:
        """Probability from which it counts a record as positive; None if it does not say."""
        threshold = self.facts().get("threshold")
        return threshold if isinstance(threshold, float) and _is_probability(threshold) else None

    def facts(self) -> dict[str, object]:
        """Return what it said of itself once it was loaded.

        Raises:
            ModelLoadFailed: It cannot be loaded here.
        """
        if self._facts is None:
            self._facts = self._answer()
        return self._facts

    def predictions(self, rows: Ints | None = None, swapped: tuple[str, Ints] | None = None) -> tuple[Floats, float]:
        """Return what it predicts for records, and for how long it says to have computed (s).

        That is the probability of the positive class, shape (rows,); those of all classes, shape (rows, classes); or
        numbers, shape (rows,).

        Args:
            rows: Numbers of the records; None: all of them.
            swapped: A column, and for each row the number of the record whose value it gets there.

        Raises:
            ModelMismatch: It does not accept the records, or does not predict what it is asked for.
            ModelLoadFailed: It cannot be loaded here, or its process ended.
        """
        order = self._order()
        with contextlib.suppress(OSError):  # of a process that ended; what it said before is still there
            self._connection.send_bytes(pickle.dumps((rows, *(swapped or (None, None))), protocol=5))
        answer = self._answer()
        values, seconds = _as_numbers(answer.get("values")), answer.get("seconds")
        count = self._rows if rows is None else len(rows)
        shape = (count,) if order is None else (count, len(order))
        if values is None or values.shape != shape or not are_predictions(self._task, values):
            raise ModelMismatch(f"The model {self._name} does not return {WHAT[self._task]}", "models")
        return (
            values if order is None else values[:, order],
            max(0.0, seconds) if isinstance(seconds, float) else 0.0,
        )

    def _order(self) -> list[int] | None:
        """Return the places of the classes among those of the model; None where there are none."""
        own, found = self.facts().get("task"), self.facts().get("classes")
        if isinstance(own, str) and own != self._task:
            kind = f"{_printable(own)}, not {self._task}"
            raise ModelMismatch(f"The model {self._name} is for a target of another kind: {kind}", "models")
        if self._classes is None:
            return None
        theirs = [str(one) for one in found] if is_list(found) else []
        if sorted(theirs) != sorted(self._classes):
            raise ModelMismatch(f"The model {self._name} tells other classes apart than the data has", "models")
        return [theirs.index(one) for one in self._classes]

    def _answer(self) -> dict[str, object]:
        width = 1 if self._classes is None else len(self._classes)
        while True:
            try:
                content = self._connection.recv_bytes(5 * self._rows * width * _BYTES_A_NUMBER + _BYTES_BESIDES)
                message: object = json.loads(content)
            except (EOFError, OSError, ValueError, RecursionError) as error:
                raise self._failure("its process ended, or did not answer what it was asked") from error
            if not is_object(message):
                raise self._failure("its process did not answer what it was asked")
            need, text = message.get("need"), message.get("error")
            if is_object(need):
                self._note(need)
            elif isinstance(text, str):
                raise self._failure(text, mismatch=message.get("type") == "ModelMismatch")
            else:
                return message

    def _note(self, need: dict[str, object]) -> None:
        code, detail = need.get("code"), need.get("detail")
        if code in ("network", "process", "write") and isinstance(detail, str) and len(self.needs) < _NEEDS_KEPT:
            self.needs.append(cast("Need", {"code": code, "detail": _printable(detail)}))

    def _failure(self, text: str, mismatch: bool = False) -> StepError:
        wanted = "".join(f"; it wanted {need['code']} {need['detail']}" for need in self.needs[:3])
        if mismatch:
            return ModelMismatch(f"{_printable(text)}{wanted}", "models")
        return ModelLoadFailed(f"The model {self._name} cannot be loaded here: {_printable(text)}{wanted}", "models")


@contextmanager
def confined(
    uri: str,
    tracking_uri: str,
    records: pd.DataFrame,
    target: Asked,
    *,
    recorded: Recorded | None,
    threads: int,
    memory_mib: int,
) -> Generator[ConfinedModel]:
    """Load a model in a process that ends with the block. It is there once `facts` has returned.

    Args:
        uri: Where the model lies.
        tracking_uri: The server that this process fetches it from.
        records: What it will be asked about; it never gets their labels.
        target: What it is asked for: the kind, and the names of several classes.
        recorded: What was registered; None: nobody knows.
        threads: Threads to predict with.
        memory_mib: Memory that it may take.

    Raises:
        ModelLoadFailed: There is no such model.
        ModelChanged: Its files are not what was registered.
        MlflowUnavailable: The server does not answer.
    """
    adopted = _adopt_orphans()
    folder = Path(tempfile.mkdtemp(prefix="mediwatch-model-"))
    ours, theirs = socket.socketpair()
    child = None
    try:
        with Connection(ours.detach()) as connection, theirs:
            uid = _owner_of_nothing(folder)
            child = _start(folder, theirs.fileno(), uid, memory_mib, threads)
            theirs.close()
            path = fetch_model(uri, tracking_uri, str(folder / "model"), recorded)
            _readable(folder / "model")
            (folder / "records.pickle").write_bytes(pickle.dumps(records, protocol=5))
            _readable(folder / "records.pickle")
            with contextlib.suppress(OSError):
                connection.send_bytes(pickle.dumps((uri, str(path.relative_to(folder)), target[0])))
            yield ConfinedModel(uri, connection, len(records), target)
    finally:
        if child is not None:
            child.kill()
            child.wait()
        _end_orphans(adopted)
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path, descriptor: int, uid: int, memory_mib: int, threads: int) -> subprocess.Popen[bytes]:
    numbers = (descriptor, uid, memory_mib, threads)
    command = [sys.executable, "-I", "-B", str(_CHILD), *map(str, numbers)]
    places = {"HOME": str(folder), "TMPDIR": str(folder), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    try:
        return subprocess.Popen(
            command,
            env={**places, **limits, "OMP_WAIT_POLICY": "PASSIVE"},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=2,
            pass_fds=(descriptor,),
        )
    except OSError as error:
        raise StepCrashed(f"The process that loads models cannot be started: {error}") from error


def _owner_of_nothing(folder: Path) -> int:
    """Give a folder to a user that owns nothing else, and return that; -1 where there can be no other user.

    That takes root, and libraries that were not installed for root alone.
    """
    files = (_CHILD, Path(np.__file__), Path(os.__file__))
    shared = all(file.stat().st_mode & 4 and file.parent.stat().st_mode & 5 == 5 for file in files)
    if sys.platform != "linux" or os.geteuid() != 0 or not shared:
        return -1
    uid = _FIRST_UID + next(_numbers) % _UIDS
    try:
        os.chown(folder, uid, uid)
    except PermissionError:
        return -1
    return uid


def _readable(path: Path) -> None:
    """Let the other user read what lies at a path, and change nothing of it."""
    for one in (path, *path.rglob("*")):
        one.chmod(0o755 if one.is_dir() else 0o644)


def _adopt_orphans() -> set[int]:
    """Become the parent of what children leave behind; return the children of today."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    return _children()


def _end_orphans(before: set[int]) -> None:
    for _ in range(_ROUNDS):
        left = _children() - before
        if not left:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _children() -> set[int]:
    files = Path("/proc/self/task").glob("*/children")
    found: set[int] = set()
    for file in files:
        with contextlib.suppress(OSError):  # a thread that ended
            found.update(map(int, file.read_text().split()))
    return found


def _printable(text: str) -> str:
    first = (text.strip().splitlines() or ["it does not say why"])[0]
    return "".join(character if character.isprintable() else "?" for character in first[:300])


def _as_numbers(values: object) -> Floats | None:
    """Return a list, or lists of one length, of numbers; None of anything else."""
    try:
        # A text of digits would become a number.
        found = np.array(values)
        return found.astype(np.float64) if found.dtype.kind in "fi" else None
    except (ValueError, OverflowError):
        return None


def _is_probability(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1
