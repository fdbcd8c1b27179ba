"""JSON as the steps speak it: NaN and infinity become null, NumPy scalars become numbers."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast


def to_json(value: object) -> str:
    """Return `value` as one line of strict JSON.

    NaN and infinities are not JSON (`JSON.parse` rejects them), so they become null.
    """
    return json.dumps(_plain(value), allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def write_json(path: str | Path, value: object) -> None:
    """Write `value` to `path` atomically: readers see the old file or the whole new one."""
    write_bytes(path, to_json(value).encode("utf-8"))


def write_bytes(path: str | Path, content: bytes | memoryview) -> None:
    """Write `content` to `path` as `open_to_replace` does."""
    with open_to_replace(path) as file:
        file.write(content)


@contextmanager
def open_to_replace(path: str | Path) -> Generator[BinaryIO]:
    """Open what becomes the file `path` at the end, for this user alone: it may hold records of patients.

    Readers see the old file or the whole new one.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in cast("dict[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in cast("list[object]", value)]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    to_list = getattr(value, "tolist", None)
    if callable(to_list):
        # A scalar or an array of NumPy.
        return _plain(to_list())
    return str(value)
