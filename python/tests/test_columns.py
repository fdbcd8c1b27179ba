"""A batch in columns is answered, refused and logged as the same records are."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from conftest import wait_until
from fastapi.testclient import TestClient
from sklearn.pipeline import Pipeline
from test_compiled import TOLERANCE, bikes, fitted

from mediwatch_training.models import FACTS, predict_records
from mediwatch_training.serving import api, guard
from mediwatch_training.serving.arrow import ARROW
from mediwatch_training.serving.model import describe
from mediwatch_training.serving.settings import Settings
from mediwatch_training.values import Unreadable, read_value

__all__ = ["bikes"]

SECRET = "of the gateway"
# So many values without a byte.
_NOTHING = pa.Array.from_buffers(pa.null(), 2**31 - 1, [None])


class Served:
    """The API with a model, in this process."""

    def __init__(self, pipeline: Pipeline, folder: Path) -> None:
        joblib.dump(pipeline, folder / "model.joblib")
        self.log = folder / "logs" / "predictions.csv"
        environment = {
            "MODEL_SOURCE": "local",
            "MODEL_PATH": str(folder / "model.joblib"),
            "PRED_LOG_DIR": str(self.log.parent),
            "API_CHECK_SECRET": SECRET,
        }
        app = api.create_app(Settings.from_environment(environment))
        self.client = TestClient(app, base_url="http://localhost")
        self.model = describe(pipeline, "1", None, None)
        self.pipeline = pipeline

    def ask(self, body: bytes | list[dict], **headers: str) -> Any:
        """Post records, or a stream."""
        content = body if isinstance(body, bytes) else json.dumps({"records": body}).encode()
        kind = ARROW if isinstance(body, bytes) else "application/json"
        return self.client.post("/predict", content=content, headers={"content-type": kind, **headers})

    def logged(self) -> list[list[str]]:
        """Return the rows of the log without their ids and times."""
        if not self.log.exists():
            return []
        with self.log.open(newline="") as file:
            return [row[2:] for row in csv.reader(file)][1:]


@pytest.fixture(scope="module", params=["codes", "dates"])
def served(request, bikes, sample_dataset, tmp_path_factory) -> Iterator[Served]:
    pipeline = fitted(sample_dataset if request.param == "codes" else bikes)
    served = Served(pipeline, tmp_path_factory.mktemp("served"))
    with served.client:
        wait_until(lambda: served.client.get("/health").json().get("compiled"), 30, "a compiled model")
        yield served


def records(served: Served, count: int) -> list[dict]:
    """Return values of the examples with some that are missing, were never seen, or are written otherwise."""
    choose = random.Random(5)
    found = []
    for _ in range(count):
        record = {}
        for feature in served.model.features:
            name, kind = feature["name"], feature["kind"]
            usual = choose.choice(getattr(served.pipeline, FACTS)["example"]).get(name)
            other: list[Any] = [None, "?", "", "N/A"]
            if kind == "numeric":
                other += [choose.randrange(100), "7", " 1,200 ", -0.5, 1e30]
            elif kind == "categorical":
                other += [f"never seen {choose.randrange(3)}", 'a "quoted", text\n', "428.0"]
            record[name] = choose.choice(other) if choose.random() < 0.2 else usual
        found.append(record)
    return found


def stream(table: pa.Table, rows: int | None = None, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, rows)
    return sink.getvalue().to_pybytes()


def in_columns(found: list[dict]) -> pa.Table:
    """Return records as columns: numbers as they are, all else as text, every other column of it as a dictionary."""
    columns = {}
    for number, name in enumerate(found[0]):
        values = [record[name] for record in found]
        if any(isinstance(value, str) for value in values):
            values = [value if value is None else str(value) for value in values]
        columns[name] = pa.array(values).dictionary_encode() if number % 2 else pa.array(values)
    return pa.table(columns)


def expected(served: Served, found: list[dict]) -> np.ndarray:
    """Return what the pipeline itself predicts of records, read value by value."""

    def read(value: Any, feature: Any) -> Any:
        try:
            return read_value(value, feature["kind"], feature.get("format"))
        except Unreadable:
            return None

    frame = pd.DataFrame(
        {f["name"]: [read(record[f["name"]], f) for record in found] for f in served.model.features}, dtype=object
    )
    return predict_records(served.pipeline, frame, "pipeline", "binary")


def test_records_and_columns_are_predicted_as_by_the_pipeline_and_logged_alike(served):
    found = records(served, 1300)
    before = len(served.logged())
    answers = [
        served.ask(found),
        served.ask(stream(in_columns(found))),
        # A dictionary of its own for each part.
        served.ask(stream(pa.concat_tables([in_columns(found[:700]), in_columns(found[700:])]), 500)),
    ]
    assert [answer.status_code for answer in answers] == [200] * 3
    for start in range(0, 1300, 100):
        answers.append(served.ask(found[start : start + 100]))
    first, *others = [answer.json() for answer in answers]
    probabilities = [prediction["prob"] for prediction in first["predictions"]]
    assert np.abs(np.array(probabilities) - expected(served, found)).max() <= TOLERANCE
    assert others[:2] == [first] * 2
    assert [one for answer in others[2:] for one in answer["predictions"]] == first["predictions"]
    assert first["warnings"]
    rows = served.logged()[before:]
    assert len(rows) == 4 * 1300
    assert rows[:1300] == rows[1300:2600] == rows[2600:3900] == rows[3900:]


def test_an_answer_is_a_stream_for_who_accepts_one(served):
    found = records(served, 3)
    plain = served.ask(found).json()
    answer = served.ask(found, accept=ARROW)
    assert answer.headers["content-type"] == ARROW
    table = pa.ipc.open_stream(answer.content).read_all()
    assert table.to_pylist() == plain.pop("predictions")
    assert json.loads(table.schema.metadata[b"mediwatch"]) == plain


def test_columns_of_a_deployment_check_are_not_logged(served):
    before = served.logged()
    found = stream(in_columns(records(served, 2)))
    assert served.ask(found, **{"x-mediwatch-verify": SECRET}).status_code == 200
    assert served.logged() == before


def test_other_columns_and_those_that_are_not_there_are_warnings_as_of_records(served):
    [record] = records(served, 1)
    name = served.model.features[0]["name"]
    del record[name]
    record["colour"] = "red"
    answers = [served.ask([record]).json(), served.ask(stream(in_columns([record]))).json()]
    assert answers[0] == answers[1] and "colour" in answers[0]["warnings"][0] and name in answers[0]["warnings"][1]
    odd = pa.table({"colour": [[1]], "size": pa.array([b"x" * 16], pa.uuid())})
    assert served.ask(stream(odd)).json()["predictions"] == served.ask([{}]).json()["predictions"]


def forged(indices: list[int], values: pa.Array) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(indices, pa.int32()), values, safe=False)


def refused() -> Iterator[tuple[str, bytes, int, str]]:
    """Yield bodies for features `note`, a category, and `size`, a number."""
    good = pa.table({"note": ["a", "b"], "size": [1.0, 2.0]})
    yield "garbage", b"garbage", 400, "not a valid Arrow"
    yield "empty", b"", 400, "not a valid Arrow"
    yield "JSON", b'{"records": [{}]}', 400, "not a valid Arrow"
    yield "cut", stream(good)[:-60], 400, "not a valid Arrow"
    yield "compressed", stream(good, compression="zstd"), 415, "compressed"
    yield "compressed dictionary", stream(in_columns(good.to_pylist()), compression="lz4"), 415, "compressed"
    parts = pa.table({"note": pa.chunked_array([forged([0], pa.array(["a"])), forged([1], pa.array(["a", "b"]))])})
    yield "delta", stream(parts, emit_dictionary_deltas=True), 415, "deltas"
    yield "no record", stream(good[:0]), 422, "at least one"
    yield "no column", stream(good.select([])), 422, "at least one"
    yield "many", stream(pa.table({"size": np.zeros(10_001)})), 413, "10000"
    yield "many of nothing", stream(pa.table({"note": _NOTHING})), 413, "10000"
    yield "many columns", stream(pa.table({f"c{n}": [1] for n in range(103)})), 422, "103 columns"
    twice = pa.table([[1.0], [2.0]], names=["size", "size"])
    yield "twice", stream(twice), 422, "same name"
    for kind, column in {
        "list": pa.array([[1.0]]),
        "bytes": pa.array([b"x"]),
        "uuid": pa.array([b"x" * 16], pa.uuid()),
        "view": pa.array(["x"], pa.string_view()),
        "timestamp": pa.array([0], pa.timestamp("s")),
    }.items():
        yield kind, stream(pa.table({"note": column})), 422, "The column note must be of text"
    yield "index", stream(pa.table({"note": forged([0, 7], pa.array(["a"]))})), 400, "not a valid Arrow"
    bad = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")])
    yield "UTF-8", stream(pa.table({"note": bad})), 400, "UTF8"
    before, offsets, after = stream(pa.table({"note": ["x" * 61]})).rpartition(b"\0\0\0\0\x3d\0\0\0")
    yield "offset", before + offsets[:-1] + b"\x40" + after, 400, "not a valid Arrow"
    long = pa.array(["x" * 4097])
    yield "long", stream(pa.table({"note": long})), 422, "records[0].note is longer"
    shared = forged([0] * 10_000, pa.array(["x" * 4096]))
    yield "one long text", stream(pa.table({"note": shared})), 413, "32 MiB"
    numbers = pa.array([None, "1", "1,500", "big", "big", "1"])
    yield "number", stream(pa.table({"size": numbers})), 422, "records[3].size must be a number"
    coded = forged([2, 1, 0], pa.array(["big", "2", "3", "unused"]))
    yield "coded number", stream(pa.table({"size": coded})), 422, "records[2].size must be a number"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    from test_guard import model_in

    folder = tmp_path_factory.mktemp("small")
    environment = {"MODEL_SOURCE": "local", "MODEL_PATH": model_in(folder), "PRED_LOG_DIR": str(folder / "logs")}
    app = api.create_app(Settings.from_environment(environment))
    with TestClient(app, base_url="http://localhost") as client:
        yield client


@pytest.mark.parametrize(("body", "status", "said"), [pytest.param(*one, id=name) for name, *one in refused()])
def test_a_stream_that_is_not_what_it_says_or_asks_too_much_is_refused_in_json(small, body, status, said):
    answer = small.post("/predict", content=body, headers={"content-type": ARROW, "accept": ARROW})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert said in answer.json()["error"]


def test_values_of_a_dictionary_that_no_record_has_cost_nothing_and_are_nobodys(small):
    found = []
    for note in (pa.array(["a"]), forged([1], pa.array(["x" * 5000, "a", "V99"])), pa.nulls(1), forged([9], _NOTHING)):
        body = stream(pa.table({"note": note, "size": [1]}))
        found.append(small.post("/predict", content=body, headers={"content-type": ARROW}).json())
    assert found[:2] == [found[0]] * 2 and found[2:] == [found[2]] * 2
    assert [len(answer["predictions"]) for answer in found] == [1] * 4 and not any("warnings" in one for one in found)


def test_without_pyarrow_columns_are_refused_and_answers_are_json(small, monkeypatch):
    monkeypatch.setattr(guard, "IS_READ", False)
    monkeypatch.setattr(api, "IS_READ", False)
    body = stream(pa.table({"note": ["a"], "size": [1.0]}))
    assert small.post("/predict", content=body, headers={"content-type": ARROW}).status_code == 415
    answer = small.post("/predict", json={"records": [{"note": "a", "size": 1}]}, headers={"accept": ARROW})
    assert answer.headers["content-type"] == "application/json" and len(answer.json()["predictions"]) == 1
