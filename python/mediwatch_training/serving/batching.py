"""Requests that wait for the model together are answered together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue

# A call takes no more waiting requests than these; one larger one is a call of its own.
_MAX_REQUESTS = 256
_MAX_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Asked:
    """A request.

    Attributes:
        body: As it was sent.
        verify: Whether it is of a deployment check, which is not logged.
        in_columns: Whether it is an Arrow stream, and not JSON.
        as_columns: Whether its answer is to be one.
    """

    body: bytes
    verify: bool
    in_columns: bool = False
    as_columns: bool = False


class Batcher:
    """Answers requests in a thread of its own.

    Most of what a request costs is Python that is called once, however many records there are, so requests that came
    while the model was busy share the next call. In a thread, neither a large request nor a slow disk keeps the others
    from being accepted.

    Args:
        answer: Returns the answer of each request, or the error to raise for it; raises nothing.
    """

    def __init__(self, answer: Callable[[list[Asked]], list[bytes | Exception]]) -> None:
        self._answer = answer
        self._waiting: SimpleQueue[tuple[Asked, asyncio.Future[bytes]]] = SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    async def answer(self, asked: Asked) -> bytes:
        """Return the answer to a request, or raise the error that it deserves."""
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.put((asked, future))
        return await future

    def _work(self) -> None:
        while True:
            taken = self._take()
            answers = self._answer([asked for asked, _ in taken])
            futures = [future for _, future in taken]
            futures[0].get_loop().call_soon_threadsafe(_settle, futures, answers)

    def _take(self) -> list[tuple[Asked, asyncio.Future[bytes]]]:
        taken = [self._waiting.get()]
        size = len(taken[0][0].body)
        while len(taken) < _MAX_REQUESTS and size < _MAX_BYTES:
            try:
                taken.append(self._waiting.get_nowait())
            except Empty:
                break
            size += len(taken[-1][0].body)
        return taken


def _settle(futures: list[asyncio.Future[bytes]], answers: list[bytes | Exception]) -> None:
    for future, answer in zip(futures, answers, strict=True):
        if future.done():
            # Its client has gone.
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
