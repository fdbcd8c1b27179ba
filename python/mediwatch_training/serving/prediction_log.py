"""The prediction log: CSV files that drift checks read and several API processes may write."""

from __future__ import annotations

import csv
import errno
import fcntl
import io
import os
import threading
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..names import ABOUT, logged_as
from ..training.coded import objects
from .coded import Coded
from .records import READ_AT_A_TIME

if TYPE_CHECKING:
    from ..shapes import Ints, Value

FILE_NAME = "predictions.csv"
# Other processes hold the lock for a few calls; one that was stopped while it had it must not stop us (s).
_LOCK_LIMIT = 2.0
# A file of other columns in which nothing was written for so long is of a model that no longer serves (s).
_QUIET = 3600.0
# What is read of the end of a file to find its last line (bytes).
_LONGEST_LINE = 2**20
# A full file is closed: with so many of them the oldest can go without taking much of what is still compared.
_FILES = 8
# Texts of several cells are made where each is of so many rows.
_ROWS_A_TEXT = 16


class PredictionLog:
    """Appends predictions to ``predictions.csv`` in a directory.

    Each request is one write to a file opened for appending, so that lines of two processes never mix. A file has one
    header: one of another model is renamed ``predictions.<n>.csv``, once, and a process that still serves that model
    goes on in it, so that while two models with different features serve, each has one file. A full one is renamed
    likewise, and the oldest of those are removed, so that whoever sends predictions cannot fill the disk.

    Args:
        directory: Where the files are; made when first needed.
        features: What the columns between the threshold and what is predicted hold.
        max_bytes: How large all files may be.
        predicted: The columns of what is predicted.
    """

    def __init__(
        self,
        directory: str | Path,
        features: list[str],
        max_bytes: int = 2**30,
        predicted: Sequence[str] = ("prob", "pred"),
    ) -> None:
        self._path = Path(directory) / FILE_NAME
        self._header = [*ABOUT, *map(logged_as, features), *predicted]
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        #: The file that this process writes; it keeps being this one when somebody renames it.
        self._handle: int | None = None

    def append(self, rows: Iterable[Sequence[Value]]) -> None:
        """Append rows that follow the header: `names.ABOUT`, the features, what is predicted.

        Raises:
            OSError: The file cannot be written; nothing of these rows is in it then.
        """
        self._append(_lines(rows))

    def append_columns(self, columns: Sequence[list[Value] | Coded]) -> None:
        """Append the rows of columns that follow the header, as `append` does."""
        few = len(columns[0]) <= READ_AT_A_TIME
        self._append(_lines(zip(*columns, strict=True)) if few else _lines_of_many(columns))

    def _append(self, lines: bytes) -> None:
        with self._lock:
            if not self._is_ours():
                self._open()
            self._write(lines)

    def _is_ours(self) -> bool:
        """Tell whether to go on in the file that is open."""
        if self._handle is None:
            return False
        ours = os.fstat(self._handle)
        if ours.st_size == 0 or ours.st_size >= self._max_bytes / _FILES:
            # Somebody has emptied it, or it is full.
            return False
        try:
            named = self._path.stat()
        except FileNotFoundError:
            return False
        if os.path.samestat(ours, named):
            return True
        # It was renamed. By another model's process: then it stays ours until that one has fallen silent.
        return (
            ours.st_nlink > 0 and time.time() - named.st_mtime < _QUIET and self._header_of(self._path) != self._header
        )

    def _open(self) -> None:
        """Open ``predictions.csv``, after giving one of another model its number."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(self._path.parent):
            header = self._header_of(self._path)
            if header and (header != self._header or self._path.stat().st_size >= self._max_bytes / _FILES):
                self._path.rename(self._free_name())
                self._remove_oldest()
                header = None
            if header != self._header:
                self._create_with_header()
            handle = os.open(self._path, os.O_RDWR | os.O_APPEND)
            _end_torn_line(handle)
        if self._handle is not None:
            os.close(self._handle)
        self._handle = handle

    def _free_name(self) -> Path:
        numbers = [path.name.split(".")[1] for path in self._path.parent.glob("predictions.*")]
        taken = [int(number) for number in numbers if number.isdigit()]
        return self._path.with_name(f"predictions.{max(taken, default=0) + 1}.csv")

    def _remove_oldest(self) -> None:
        """Remove closed files, those that were written first, until there is room for another one."""
        closed = [path for path in self._path.parent.glob("predictions.*.csv") if path.name.split(".")[1].isdigit()]
        sizes = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in closed}
        excess = sum(size for _, size in sizes.values()) - self._max_bytes * (_FILES - 1) / _FILES
        for path, (_, size) in sorted(sizes.items(), key=lambda item: item[1]):
            if excess <= 0:
                return
            path.unlink(missing_ok=True)
            excess -= size

    @staticmethod
    def _header_of(path: Path) -> list[str] | None:
        try:
            with path.open(encoding="utf-8", errors="replace", newline="") as file:
                return next(csv.reader(file), [])
        except FileNotFoundError:
            return None

    def _create_with_header(self) -> None:
        # Written aside and put in place, so that no header is half there.
        fresh = self._path.with_name(f".predictions.{os.getpid()}.csv")
        fresh.write_bytes(_lines([self._header]))
        fresh.replace(self._path)

    def _write(self, content: bytes) -> None:
        assert self._handle is not None
        written = os.write(self._handle, content)
        if written == len(content):
            return
        # The disk is full. What follows must not be joined to half of a line.
        end = os.lseek(self._handle, 0, os.SEEK_CUR)
        if os.fstat(self._handle).st_size == end:
            os.ftruncate(self._handle, end - written)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _end_torn_line(handle: int) -> None:
    """End the last line if whoever wrote it was killed, or had no space, in the middle of it."""
    size = os.fstat(handle).st_size
    start = max(0, size - _LONGEST_LINE)
    torn = os.pread(handle, size - start, start).rpartition(b"\n")[2]
    if torn:
        # A quote that is open would swallow the lines that follow.
        os.write(handle, b'"\n' if torn.count(b'"') % 2 else b"\n")


@contextmanager
def _locked(directory: Path) -> Generator[None]:
    """Hold the directory's lock, or go on without it where there is none or somebody does not give it back."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        until = time.monotonic() + _LOCK_LIMIT
        with suppress(OSError):
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > until:
                        break
                    time.sleep(0.01)
        yield
    finally:
        os.close(handle)


def _lines(rows: Iterable[Sequence[Value]]) -> bytes:
    buffer = io.StringIO()
    # Every text in quotes: before 3.11.9, Python leaves a carriage return without, which ends the row for a reader.
    csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC).writerows(rows)
    return buffer.getvalue().encode("utf-8")


def _lines_of_many(columns: Sequence[list[Value] | Coded]) -> bytes:
    """Return what `_lines` does of the rows of columns; cells are written once for each value, or few together."""
    rows = len(columns[0])
    parts: list[tuple[list[str], Ints]] = []
    for column in columns:
        coded = column if isinstance(column, Coded) else Coded(column, np.arange(rows))
        cells, codes = list(map(_cell, coded.values)), coded.codes
        if parts and len(parts[-1][0]) * len(cells) <= rows // _ROWS_A_TEXT:
            before, numbers = parts.pop()
            codes = numbers * len(cells) + codes
            cells = [f"{one},{other}" for one in before for other in cells]
        parts.append((cells, codes))
    table = np.empty((rows, len(parts)), dtype=object)
    for n, (texts, codes) in enumerate(parts):
        table[:, n] = objects(texts)[codes]
    return "\n".join([*map(",".join, table.tolist()), ""]).encode()


def _cell(value: Value) -> str:
    """Return what `csv.QUOTE_NONNUMERIC` writes."""
    if value is None or isinstance(value, str):
        return '"' + (value or "").replace('"', '""') + '"'
    return str(value)
