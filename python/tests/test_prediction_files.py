from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mediwatch_training.drift.csv_tail import read_tail
from mediwatch_training.drift.log import LeftOut, read_log
from mediwatch_training.errors import PredictionLogInvalid, PredictionLogNotFound
from mediwatch_training.serving.prediction_log import PredictionLog


def rows(start: int, count: int, **values: list) -> pd.DataFrame:
    ids = range(start, start + count)
    frame = {"event_id": [f"e{n}" for n in ids], "ts": [1.7e9 + n for n in ids], "age": [float(n) for n in ids]}
    return pd.DataFrame({**frame, "prob": 0.5, "pred": 1, **values})


def events(log: Path | str, wanted: int = 10_000) -> list[str]:
    return list(read_log(str(log), wanted).frame["event_id"])


def named(*numbers: int) -> list[str]:
    return [f"e{number}" for number in numbers]


def test_a_log_that_the_api_writes_is_read_while_it_is_written(tmp_path):
    log = PredictionLog(tmp_path, ["age", "note"])
    for number in range(30):
        log.append([[f"e{number}", 1.7e9 + number, "M", "1", 0.2, number, 'a "quoted",\nnote', 0.5, 1]])
        read = read_log(str(tmp_path), 100)
        assert list(read.frame["event_id"]) == named(*range(number + 1)) and read.left_out == []
    assert read.frame["note"][0] == 'a "quoted",\nnote' and read.frame["age"].dtype == float


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_a_torn_last_line_is_left_out(tmp_path, cut):
    text = rows(0, 3).to_csv(index=False)
    (tmp_path / "p.csv").write_text(text[:-cut])
    # Wherever it was torn, what is read is whole.
    read = read_log(str(tmp_path / "p.csv"), 10).frame
    assert len(read) < 3 and read["pred"].notna().all()


def test_a_torn_line_in_the_middle_is_left_out_and_counted(tmp_path):
    lines = rows(0, 4).to_csv(index=False).splitlines()
    lines[2] = lines[2][:12] + lines[3]
    (tmp_path / "p.csv").write_text("\n".join([*lines, ""]))
    read = read_log(str(tmp_path), 10)
    assert read.left_out == [LeftOut("cells", "p.csv:3")] and list(read.frame["event_id"]) == named(0, 2, 3)


def test_an_empty_file_and_one_of_a_header_alone_have_no_rows(tmp_path):
    (tmp_path / "a.csv").write_text("")
    assert len(read_log(str(tmp_path), 10).frame) == 0
    (tmp_path / "b.csv").write_text("event_id,ts,age\n")
    assert len(read_log(str(tmp_path), 10).frame) == 0


def test_rotated_files_with_other_columns_are_one_log(tmp_path):
    rows(0, 3, old=["x"] * 3).to_csv(tmp_path / "predictions.1.csv", index=False)
    rows(3, 3, new=[1.5] * 3).to_csv(tmp_path / "predictions.csv", index=False)
    read = read_log(str(tmp_path), 10)
    assert list(read.frame["event_id"]) == named(*range(6))
    assert read.frame["old"].notna().sum() == 3 and read.frame["new"].notna().sum() == 3
    assert ["old" in columns for columns in read.columns].count(True) == 1


def test_a_folder_a_glob_and_a_file_of_either_format_are_logs(tmp_path):
    rows(0, 2).to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(rows(2, 2).to_csv(index=False).encode()))
    rows(4, 2).to_parquet(tmp_path / "c.parquet")
    (tmp_path / ".hidden.csv").write_text("event_id\nx\n")
    (tmp_path / "notes.txt").write_text("not a log")
    assert events(tmp_path) == named(*range(6))
    assert events(tmp_path / "*.csv*") == named(0, 1, 2, 3)
    assert events(tmp_path / "c.parquet") == named(4, 5)


def test_whole_numbers_are_the_same_category_in_either_format(tmp_path):
    rows(0, 2, ward=["7", "x"]).to_csv(tmp_path / "a.csv", index=False)
    rows(2, 2, ward=[7.0, 8.0]).to_parquet(tmp_path / "b.parquet")
    assert list(read_log(str(tmp_path), 10).frame["ward"]) == ["7", "x", "7", "8"]


def test_rows_are_in_order_of_time_and_those_without_one_stay_where_they_were(tmp_path):
    frame = rows(0, 5)
    frame["ts"] = [30, 10, None, 20, 40]
    frame.to_csv(tmp_path / "p.csv", index=False)
    assert events(tmp_path) == named(1, 2, 3, 0, 4)
    frame.drop(columns="ts").to_csv(tmp_path / "p.csv", index=False)
    assert events(tmp_path) == named(*range(5))


def test_times_may_be_seconds_milliseconds_or_dates(tmp_path):
    frame = rows(0, 4)
    frame["ts"] = ["1700000000.5", "1700000001500", "2023-11-14T22:13:22.5Z", "2023-11-14 22:13:23.5"]
    frame.to_csv(tmp_path / "p.csv", index=False)
    assert list(read_log(str(tmp_path), 10).times) == [1700000000.5 + n for n in range(4)]


def test_a_time_that_is_far_ahead_leaves_its_row_out(tmp_path):
    frame = rows(0, 4)
    frame["ts"] = ["1700000000", "4102444800", "inf", "9999-12-31T00:00:00Z"]
    frame.to_csv(tmp_path / "p.csv", index=False)
    log = read_log(str(tmp_path), 10, hours=24)
    assert list(log.frame["event_id"]) == named(0) and log.times.notna().all()
    assert log.left_out == [LeftOut("time", f"p.csv:{line}") for line in (3, 4, 5)]


def test_the_same_row_twice_is_one_and_other_rows_of_an_event_are_not(tmp_path):
    rows(0, 3).to_csv(tmp_path / "a.csv", index=False)
    rows(0, 3).to_csv(tmp_path / "copy.csv", index=False)
    assert events(tmp_path) == named(0, 1, 2)
    rows(0, 3, age=[9.0, 9.0, 9.0]).to_csv(tmp_path / "copy.csv", index=False)
    assert len(events(tmp_path)) == 6


def test_unreadable_files_are_told_by_name(tmp_path):
    with pytest.raises(PredictionLogNotFound, match=r"no prediction log .*none\.csv"):
        read_log(str(tmp_path / "none.csv"), 10)
    with pytest.raises(PredictionLogNotFound, match="holds no CSV or Parquet file"):
        read_log(str(tmp_path), 10)
    for name, content in (("p.parquet", b"PAR1 half"), ("p.csv", b"a,\xff\n1,2\n"), ("t.csv", b"a,a\n1,2\n")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(PredictionLogInvalid, match=name):
            read_log(str(tmp_path / name), 10)


@pytest.mark.parametrize("seed", range(40))
def test_the_tail_of_a_file_begins_with_a_whole_row(tmp_path, monkeypatch, seed):
    random = np.random.default_rng(seed)
    monkeypatch.setattr("mediwatch_training.drift.csv_tail._BLOCK", int(random.integers(1, 200)))
    texts = ["plain", 'with "quotes"', "two\nlines", ",", "", '"', 'three\n"\nlines']
    table = [[str(n), texts[random.integers(len(texts))]] for n in range(60)]
    with (tmp_path / "p.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["n", "text"], *table])
    wanted = int(random.integers(1, 80))
    tail = read_tail(tmp_path / "p.csv", wanted)
    body = tail.lines[tail.skipped :]
    read = list(csv.reader(io.StringIO(body.decode(), newline="")))
    assert tail.header == b"n,text\n" and read == table[len(table) - len(read) :]
    assert body.count(b"\n") >= wanted or tail.whole


def test_only_the_end_of_a_long_log_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("mediwatch_training.drift.csv_tail._BLOCK", 20_000)
    rows(0, 20_000).to_csv(tmp_path / "p.csv", index=False)
    with (tmp_path / "p.csv").open("r+b") as file:
        # Nothing could be made of the beginning.
        file.seek(200)
        file.write(b"\xff" * 1000)
    os.utime(tmp_path / "p.csv")
    tail = read_log(str(tmp_path / "p.csv"), 100).frame
    assert list(tail["event_id"][-100:]) == named(*range(19_900, 20_000))


@pytest.mark.parametrize("pack", [gzip.compress, None])
def test_only_the_end_of_a_long_packed_or_parquet_log_is_kept(tmp_path, monkeypatch, pack):
    monkeypatch.setattr("mediwatch_training.drift.csv_tail._HEADER_LIMIT", 200)
    monkeypatch.setattr("mediwatch_training.drift.csv_tail._BLOCK", 20_000)
    frame = rows(0, 20_000)
    if pack is None:
        frame.to_parquet(tmp_path / "p.parquet", row_group_size=15_000)
    else:
        (tmp_path / "p.csv.gz").write_bytes(pack(b"\xef\xbb\xbf" + frame.to_csv(index=False).encode() + b"torn\n"))
    read = read_log(str(tmp_path), 100)
    assert list(read.frame["event_id"][-100:]) == named(*range(19_900, 20_000))
    assert len(read.frame) < 2000
    assert read.left_out == ([] if pack is None else [LeftOut("cells", "p.csv.gz:20002")])
    assert len(read_log(str(tmp_path), 20_000).frame) == 20_000


def files_of(folder: Path, random: np.random.Generator, ahead: float) -> list[Path]:
    """Write files of rows over some days, each written when its last row was logged, and return them in that order."""
    files = []
    for number in range(8):
        end = 1.7e9 + 86400 * random.uniform(0, 30)
        times = np.sort(end - 86400 * random.uniform(0, 3) * random.uniform(0, 1, 40))
        files.append((times[-1], folder / f"{number}.csv"))
        rows(1000 * number, 40, ts=times + ahead).to_csv(files[-1][1], index=False)
        os.utime(files[-1][1], (times[-1], times[-1]))
    return [path for _, path in sorted(files)]


@pytest.mark.parametrize("ahead", [0, 10 * 3600])
@pytest.mark.parametrize("seed", range(20))
def test_the_newest_rows_are_the_same_whether_old_files_are_read_or_not(tmp_path, seed, ahead):
    random = np.random.default_rng(seed)
    files, wanted = files_of(tmp_path, random, ahead), int(random.integers(1, 200))
    some = read_log(str(tmp_path), wanted)
    for number, path in enumerate(files):
        os.utime(path, (1.8e9 + number, 1.8e9 + number))
    every = read_log(str(tmp_path), wanted)
    assert len(some.files) <= len(every.files) == 8
    assert list(some.frame["event_id"][-wanted:]) == list(every.frame["event_id"][-wanted:])


def test_a_file_that_is_older_than_all_rows_that_are_needed_is_not_opened(tmp_path):
    for day in range(4):
        rows(100 * day, 100, ts=1.7e9 + 86400 * day + np.arange(100)).to_csv(tmp_path / f"{day}.csv", index=False)
        os.utime(tmp_path / f"{day}.csv", (1.7e9 + 86400 * day + 100,) * 2)
    damaged = tmp_path / "0.csv"
    damaged.write_bytes(b"a,\xff\n1,2\n")
    os.utime(damaged, (1.7e9, 1.7e9))
    assert [path.name for path in read_log(str(tmp_path), 150).files] == ["2.csv", "3.csv"]
    assert [path.name for path in read_log(str(tmp_path), 50, hours=48).files] == ["1.csv", "2.csv", "3.csv"]
    with pytest.raises(PredictionLogInvalid, match=r"0\.csv"):
        read_log(str(tmp_path), 301)


def test_of_rows_without_times_the_newest_are_in_the_newest_files(tmp_path):
    for day in range(3):
        rows(100 * day, 100).drop(columns="ts").to_csv(tmp_path / f"{day}.csv", index=False)
        os.utime(tmp_path / f"{day}.csv", (1.7e9 + day,) * 2)
    read = read_log(str(tmp_path), 150)
    assert [path.name for path in read.files] == ["1.csv", "2.csv"]
    assert list(read.frame["event_id"]) == named(*range(100, 300))


def test_hours_are_read_as_far_back_as_they_go(tmp_path):
    rows(0, 20_000).to_csv(tmp_path / "p.csv", index=False)
    assert len(read_log(str(tmp_path), 100, hours=3).frame) > 3 * 3600


@pytest.mark.parametrize("line", ["root:x:0:0,root:x:0:0", "root:x:0:0;root;root"])
def test_nothing_is_quoted_of_the_first_line_of_a_file_that_is_no_log(tmp_path, line):
    (tmp_path / "p.csv").write_text(f"{line}\n1,2\n")
    with pytest.raises(PredictionLogInvalid) as caught:
        read_log(str(tmp_path / "p.csv"), 10)
    assert "root" not in str(caught.value).replace(str(tmp_path), "")


def test_a_damaged_gzip_file_is_named(tmp_path):
    packed = bytearray(gzip.compress(rows(0, 200).to_csv(index=False).encode()))
    packed[100:140] = b"\xff" * 40
    (tmp_path / "p.csv.gz").write_bytes(packed)
    with pytest.raises(PredictionLogInvalid, match=r"p\.csv\.gz is no prediction log that can be read"):
        events(tmp_path)


@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize("broken", ["", "e9{}17\n"])
def test_a_log_is_read_whatever_separates_its_columns(tmp_path, separator, broken):
    values = {"age": [0.5, 1.5, 2.5], "ward": ["a,b", f"c{separator}d", "e;f|g"]}
    text = rows(0, 3, **values).to_csv(index=False, sep=separator, decimal="," if separator == ";" else ".")
    (tmp_path / "p.csv").write_text(text + broken.format(separator))
    log = read_log(str(tmp_path), 10)
    assert list(log.frame["event_id"]) == named(0, 1, 2)
    assert list(log.frame["age"]) == values["age"]
    assert list(log.frame["ward"]) == values["ward"]
    assert [one.code for one in log.left_out] == (["cells"] if broken else [])


def line(number: int, **values: object) -> bytes:
    return rows(number, 1, **values).to_csv(index=False, header=False).encode()


BROKEN = {
    b"e9,1700000009\n": ("cells", 0),
    b"1,2,3,4,5,6\n": ("cells", 0),
    b'e9,1700000009,"open,0.5,1\n': ("quote", 0),
    b'"\n': ("quote", 0),
    b"caf\xe9,1700000009,9,0.5,1\n": ("bytes", 0),
    b"\x00\xff\xfe\n": ("bytes", 0),
    b'e9,1700000009,"' + b"x" * 2_000_000 + b'",0.5,1\n': ("number", 0),
    b"x" * 2_000_000 + b"\n": ("size", 0),
    b"=1+1\n": ("cells", 0),
    b"e9,1700000009,=HYPERLINK(1),0.5,1\n": ("number", 0),
    b"e9,4102444800,9,0.5,1\n": ("time", 0),
    b'e9,1700000009,"two\n=lines",0.5,1\n': ("number", 0),
}


@pytest.mark.parametrize("broken", BROKEN, ids=[code for code, _ in BROKEN.values()])
@pytest.mark.parametrize("wanted", [10_000, 60])
def test_a_row_that_is_none_costs_no_other_row_and_is_told_by_its_line(tmp_path, monkeypatch, broken, wanted):
    monkeypatch.setattr("mediwatch_training.drift.csv_tail._BLOCK", 4000)
    before = b"".join(line(number) for number in range(200))
    after = b"".join(line(number, age=[7.5]) for number in range(300, 340))
    quoted = b'e400,1700000400,7,"0.5",1\ne401,1700000401,7,"0.5",1\n'
    (tmp_path / "p.csv").write_bytes(b"event_id,ts,age,prob,pred\n" + before + broken + after + quoted)
    read = read_log(str(tmp_path), wanted)
    assert list(read.frame["event_id"])[-102:] == [*named(*range(140, 200)), *named(*range(300, 340)), "e400", "e401"]
    assert read.frame["age"].dtype == float and read.frame["age"].notna().all()
    assert read.left_out[0] == LeftOut(BROKEN[broken][0], "p.csv:202")
    # The rest of a row of two lines is not a row either.
    assert len(read.left_out) <= broken.count(b"\n")


def test_any_bytes_in_a_log_leave_the_rows_around_them(tmp_path):
    random = np.random.default_rng(3)
    kinds = [b'"', b"\n", b",", b"\xff", b"\x00", b"\r", b"=", b"9" * 400, b"e1", "é".encode(), b"\xf0\x9f"]
    for round in range(150):
        noise = b"".join(kinds[n] for n in random.integers(0, len(kinds), random.integers(1, 60)))
        good = [b"".join(line(number) for number in range(start, start + 150)) for start in (0, 300)]
        (tmp_path / "p.csv").write_bytes(b"event_id,ts,age,prob,pred\n" + good[0] + noise + b"\n" + good[1])
        found = set(read_log(str(tmp_path), 10_000).frame["event_id"])
        assert set(named(*range(150), *range(300, 450))) <= found, (round, noise)


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [(".1", bytes), (".2.gz", gzip.compress), ("-20260131", bytes), (".3.bz2", bz2.compress), (".4.xz", lzma.compress)],
)
def test_what_logrotate_leaves_is_part_of_the_log(tmp_path, suffix, pack):
    rows(0, 3).to_csv(tmp_path / "predictions.csv", index=False)
    (tmp_path / f"predictions.csv{suffix}").write_bytes(pack(rows(3, 3).to_csv(index=False).encode()))
    assert sorted(events(tmp_path)) == named(*range(6))


def test_money_in_a_log_is_the_number_that_it_is_in_the_training_data(tmp_path):
    rows(0, 3, spent=["$1,647.27", "12", "N/A"]).to_csv(tmp_path / "a.csv", index=False)
    np.testing.assert_array_equal(read_log(str(tmp_path), 10).frame["spent"], [1647.27, 12, np.nan])


def test_the_spelling_of_a_code_makes_no_other_category(tmp_path):
    rows(0, 5, code=["428", "428.0", "V27", "None", "007"]).to_csv(tmp_path / "a.csv", index=False)
    assert list(read_log(str(tmp_path), 10).frame["code"]) == ["428", "428", "V27", None, "007"]
