from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import REAL_DATA, child_environment, run

from mediwatch_training.dataset import open_dataset
from mediwatch_training.drift.document import normalise
from mediwatch_training.errors import (
    DataInvalid,
    InvalidInput,
    PredictionLogInvalid,
    PredictionLogNotFound,
    StepError,
)
from mediwatch_training.serving.prediction_log import PredictionLog


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("real")
    run("prepare", dataPath=str(REAL_DATA), outputDir=str(output))
    return output


@pytest.fixture(scope="module")
def test_split(real: Path) -> pd.DataFrame:
    """The test split of the real data in a random order, with the columns that a model reads."""
    dataset = open_dataset(str(real))
    features = [feature["name"] for feature in dataset.meta["features"]]
    return dataset.test_records[[*features]].sample(frac=1, random_state=1).reset_index(drop=True)


def logged(records: pd.DataFrame, start: float = 1.7e9, shift: float = 0) -> pd.DataFrame:
    """Records as the prediction log has them."""
    count = len(records)
    probabilities = np.clip(np.random.default_rng(0).beta(2, 8, count) + shift, 0, 1)
    head = {"event_id": [f"{start:.0f}-{n}" for n in range(count)], "ts": start + np.arange(count), "model_version": 1}
    tail = {"prob": probabilities, "pred": (probabilities > 0.2).astype(int)}
    return pd.DataFrame(head).assign(threshold=0.2).join(records.reset_index(drop=True)).assign(**tail)


def simple(rows: int, shift: float = 0, start: float = 1.7e9, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    ward = random.choice(["a", "b"], rows, p=[0.5, 0.5] if shift == 0 else [0.9, 0.1])
    records = pd.DataFrame({"age": random.normal(50 + 10 * shift, 10, rows), "ward": ward})
    return logged(records, start, shift / 10)


def check(folder: Path, *parts: pd.DataFrame, **values: object) -> dict:
    pd.concat(parts).to_csv(folder / "predictions.csv", index=False)
    return run("monitor", **{"log": str(folder / "predictions.csv"), "outputDir": str(folder / "out"), **values})


def by_name(result: dict) -> dict[str, dict]:
    return {column["name"]: column for column in result["document"]["columns"]}


def later(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(ts=frame["ts"] + 1e6, event_id="later-" + frame["event_id"])


@pytest.mark.parametrize("rows", [(400, 900), (1000, 5000)])
def test_the_halves_of_the_real_test_split_are_alike(test_split, tmp_path, rows):
    current, reference = rows
    result = check(tmp_path, logged(test_split), currentRows=current, referenceRows=reference)
    document = result["document"]
    assert document["datasetDrift"] is False and document["share"] < 0.2
    assert (document["current"]["rows"], document["reference"]["rows"]) == rows
    assert not any(by_name(result)[name]["drifted"] for name in ("prob", "pred"))


def test_emergencies_of_patients_over_80_are_another_population(test_split, tmp_path):
    old = test_split["age"].isin(["[80-90)", "[90-100)"]) & (test_split["admission_type_id"] == 1)
    result = check(tmp_path, logged(test_split[~old][:900]), later(logged(test_split[old][:400])), currentRows=400)
    columns = by_name(result)
    assert result["document"]["datasetDrift"] is True
    assert columns["age"]["drifted"] and columns["admission_type_id"]["drifted"]
    assert not {"event_id", "ts", "model_version", "threshold"} & columns.keys()


def test_the_training_data_are_a_reference_too(real, test_split, tmp_path):
    against = {"reference": "training", "datasetDir": str(real)}
    alike = check(tmp_path, logged(test_split[:1000]), **against)
    assert alike["document"]["datasetDrift"] is False
    assert alike["document"]["reference"] == {"source": "the training data", "rows": 5000, "from": None, "to": None}
    # All rows of the log are current ones then; the training data hold no predictions.
    assert alike["document"]["current"]["rows"] == 1000 and "prob" not in by_name(alike)
    old = test_split["age"].isin(["[80-90)", "[90-100)"]) & (test_split["admission_type_id"] == 1)
    shifted = check(tmp_path, logged(test_split[old]), **against)
    assert shifted["document"]["share"] > alike["document"]["share"] + 0.3


def test_a_data_set_without_records_says_what_to_do(sample_dataset, tmp_path):
    copy = tmp_path / "dataset"
    copy.mkdir()
    for path in sample_dataset.iterdir():
        if path.name != "fit_records.parquet":
            (copy / path.name).write_bytes(path.read_bytes())
    with pytest.raises(DataInvalid, match="prepare it again"):
        check(tmp_path, simple(200), reference="training", datasetDir=str(copy))


def test_report_and_document_are_written(tmp_path):
    result = check(tmp_path, simple(200), later(simple(200, shift=2)), currentRows=200)
    assert Path(result["html"]).read_text().lstrip().lower().startswith("<")
    assert json.loads((tmp_path / "out" / "drift.json").read_text()) == result["document"]
    again = normalise(json.loads(Path(result["json"]).read_text()))
    assert again["datasetDrift"] is result["document"]["datasetDrift"] is True
    assert result["document"]["driftedColumns"] == 2 and result["document"]["share"] == 1
    assert by_name(result)["prob"] == {**by_name(result)["prob"], "role": "prediction", "drifted": True}


@pytest.mark.parametrize(("rows", "current"), [(75, 37), (0, 0), (99, 49)])
def test_too_few_rows_are_told_and_nothing_is_compared(tmp_path, rows, current):
    result = check(tmp_path, simple(rows))
    document = result["document"]
    assert (document["current"]["rows"], document["minRows"], document["columns"]) == (current, 50, [])
    assert result["html"] is None and result["json"] is None and document["datasetDrift"] is None
    assert (tmp_path / "out" / "drift.json").exists()


def test_a_clock_that_was_wrong_once_does_not_empty_the_windows_by_hours(tmp_path):
    wrong = simple(1).assign(ts=4.1e9, event_id="wrong clock")
    result = check(tmp_path, simple(300), later(simple(300, shift=2)), wrong, currentHours=1, referenceHours=1000)
    # The row of the wrong clock is left out, and said to be.
    assert result["document"]["current"]["rows"] == 300
    assert result["document"]["reference"]["rows"] == 300
    assert result["document"]["datasetDrift"] is True
    assert result["document"]["leftOut"]


def test_the_same_rows_have_the_same_key_and_others_do_not(tmp_path):
    log = simple(300)
    key = check(tmp_path, log)["document"]["key"]
    assert check(tmp_path, log)["document"]["key"] == key
    assert check(tmp_path, log, driftShare=0.4)["document"]["key"] != key
    assert check(tmp_path, log, later(simple(1)))["document"]["key"] != key


def test_the_target_takes_part_once_enough_labels_are_known(tmp_path):
    log = pd.concat([simple(200), later(simple(200))])
    labels = pd.DataFrame({"event_id": log["event_id"], "readmitted": ([0, 1] * 100) + [1] * 200})
    labels.to_csv(tmp_path / "labels.csv", index=False)
    known = {"labels": str(tmp_path / "labels.csv"), "labelColumn": "readmitted", "currentRows": 200}
    target = by_name(check(tmp_path, log, **known))["readmitted"]
    assert target["role"] == "target" and target["drifted"] is True
    labels[:230].to_csv(tmp_path / "labels.csv", index=False)
    assert "readmitted" not in by_name(check(tmp_path, log, **known))
    assert by_name(check(tmp_path, log.assign(readmitted=0), **known))["readmitted"]["role"] == "target"


def test_columns_without_values_or_of_one_value_do_no_harm(tmp_path):
    first, second = simple(200), later(simple(200))
    for part in (first, second):
        part["constant"], part["none"], part["level"] = 1, None, "a"
    first["vanished"] = np.random.default_rng(1).normal(size=200)
    first["gone"] = "x"
    columns = by_name(check(tmp_path, first, second.assign(vanished=None, gone=None), currentRows=200))
    # What cannot drift would thin the share of what can.
    assert not {"none", "constant", "level"} & columns.keys()
    assert columns["vanished"]["drifted"] is True and columns["gone"]["drifted"] is True


def test_a_column_that_one_model_has_is_no_drift(tmp_path):
    simple(200).assign(old=1.0).to_csv(tmp_path / "predictions.1.csv", index=False)
    later(simple(200)).assign(new=2.0).to_csv(tmp_path / "predictions.csv", index=False)
    result = run("monitor", log=str(tmp_path), outputDir=str(tmp_path / "out"), currentRows=200)
    assert sorted(by_name(result)) == ["age", "pred", "prob", "ward"]
    assert result["document"]["current"]["source"] == "predictions.csv"


def test_columns_method_and_threshold_can_be_chosen(tmp_path):
    parts = simple(200), later(simple(200, shift=0.2, seed=3))
    chosen = by_name(check(tmp_path, *parts, columns=["age"], currentRows=200, method="psi", threshold=5.0))
    assert [name for name, column in chosen.items() if column["role"] == "feature"] == ["age"]
    assert (chosen["age"]["method"], chosen["age"]["threshold"], chosen["age"]["drifted"]) == ("psi", 5.0, False)
    # A method for numbers leaves categories to Evidently.
    mixed = by_name(check(tmp_path, *parts, currentRows=200, method="wasserstein", threshold=0.3))
    assert "wasserstein" in mixed["age"]["method"].lower() and "wasserstein" not in mixed["ward"]["method"]
    assert (mixed["age"]["threshold"], mixed["ward"]["threshold"]) == (0.3, 0.05)


@pytest.mark.parametrize(
    ("values", "error", "said"),
    [
        ({"method": "guess"}, InvalidInput, "There is no drift method 'guess'; Evidently's are"),
        ({"columns": ["age", "height"]}, PredictionLogInvalid, "no column 'height'"),
        ({"currentRows": 10}, InvalidInput, "can never hold minRows"),
        ({"reference": "training"}, InvalidInput, "datasetDir is required"),
        ({"labels": "/nowhere.csv"}, PredictionLogNotFound, "no file of labels /nowhere.csv"),
        ({"rows": 3}, InvalidInput, "unknown field 'rows'"),
        ({"outputDir": "/proc/nowhere"}, InvalidInput, "Nothing can be written to the folder /proc/nowhere"),
    ],
)
def test_what_cannot_be_compared_is_refused(tmp_path, values, error, said):
    with pytest.raises(StepError, match=said) as refusal:
        check(tmp_path, simple(200), **values)
    assert isinstance(refusal.value, error)


def test_a_log_without_features_is_refused(tmp_path):
    with pytest.raises(PredictionLogInvalid, match="No feature can be compared"):
        check(tmp_path, simple(200)[["event_id", "ts", "prob", "pred"]])


def test_the_command_makes_a_report_and_opens_no_connection(tmp_path):
    simple(200).to_csv(tmp_path / "predictions.csv", index=False)
    # Python runs this file of its path before anything else.
    (tmp_path / "sitecustomize.py").write_text(
        "import socket\n"
        "def refuse(*_):\n    raise SystemExit('a connection was opened')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
    )
    environment = child_environment()
    environment["PYTHONPATH"] += f":{tmp_path}"
    flags = ["--log", str(tmp_path / "*.csv"), "--out", str(tmp_path / "out"), "--columns", "age", "ward"]
    command = [sys.executable, "-m", "mediwatch_training", "monitor", *flags]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["document"]["tool"].startswith("evidently 0.7")
    assert "stage=comparing" in done.stderr


def test_importing_the_package_does_not_import_evidently():
    code = (
        "import sys, mediwatch_training.drift.monitor; sys.exit('evidently' in sys.modules or 'pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], env=child_environment(), check=False).returncode == 0


def test_rows_that_no_api_has_logged_hide_no_drift_and_are_counted(tmp_path):
    rows = pd.concat([simple(600), simple(300, shift=2, start=1.75e9)])
    lines = rows.to_csv(index=False).encode().splitlines(keepends=True)
    head = b"n,1750000000,1,0.2,"
    junk = [head + b"=cmd(),a,0.5,1\n", head + b'"50,a,0.5,1\n', b"\xff\xfe\n", b"4,5\n", head + b"\xe9,a,0.5,1\n"]
    junk.append(b"n,4102444800,1,0.2,50,a,0.5,1\n")
    for number, line in enumerate(junk):
        lines.insert(700 + 20 * number, line)
    lines.append(b'"torn')
    (tmp_path / "predictions.csv").write_bytes(b"".join(lines))
    log, out = str(tmp_path / "predictions.csv"), str(tmp_path / "out")
    document = run("monitor", log=log, outputDir=out, currentRows=300)["document"]
    assert document["current"]["rows"] == 300 and document["datasetDrift"] is True
    age = next(column for column in document["columns"] if column["name"] == "age")
    assert age["drifted"] and age["method"] != "chi-square"
    assert {found["code"]: found["rows"] for found in document["leftOut"]} == {
        **{"number": 1, "quote": 1, "bytes": 2, "cells": 1, "time": 1}
    }
    assert [at for found in document["leftOut"] for at in found["at"] if found["code"] == "number"] == [
        "predictions.csv:701"
    ]


def test_a_log_of_nothing_but_junk_is_too_few_rows(tmp_path):
    (tmp_path / "predictions.csv").write_bytes(b"event_id,ts,age\n" + b'"\xff,\n' * 500)
    document = run("monitor", log=str(tmp_path), outputDir=str(tmp_path / "out"))["document"]
    assert document["current"]["rows"] == 0 and sum(found["rows"] for found in document["leftOut"]) == 500
    assert all(len(found["at"]) <= 10 for found in document["leftOut"])


@pytest.mark.parametrize(("broken", "least", "most"), [(0, 0, 0), (40, 0.05, 0.15), (300, 0.45, 0.55)])
def test_the_share_of_the_newest_rows_that_was_left_out_is_said(tmp_path, broken, least, most):
    lines = pd.concat([simple(900), later(simple(300))]).to_csv(index=False).splitlines(keepends=True)
    for number in range(broken):
        lines.insert(len(lines) - 290 + number // 2, "torn\n")
    (tmp_path / "predictions.csv").write_text("".join(lines))
    document = run("monitor", log=str(tmp_path), outputDir=str(tmp_path / "out"), currentRows=300)["document"]
    assert least <= document.get("leftOutShare", 0) <= most


def test_rows_that_were_torn_behind_the_current_window_are_the_newest_ones(tmp_path):
    text = simple(900).to_csv(index=False)
    (tmp_path / "predictions.csv").write_text(text + "a\rb,c\n" * 1000)
    document = run("monitor", log=str(tmp_path), outputDir=str(tmp_path / "out"), currentRows=300)["document"]
    assert document["leftOutShare"] > 0.7


def test_labels_of_other_events_are_counted(tmp_path):
    (tmp_path / "labels.csv").write_text("event_id,label\nanother,1\n")
    document = check(tmp_path, simple(300), later(simple(300)), labels=str(tmp_path / "labels.csv"))["document"]
    assert document["labels"] == {"known": 0, "rows": 600}


def test_features_of_any_name_are_compared_and_numbers_of_rows_are_not(tmp_path):
    random = np.random.default_rng(2)
    names = {name: random.normal(size=600) for name in ("threshold", "ts", "prob", "label", "index", "row")}
    log = PredictionLog(tmp_path, [*names, "Unnamed: 0"])
    for n in range(600):
        log.append([[f"e{n}", 1.7e9 + n, "M", "1", 0.5, *(float(names[name][n]) for name in names), n, 0.1, 0]])
    document = run("monitor", log=str(tmp_path), outputDir=str(tmp_path / "out"), currentRows=300, columns=None)[
        "document"
    ]
    features = {column["name"] for column in document["columns"] if column["role"] == "feature"}
    assert features == {"feature.Unnamed: 0", *(f"feature.{name}" for name in names)}
    chosen = run("monitor", log=str(tmp_path), outputDir=str(tmp_path / "out"), columns=["ts"])["document"]
    assert [column["name"] for column in chosen["columns"] if column["role"] == "feature"] == ["feature.ts"]
    frame = simple(600).assign(
        **{"Unnamed: 0": range(600), "index": range(600), "day": ["2026-01-31", "2026-02-01"] * 300}
    )
    assert not {"Unnamed: 0", "index", "day"} & by_name(check(tmp_path, frame)).keys()


def test_kinds_that_people_have_chosen_count_in_a_comparison(tmp_path):
    frame = simple(600).assign(code=np.random.default_rng(0).integers(0, 3, 600), noise=np.arange(600) % 5)
    columns = by_name(check(tmp_path, frame, kinds={"code": "category", "noise": "drop"}))
    assert "noise" not in columns and columns["code"]["method"] != by_name(check(tmp_path, frame))["code"]["method"]


def test_predictions_of_another_model_are_not_compared(tmp_path):
    old, new = (simple(200, shift).assign(registered_model=name) for shift, name in ((0, "Mine"), (2, "Other")))
    document = check(tmp_path, old, later(new), registeredModel="Mine")["document"]
    assert document["datasetDrift"] is False and document["current"]["rows"] == 100
    assert "registered_model" not in {column["name"] for column in document["columns"]}
    none = check(tmp_path, old, later(new), registeredModel="Third")
    assert none["html"] is None and none["document"]["current"]["rows"] == 0
    theirs = {"model": "Mine"}
    log = pd.concat([old.drop(columns="registered_model").assign(**theirs), later(new)])
    names = {name: name for name in ("ts", "pred", "prob", "event_id", "model_version")}
    called = dict(zip(("time", "prediction", "probability", "eventId", "modelVersion"), names, strict=True))
    renamed = check(
        tmp_path,
        log.assign(model=log["model"].fillna("Other")).drop(columns="registered_model"),
        columnNames={**called, "registeredModel": "model"},
        registeredModel="Mine",
    )
    assert renamed["document"]["current"]["rows"] == 100


def test_columns_may_have_other_names(tmp_path):
    ours = {"time": "ts", "eventId": "event_id", "modelVersion": "model_version", "probability": "prob"}
    names = {
        "time": "created",
        "eventId": "id",
        "modelVersion": "release",
        "probability": "risk",
        "prediction": "class",
        "registeredModel": "registered_model",
    }
    theirs = {**{name: names[key] for key, name in ours.items()}, "pred": "class"}
    old, new = simple(100), simple(100, 1, 1.75e9)
    foreign = [part.rename(columns=theirs) for part in (new, old)]
    result = check(tmp_path, *foreign, columnNames=names)
    expected = check(tmp_path, new, old)
    # In the order of time, whatever the column is called.
    assert result["document"]["current"]["from"] == expected["document"]["current"]["from"] == 1.75e9
    assert {name: column["role"] for name, column in by_name(result).items() if column["role"] != "feature"} == {
        "risk": "prediction",
        "class": "prediction",
    }
    with pytest.raises(PredictionLogInvalid, match="columnNames"):
        check(tmp_path, *foreign, columnNames={**names, "time": "made"})


def test_a_feature_may_have_one_of_our_names(tmp_path):
    old, new = (simple(100, shift).rename(columns={"prob": "risk"}).assign(prob=1.0) for shift in (0, 1))
    new["prob"] = 2.0
    result = check(tmp_path, old, new, columnNames={"probability": "risk"})
    assert by_name(result)["feature.prob"]["role"] == "feature"
