"""The prediction log: one CSV file that drift checks read and several API processes may write."""

from __future__ import annotations

import csv
import io
import os
import threading
from pathlib import Path
from typing import Any

FILE_NAME = "predictions.csv"


class PredictionLog:
    """Appends predictions to ``predictions.csv`` in a directory.

    Each request is one write to a file opened for appending, so that lines of two processes never mix.

    Args:
        directory: Where the file is; made when first needed.
        features: The columns between the threshold and the probability.
    """

    def __init__(self, directory: str | Path, features: list[str]) -> None:
        self._path = Path(directory) / FILE_NAME
        self._header = ["event_id", "ts", "model_version", "threshold", *features, "prob", "pred"]
        self._lock = threading.Lock()

    def append(self, rows: list[list[Any]]) -> None:
        """Append rows that follow the header: ``event_id, ts, model_version, threshold, features…, prob, pred``.

        Raises:
            OSError: The file cannot be written.
        """
        with self._lock:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._rotate_other_header()
            self._create_with_header()
            self._write(_lines(rows))

    def _rotate_other_header(self) -> None:
        """Give a file with other columns (of another model) a numbered name, so that it stays readable."""
        try:
            with self._path.open(encoding="utf-8", newline="") as file:
                header = next(csv.reader(file), [])
        except FileNotFoundError:
            return
        if header == self._header:
            return
        number = 1
        while (rotated := self._path.with_name(f"predictions.{number}.csv")).exists():
            number += 1
        self._path.rename(rotated)

    def _create_with_header(self) -> None:
        if self._path.exists():
            return
        # Written aside and linked into place, so that of two processes one makes the file and no header is half there.
        fresh = self._path.with_name(f".predictions.{os.getpid()}.csv")
        fresh.write_bytes(_lines([self._header]))
        try:
            os.link(fresh, self._path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()

    def _write(self, content: bytes) -> None:
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(handle, content)
        finally:
            os.close(handle)


def _lines(rows: list[list[Any]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue().encode("utf-8")
