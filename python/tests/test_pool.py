from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import PACKAGE_ROOT, child_environment


class Pool:
    """A warm process, as the orchestrator holds one."""

    def __init__(self, *command: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *(command or ("-m", "mediwatch_training.pool"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=child_environment(OMP_NUM_THREADS="1"),
        )

    def send(self, line: str | dict) -> None:
        text = line if isinstance(line, str) else json.dumps(line)
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def receive(self) -> dict:
        return json.loads(self.process.stdout.readline())

    def answer(self, line: str | dict) -> tuple[list[dict], dict]:
        """Send a request; return the progress messages and the message that ends it."""
        self.send(line)
        progress = []
        while "progress" in (message := self.receive()):
            progress.append(message)
        return progress, message

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(BrokenPipeError):
                stream.close()


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool()
    yield pool
    pool.close()


def test_it_says_that_it_is_ready_with_its_pid(pool):
    assert pool.receive() == {"ready": True, "pid": pool.process.pid}


def test_a_step_answers_progress_and_then_its_result(pool, sample_dataset):
    pool.receive()
    pool.send({"warm": ["sklearn", "optuna", "no_such_module"]})
    request = {"id": "a", "step": "trial", "input": {"datasetDir": str(sample_dataset), "params": {"max_iter": 5}}}
    progress, last = pool.answer(request)
    assert [message["id"] for message in progress] == ["a"]
    assert last["id"] == "a" and last["result"]["metrics"]["iterations"] == 5
    assert pool.answer({**request, "id": "b"})[1]["result"]["score"] == last["result"]["score"]


def test_errors_have_their_type_and_field_and_the_next_step_runs(pool, sample_dataset):
    pool.receive()
    _, last = pool.answer({"id": 1, "step": "trial", "input": {"datasetDir": "/nowhere"}})
    assert last["error"]["type"] == "DataNotFound" and last["error"]["retryable"] is False
    assert last["error"]["field"] == "datasetDir"
    wrong = {"datasetDir": str(sample_dataset), "params": {"colour": 1}}
    assert pool.answer({"id": 2, "step": "trial", "input": wrong})[1]["error"]["type"] == "InvalidInput"
    assert pool.answer({"id": 3, "step": "dance", "input": {}})[1]["error"]["type"] == "InvalidInput"
    assert pool.answer("not json")[1]["error"]["type"] == "InvalidInput"
    assert pool.answer("[]")[1]["error"]["type"] == "InvalidInput"
    assert pool.answer({"id": 4, "step": "suggest", "input": {"count": 1}})[1]["id"] == 4


def test_a_name_that_is_no_text_and_a_number_that_is_none_are_told_and_the_next_step_runs(pool):
    pool.receive()
    for number, input in enumerate([{"log": "/data/\udcff.csv", "outputDir": "/x"}, {"log": "/x", "minRows": 10**400}]):
        pool.send(json.dumps({"id": number, "step": "monitor", "input": input}))
        message = pool.receive()
        while "progress" in message:
            message = pool.receive()
        assert message["id"] == number and message["error"]["retryable"] is False


NOISY = """
    import os, sys, time
    sys.path.insert(0, {root!r})
    from mediwatch_training import pool, steps

    def noisy(values, progress):
        print("a library prints")
        os.system("echo a child prints")
        os.write(1, b"C code prints")
        progress({{"share": float("nan")}})
        if values.get("sleep"):
            time.sleep(60)
        if values.get("crash"):
            raise RuntimeError("out of luck")
        return {{"score": float("inf")}}

    steps.load_step = lambda name: noisy
    steps.check_input = lambda name, values: values
    pool.main()
"""


@pytest.fixture
def noisy(tmp_path: Path) -> Iterator[Pool]:
    script = tmp_path / "noisy.py"
    script.write_text(textwrap.dedent(NOISY.format(root=str(PACKAGE_ROOT))))
    pool = Pool(str(script))
    pool.receive()
    yield pool
    pool.close()


def test_prints_do_not_corrupt_the_protocol_and_nan_becomes_null(noisy):
    progress, last = noisy.answer({"id": "a", "step": "trial", "input": {}})
    assert progress == [{"id": "a", "progress": {"share": None}}]
    assert last == {"id": "a", "result": {"score": None}}


def test_a_crash_is_retryable_and_its_traceback_is_in_the_log(noisy):
    _, last = noisy.answer({"id": "a", "step": "trial", "input": {"crash": True}})
    assert last["error"]["type"] == "StepCrashed" and last["error"]["retryable"] is True
    assert last["error"]["message"].startswith("RuntimeError in ") and "luck" not in last["error"]["message"]
    noisy.process.stdin.close()
    assert b"Traceback" in noisy.process.stderr.read()


def test_it_exits_at_once_when_its_input_ends_in_the_middle_of_a_step(noisy):
    noisy.send({"id": "a", "step": "trial", "input": {"sleep": True}})
    assert "progress" in noisy.receive()
    started = time.monotonic()
    noisy.process.stdin.close()
    noisy.process.wait(5)
    assert time.monotonic() - started < 1
