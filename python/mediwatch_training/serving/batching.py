"""Requests that wait for the model together are answered by one call of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from ..shapes import Predicted, Record

Records: TypeAlias = "list[Record]"

_MAX_RECORDS = 10_000


class Batcher:
    """Predicts for several threads at once.

    A call of a scikit-learn pipeline costs about as much for thirty records as for one (40 ms, nearly all of it Python
    that holds the interpreter's lock), so requests that came while the model was busy share the next call.

    Args:
        predict: Returns what is predicted, a row a record; a record's does not depend on the others.
    """

    def __init__(self, predict: Callable[[Records], Predicted]) -> None:
        self._predict = predict
        self._waiting: list[_Request] = []
        self._queue = threading.Lock()
        self._model = threading.Lock()

    def predictions(self, records: Records) -> Predicted:
        """Return what is predicted for each record; raises what the model raises for these records."""
        request = _Request(records)
        with self._queue:
            self._waiting.append(request)
        with self._model:
            # Whoever gets the model answers for all that wait, itself among them unless another one already did.
            while not request.done:
                self._answer(self._take())
        if request.error is not None:
            raise request.error
        assert request.result is not None
        return request.result

    def _take(self) -> list[_Request]:
        with self._queue:
            rows, count = 0, 0
            for request in self._waiting:
                rows += len(request.records)
                if count and rows > _MAX_RECORDS:
                    break
                count += 1
            taken, self._waiting = self._waiting[:count], self._waiting[count:]
            return taken

    def _answer(self, requests: list[_Request]) -> None:
        try:
            values = self._predict([record for request in requests for record in request.records])
        except Exception as error:  # whatever a model raises
            if len(requests) == 1:
                requests[0].finish(None, error)
                return
            # The records of one must not cost the others their answer.
            for request in requests:
                self._answer([request])
            return
        start = 0
        for request in requests:
            end = start + len(request.records)
            request.finish(values[start:end], None)
            start = end


class _Request:
    def __init__(self, records: Records) -> None:
        self.records = records
        self.done = False
        self.result: Predicted | None = None
        self.error: Exception | None = None

    def finish(self, result: Predicted | None, error: Exception | None) -> None:
        self.result, self.error, self.done = result, error, True
