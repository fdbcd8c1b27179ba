"""Requests that wait together share a call, and none suffers from another."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path

import numpy as np
import pytest

from mediwatch_training.serving.api import Service
from mediwatch_training.serving.batching import Asked, Batcher
from mediwatch_training.serving.model import ServedModel
from mediwatch_training.serving.records import BadRequest, RecordReader
from mediwatch_training.serving.settings import Settings

FEATURES = [{"name": "p", "kind": "numeric"}, {"name": "ward", "kind": "categorical"}]


class SlowModel:
    """Predicts the `p` of each record; the first call waits until it is let go."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.busy = threading.Event()
        self.go_on = threading.Event()

    def predictions(self, columns: dict[str, list[float]]) -> np.ndarray:
        self.calls.append(len(columns["p"]))
        if len(self.calls) == 1:
            self.busy.set()
            assert self.go_on.wait(10)
        if min(columns["p"]) < 0:
            raise ValueError("below zero")
        return np.array(columns["p"])


def asked(*numbers: object, verify: bool = False, **more: object) -> Asked:
    return Asked(json.dumps({"records": [{"p": p, "ward": "A", **more} for p in numbers]}).encode(), verify)


def answers_while_busy(model: SlowModel, folder: Path, requests: list[Asked]) -> list[dict | Exception]:
    """Ask all once the model works on a first request."""
    service = Service(Settings.from_environment({"PRED_LOG_DIR": str(folder)}))
    reader = RecordReader(FEATURES, {"ward": ["A"]})
    served = ServedModel(model, "1", None, None, "binary", [], 0.5, FEATURES, None, reader)
    service.serve(served)
    object.__setattr__(served, "predictions", model.predictions)

    async def ask() -> list[bytes | BaseException]:
        first = asyncio.create_task(service.predict(asked(0.5)))
        await asyncio.to_thread(model.busy.wait, 10)
        others = [asyncio.create_task(service.predict(one)) for one in requests]
        await asyncio.sleep(0)
        model.go_on.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    first, *others = asyncio.run(ask())
    assert not isinstance(first, BaseException)
    return [one if isinstance(one, BaseException) else json.loads(one) for one in others]


def probabilities(answer: dict | Exception) -> list[float]:
    assert isinstance(answer, dict)
    return [one["prob"] for one in answer["predictions"]]


def test_requests_that_wait_are_answered_by_one_call_each_with_its_own(tmp_path) -> None:
    model = SlowModel()
    answers = answers_while_busy(model, tmp_path, [asked(n / 10, n / 20) for n in range(8)])
    assert [probabilities(answer) for answer in answers] == [[n / 10, n / 20] for n in range(8)]
    assert model.calls == [1, 16]
    assert len((tmp_path / "predictions.csv").read_text().splitlines()) == 1 + 1 + 16


def test_one_that_the_model_refuses_costs_the_others_nothing(tmp_path) -> None:
    answers = answers_while_busy(SlowModel(), tmp_path, [asked(0.1), asked(-1.0), asked("soon"), asked(0.3)])
    assert probabilities(answers[0]) == [0.1] and probabilities(answers[3]) == [0.3]
    assert isinstance(answers[1], ValueError) and isinstance(answers[2], BadRequest)
    assert "records[0].p must be a number" in str(answers[2])


def test_a_warning_is_for_the_request_that_it_is_about(tmp_path) -> None:
    answers = answers_while_busy(SlowModel(), tmp_path, [asked(0.1), asked(0.2, colour="red"), asked(0.3, ward="Z")])
    assert [answer.get("warnings", []) for answer in answers if isinstance(answer, dict)] == [
        [],
        ["ignored fields that the model does not read: colour"],
        ["treated values that the model has not seen in training as unknown: ward"],
    ]


def test_checks_among_them_are_not_logged(tmp_path) -> None:
    answers_while_busy(SlowModel(), tmp_path, [asked(0.1), asked(0.2, verify=True), asked(0.3)])
    assert len((tmp_path / "predictions.csv").read_text().splitlines()) == 1 + 3


def test_a_large_request_is_a_call_of_its_own(tmp_path) -> None:
    model, large = SlowModel(), asked(*[0.1] * 5)
    requests = [Asked(large.body + b" " * 2**20, False), asked(0.2), asked(0.3)]
    answers = answers_while_busy(model, tmp_path, requests)
    assert [probabilities(answer) for answer in answers] == [[0.1] * 5, [0.2], [0.3]]
    assert model.calls == [1, 5, 2]


@pytest.mark.parametrize("count", [1, 3])
def test_clients_that_are_gone_cost_the_others_nothing(count) -> None:
    go_on = threading.Event()

    def answer(requests: list[Asked]) -> list[bytes | Exception]:
        assert go_on.wait(10)
        return [one.body for one in requests]

    async def ask() -> list[bytes]:
        batcher = Batcher(answer)
        gone = [asyncio.create_task(batcher.answer(Asked(b"gone", False))) for _ in range(count)]
        there = asyncio.create_task(batcher.answer(Asked(b"there", False)))
        await asyncio.sleep(0)
        for task in gone:
            task.cancel()
        await asyncio.sleep(0)
        go_on.set()
        return [await there]

    assert asyncio.run(ask()) == [b"there"]
