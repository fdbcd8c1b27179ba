from __future__ import annotations

import csv
import errno
import multiprocessing
import os
import time
from pathlib import Path

import pytest

from mediwatch_training.drift.log import read_log
from mediwatch_training.serving.prediction_log import PredictionLog


def row(*features: str) -> list:
    return ["id", 1, "M", "1", 0.5, *features, 0.1, 0]


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_of_other_columns_gets_a_number(tmp_path):
    PredictionLog(tmp_path, ["a"]).append([row("x")])
    second = PredictionLog(tmp_path, ["a", "b"])
    second.append([row("x", "y")])
    second.append([row("x", "")])
    assert len(lines(tmp_path / "predictions.csv")) == 3
    assert len(lines(tmp_path / "predictions.1.csv")) == 2


def test_two_models_that_serve_at_once_have_a_file_each(tmp_path):
    old, new = PredictionLog(tmp_path, ["a"]), PredictionLog(tmp_path, ["a", "b"])
    for _ in range(50):
        old.append([row("x")])
        new.append([row("x", "y")])
    assert names(tmp_path) == ["predictions.1.csv", "predictions.csv"]
    assert [len(lines(tmp_path / name)) for name in names(tmp_path)] == [51, 51]


def test_the_model_that_goes_on_alone_gets_the_name_back(tmp_path):
    old, new = PredictionLog(tmp_path, ["a"]), PredictionLog(tmp_path, ["a", "b"])
    for log, features in ((old, ["x"]), (new, ["x", "y"]), (old, ["x"])):
        log.append([row(*features)])
    os.utime(tmp_path / "predictions.csv", (time.time() - 4000,) * 2)
    old.append([row("later")])
    assert lines(tmp_path / "predictions.csv")[1:] == ['"id",1,"M","1",0.5,"later",0.1,0']
    assert names(tmp_path) == ["predictions.1.csv", "predictions.2.csv", "predictions.csv"]


@pytest.mark.parametrize(
    "leave", [os.remove, lambda path: path.write_text(""), lambda path: path.rename(f"{path}.old")]
)
def test_a_file_that_somebody_took_away_is_made_anew(tmp_path, leave):
    log = PredictionLog(tmp_path, ["a"])
    log.append([row("before")])
    leave(tmp_path / "predictions.csv")
    log.append([row("after")])
    assert lines(tmp_path / "predictions.csv")[1:] == ['"id",1,"M","1",0.5,"after",0.1,0']


def write_many(folder: Path, features: list[str]) -> None:
    log = PredictionLog(folder, features)
    for _ in range(300):
        log.append([row(*features)])
        # A new process now and then, as after a crash.
        if os.urandom(1)[0] < 8:
            log = PredictionLog(folder, features)


def test_no_row_is_lost_or_under_the_header_of_another_model(tmp_path):
    models = [["a", "b"], ["b", "a"], ["a", "b"]]
    writers = [multiprocessing.get_context("spawn").Process(target=write_many, args=(tmp_path, one)) for one in models]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    count = 0
    for path in tmp_path.iterdir():
        with path.open(newline="") as file:
            for read in csv.DictReader(file):
                assert (read["a"], read["b"]) == ("a", "b")
                count += 1
    assert count == 900


def test_a_line_that_was_torn_costs_no_other_row(tmp_path):
    PredictionLog(tmp_path, ["a"]).append([row("x"), row("y")])
    with (tmp_path / "predictions.csv").open("a") as file:
        file.write('id,1,1,0.5,"to')
    PredictionLog(tmp_path, ["a"]).append([row("z")])
    log = read_log(str(tmp_path), 10)
    assert (list(log.frame["a"]), [row.code for row in log.left_out]) == (["x", "y", "z"], ["cells"])


def test_a_full_disk_is_told_and_leaves_no_half_of_a_row(tmp_path, monkeypatch):
    log = PredictionLog(tmp_path, ["a"])
    log.append([row("before")])
    write = os.write
    monkeypatch.setattr(os, "write", lambda handle, content: write(handle, content[: len(content) // 2]))
    with pytest.raises(OSError) as caught:
        log.append([row("lost"), row("lost")])
    assert caught.value.errno == errno.ENOSPC
    monkeypatch.undo()
    log.append([row("after")])
    frame = read_log(str(tmp_path), 10).frame
    assert list(frame["a"]) == ["before", "after"]


def test_a_full_file_is_closed_and_the_oldest_go(tmp_path):
    log = PredictionLog(tmp_path, ["a"], max_bytes=80_000)
    for number in range(400):
        log.append([[f"e{number}", 1.7e9 + number, "M", "1", 0.5, "x" * 500, 0.1, 0]])
        size = sum(path.stat().st_size for path in tmp_path.iterdir())
        assert size <= 80_000 + 600
    assert len(names(tmp_path)) in (7, 8)
    read = read_log(str(tmp_path), 1000).frame
    # The newest rows are all there, across files, for a window to be read of them.
    assert list(read["event_id"]) == [f"e{number}" for number in range(400 - len(read), 400)] and len(read) > 100


def test_processes_that_share_a_full_log_lose_no_row(tmp_path):
    one, other = (PredictionLog(tmp_path, ["a"], max_bytes=800_000) for _ in range(2))
    for number in range(300):
        for log, who in ((one, "one"), (other, "other")):
            log.append([[f"{who}{number}", 1.7e9 + number, "M", "1", 0.5, "x" * 1000, 0.1, 0]])
    assert len(read_log(str(tmp_path), 1000).frame) == 600 and len(names(tmp_path)) > 5


HARD = ["a\rb", "a\r\nb", "a\nb", 'say "hi"', "a,b;c\td|e", "'=1+1", "\r", '"', "plain", "NA", ""]


def test_any_text_is_read_as_it_was_logged(tmp_path):
    log = PredictionLog(tmp_path, ["note", "size"])
    for number in range(100):
        log.append(
            [[f"e{number}-{at}", 1.7e9 + number, "M", "1", 0.5, text, at, 0.1, 0] for at, text in enumerate(HARD)]
        )
    expected = [None if text in ("NA", "") else text for text in HARD] * 100
    for wanted in (2000, 300):
        read = read_log(str(tmp_path), wanted)
        assert read.left_out == [] and list(read.frame["note"]) == expected[-len(read.frame) :]
    # A line that is broken costs no other one, whatever the texts around it hold.
    with (tmp_path / "predictions.csv").open("ab") as file:
        file.write(b"torn\n")
    log.append([["last", 1.7e9 + 200, "M", "1", 0.5, "a\rb", 1, 0.1, 0]])
    read = read_log(str(tmp_path), 2000)
    assert [row.code for row in read.left_out] == ["cells"] and list(read.frame["note"]) == [*expected, "a\rb"]


def test_a_feature_may_be_called_as_what_the_log_holds_besides(tmp_path):
    features = [
        "threshold",
        "ts",
        "prob",
        "pred",
        "event_id",
        "model_version",
        "registered_model",
        "label",
        "index",
        "row",
        "feature.x",
        "",
    ]
    values = [*range(len(features))]
    log = PredictionLog(tmp_path, [*features, "size"])
    log.append([[f"e{number}", 1.7e9 + number, "M", "7", 0.5, *values, 99, 0.25, 1] for number in range(3)])
    frame = read_log(str(tmp_path), 10).frame
    assert list(frame["event_id"]) == ["e0", "e1", "e2"] and set(frame["model_version"]) == {7}
    assert [set(frame[f"feature.{name}"]) for name in features] == [{value} for value in values]
    assert set(frame["size"]) == {99} and set(frame["prob"]) == {0.25} and set(frame["pred"]) == {1}


def test_rows_that_were_logged_without_a_model_are_read_along(tmp_path):
    header = "event_id,ts,model_version,threshold,a,prob,pred\n"
    (tmp_path / "predictions.csv").write_text(header + "id,1,1,0.5,old,0.1,0\n")
    PredictionLog(tmp_path, ["a"]).append([row("new")])
    assert names(tmp_path) == ["predictions.1.csv", "predictions.csv"]
    for model, read in ((None, ["old", "new"]), ("M", ["old", "new"]), ("Other", ["old"])):
        assert list(read_log(str(tmp_path), 10, model=model).frame["a"]) == read


def test_as_many_rows_of_one_model_are_read_as_are_needed(tmp_path):
    log = PredictionLog(tmp_path, ["a"])
    for number in range(400):
        log.append([[f"e{number}", number, "M" if number % 20 == 0 else "Other", "1", 0.5, "x" * 40, 0.1, 0]])
    frame = read_log(str(tmp_path), 15, model="M").frame
    assert len(frame) >= 15 and set(frame["registered_model"]) == {"M"}
    assert len(read_log(str(tmp_path), 15, model="None").frame) == 0
