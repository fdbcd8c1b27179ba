"""The process that loads one model: ``python -I child.py FD UID MEMORY_MIB THREADS``.

It starts with next to no environment, gives up its user if it can, limits itself, and only then loads anything. What
the model does that none should need is sent to the parent before it happens. The parent believes nothing but numbers.
"""

from __future__ import annotations

import ctypes
import json
import os
import pickle
import resource
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    import pandas as pd

    from mediwatch_training.shapes import Ints, Task

# Threads count too.
_PROCESSES = 64
_CPU_SECONDS = 3600
_FILE_MIB = 64
_MIB = 2**20
# From Linux's prctl.h.
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGING = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod")
_STARTING = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty")
_LOOKING_UP = ("socket.getaddrinfo", "socket.gethostbyname")
_CONNECTING = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind")
_NEEDS_SENT = 20


def main(descriptor: int, uid: int, memory_mib: int, threads: int) -> None:
    """Load the model that the parent put below the working directory, and answer until it lets go."""
    parent = Connection(descriptor)
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    if uid >= 0:
        _become(uid, threads)
    _limit(memory_mib + 2048 + 128 * threads)
    # What the libraries read, they read as that user, and while the parent fetches the model.
    from mediwatch_training.libraries import SKLEARN, import_ahead

    import_ahead(*SKLEARN)
    from threadpoolctl import threadpool_limits

    from mediwatch_training.errors import described
    from mediwatch_training.models import classes_of, expected_columns, facts_of, loader_of, read_records, task_of

    def answer(message: object) -> None:
        parent.send_bytes(json.dumps(message).encode())

    try:
        name, place, task = pickle.loads(parent.recv_bytes())
        records: pd.DataFrame = pickle.loads(Path("records.pickle").read_bytes())
        load = loader_of(place)
        with threadpool_limits(limits=threads, user_api="openmp"):
            _watch(answer)
            model = load()
            records = read_records(model, records, name)
            answer(
                {
                    "columns": expected_columns(model),
                    "threshold": facts_of(model).get("threshold"),
                    "task": task_of(model),
                    "classes": classes_of(model),
                }
            )
            while True:
                answer(_predict((name, model, task), records, *pickle.loads(parent.recv_bytes())))
    except EOFError:
        return
    except BaseException as error:  # whatever foreign code raises
        text = getattr(error, "message", None) or described(error)
        answer({"error": str(text)[:2000], "type": type(error).__name__})


def _predict(
    named: tuple[str, object, Task], records: pd.DataFrame, rows: object, column: str | None, donors: object
) -> dict[str, object]:
    from mediwatch_training.models import predict_records

    asked = records if rows is None else records.iloc[cast("Ints", rows)].reset_index(drop=True)
    if column is not None:
        asked[column] = records[column].iloc[cast("Ints", donors)].to_numpy()
    began = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    name, model, task = named
    values = predict_records(model, asked, name, task).tolist()
    return {"values": values, "seconds": resource.getrusage(resource.RUSAGE_SELF).ru_utime - began}


def _become(uid: int, threads: int) -> None:
    """Become a user that owns nothing; where root may not do that, go on as it is."""
    _keep_libraries_within_reach()
    try:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    except PermissionError:
        return
    resource.setrlimit(resource.RLIMIT_NPROC, (_PROCESSES + threads, _PROCESSES + threads))


def _limit(space_mib: int) -> None:
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        # Another user's process may not look into its own folder of /proc, where the descriptors of libraries are.
        libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        # Others do not know it, or do not keep it.
        resource.setrlimit(resource.RLIMIT_AS, (space_mib * _MIB, space_mib * _MIB))
    for kind, most in (
        (resource.RLIMIT_CPU, _CPU_SECONDS),
        (resource.RLIMIT_FSIZE, _FILE_MIB * _MIB),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (limit, limit))


def _keep_libraries_within_reach() -> None:
    """Name the folders of the libraries by descriptors: another user may not get to them by their paths."""
    if not Path("/proc/self/fd").is_dir():
        return
    sys.path[:] = [_by_descriptor(folder) for folder in sys.path]
    for module in list(sys.modules.values()):
        paths: object = getattr(module, "__path__", None)
        if isinstance(paths, list):
            setattr(module, "__path__", [_by_descriptor(str(path)) for path in cast("list[object]", paths)])  # noqa: B010
    sys.path_importer_cache.clear()


def _by_descriptor(folder: str) -> str:
    if not Path(folder).is_dir():
        return folder
    return f"/proc/self/fd/{os.open(folder, os.O_PATH | os.O_DIRECTORY)}"


def _watch(answer: Callable[[object], None]) -> None:
    """Send what the model does that none should need: connections, programs, files outside its folder."""
    own = os.path.realpath(".") + os.sep
    sent: set[tuple[str, str]] = set()

    def is_outside(path: object) -> bool:
        if not isinstance(path, (str, bytes)):
            return False
        real = os.path.realpath(os.fsdecode(path))
        return not (real + os.sep).startswith(own) and real != os.devnull

    def send(code: str, detail: object) -> None:
        text = (os.fsdecode(detail) if isinstance(detail, (str, bytes)) else str(detail))[:200]
        if (code, text) not in sent and len(sent) < _NEEDS_SENT:
            sent.add((code, text))
            answer({"need": {"code": code, "detail": text}})

    def hook(event: str, args: tuple[object, ...]) -> None:
        if event == "open":
            path, _, flags = args
            if isinstance(flags, int) and flags & _WRITING and is_outside(path):
                send("write", path)
        elif event in _CHANGING:
            if any(is_outside(path) for path in args):
                send("write", args[0])
        elif event in _STARTING:
            send("process", args[0] if args and args[0] else event)
        elif event in _LOOKING_UP:
            send("network", args[0])
        elif event in _CONNECTING:
            send("network", args[1])

    sys.addaudithook(hook)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
