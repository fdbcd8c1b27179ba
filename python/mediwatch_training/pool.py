"""The warm process: runs steps one at a time, a line of JSON in, lines of JSON out.

In:  ``{"id", "step", "input"}`` runs a step; ``{"warm": ["sklearn", …]}`` imports modules when there is time.
Out: ``{"ready": true, "pid"}`` once, then for each step ``{"id", "progress"}`` as often as it likes and exactly
one ``{"id", "result"}`` or ``{"id", "error": {type, message, retryable, field}}``.

The process ends at once when its input ends, even in the middle of a step: a parent that died leaves nothing.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import sys
import threading
from collections.abc import Callable, Mapping
from typing import cast

from .checks import is_object
from .errors import InvalidInput, StepError, log_to_stderr
from .jsonio import to_json
from .libraries import SKLEARN, import_ahead
from .steps import run_step

_log = logging.getLogger("mediwatch_training.pool")

Send = Callable[[Mapping[str, object]], None]


def main() -> None:
    """Serve steps until the input ends."""
    send = _take_over_stdout()
    log_to_stderr()
    requests: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_read, args=(requests,), daemon=True).start()
    send({"ready": True, "pid": os.getpid()})
    while True:
        _answer(requests.get(), send)


def _take_over_stdout() -> Send:
    """Keep stdout for the protocol and send to stderr whatever libraries print, also from C."""
    # What is no text, such as a file name in another encoding, is reported as the escape that JSON has for it.
    protocol = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace", newline="\n")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    lock = threading.Lock()

    def send(message: Mapping[str, object]) -> None:
        try:
            with lock:
                protocol.write(to_json(message) + "\n")
                protocol.flush()
        except (BrokenPipeError, ValueError):
            os._exit(0)

    return send


def _read(requests: queue.Queue[str]) -> None:
    # From the descriptor itself: the text layer of sys.stdin would hold lines back and its lock could outlive us.
    with os.fdopen(os.dup(0), "rb") as stream:
        for line in stream:
            if line.strip():
                requests.put(line.decode("utf-8", "replace"))
    os._exit(0)


def _answer(line: str, send: Send) -> None:
    request_id: object = None
    try:
        request = _parse(line)
        request_id = request.get("id")
        if "warm" in request:
            _warm(request["warm"])
            return
        result = run_step(
            str(request.get("step")),
            cast("Mapping[str, object]", request.get("input") or {}),
            lambda update: send({"id": request_id, "progress": update}),
        )
        send({"id": request_id, "result": result})
    except StepError as error:
        send({"id": request_id, "error": error.to_json()})


def _parse(line: str) -> dict[str, object]:
    try:
        request: object = json.loads(line)
    except ValueError as error:
        raise InvalidInput(f"This line is not JSON: {line.strip()[:200]}") from error
    if not is_object(request):
        raise InvalidInput(f"A request must be a JSON object: {line.strip()[:200]}")
    return request


def _warm(modules: object) -> None:
    for name in cast("list[object]", modules) if isinstance(modules, list) else []:
        for module in _WARM.get(str(name), (str(name),)):
            try:
                import_ahead(module)
            except ImportError as error:
                _log.warning("Cannot import %s ahead of time: %s", module, error)


# What the steps use of a library, which is what takes the time.
_WARM = {
    "sklearn": (*SKLEARN, "sklearn.metrics"),
    "mlflow": ("mlflow", "mlflow.sklearn"),
}


if __name__ == "__main__":
    main()
