"""Requests that wait together share a call of the model, and none suffers from another."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mediwatch_training.serving.batching import Batcher


class SlowModel:
    """Predicts the `p` of each record; the first call waits until it is let go."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.busy = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, records: list[dict[str, float]]) -> np.ndarray:
        self.calls.append(len(records))
        if len(self.calls) == 1:
            self.busy.set()
            assert self.go_on.wait(10)
        if any(record["p"] < 0 for record in records):
            raise ValueError("below zero")
        return np.array([record["p"] for record in records])


def ask_while_busy(model: SlowModel, batcher: Batcher, requests: list[list[dict[str, float]]]) -> list:
    """Ask all once the model works on a first request; give the futures."""
    with ThreadPoolExecutor(len(requests) + 1) as threads:
        first = threads.submit(batcher.predictions, [{"p": 0.5}])
        assert model.busy.wait(10)
        futures = [threads.submit(batcher.predictions, records) for records in requests]
        while len(batcher._waiting) < len(requests):
            pass
        model.go_on.set()
    assert first.result().tolist() == [0.5]
    return futures


def test_requests_that_wait_are_answered_by_one_call_each_with_its_own() -> None:
    model = SlowModel()
    requests = [[{"p": n / 10}, {"p": n / 20}] for n in range(8)]
    futures = ask_while_busy(model, Batcher(model), requests)
    assert [future.result().tolist() for future in futures] == [[n / 10, n / 20] for n in range(8)]
    assert model.calls == [1, 16]


def test_one_that_the_model_refuses_costs_the_others_nothing() -> None:
    model = SlowModel()
    futures = ask_while_busy(model, Batcher(model), [[{"p": 0.1}], [{"p": -1.0}], [{"p": 0.3}]])
    assert futures[0].result().tolist() == [0.1]
    with pytest.raises(ValueError, match="below zero"):
        futures[1].result()
    assert futures[2].result().tolist() == [0.3]


def test_a_call_takes_no_more_records_than_a_request_may_have() -> None:
    model = SlowModel()
    requests = [[{"p": 0.1}] * 6_000 for _ in range(3)]
    futures = ask_while_busy(model, Batcher(model), requests)
    assert all(len(future.result()) == 6_000 for future in futures)
    assert model.calls == [1, 6_000, 6_000, 6_000]
