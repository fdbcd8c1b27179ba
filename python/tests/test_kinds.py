from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import run
from sklearn.metrics import roc_auc_score

from mediwatch_training.dataset import open_dataset
from mediwatch_training.errors import DataInvalid, ModelMismatch
from mediwatch_training.models import read_records
from mediwatch_training.serving.model import describe
from mediwatch_training.training.table import read_table

ROWS = 400
WORDS = ("the", "bell", "chain", "was", "fine", "again", "late", "on", "monday", "rattles", "twice", "quietly")


def data(**columns: Any) -> pd.DataFrame:
    """Rows whose number determines the outcome, with these columns."""
    outcome = np.where(np.arange(ROWS) % 2 == 0, "yes", "no")
    spread = {name: np.resize(np.asarray(column, dtype=object), ROWS) for name, column in columns.items()}
    return pd.DataFrame({**spread, "size": np.arange(ROWS) % 7, "outcome": outcome})


def prepared(folder: Path, frame: pd.DataFrame, written: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    frame.to_csv(folder / "data.csv", **{"index": False, **(written or {})})
    fixed = {"target": "outcome", "positive": "yes", "group": None, "drop": []}
    return run("prepare", dataPath=str(folder / "data.csv"), outputDir=str(folder / "o"), **{**fixed, **given})


def kinds(result: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    return {one["name"]: (one["kind"], one.get("format")) for one in result["features"] if one["name"] != "size"}


def reasons(result: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["reason"] for one in result["dropped"]}


def remarks(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["code"]: one for one in result["remarks"]}


def records(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "o" / "fit_records.parquet")


def sentences(count: int, seed: int) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, 6)) + f" {number}" for number in range(count)]


NUMBERS = [f"{n * 37.5:,.2f}" for n in range(60)]
DAYS = pd.date_range("2024-01-01", periods=300)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([*NUMBERS], ("numeric", None)),
        ([f"$ {text}" for text in NUMBERS], ("numeric", None)),
        ([f"{n}%" for n in range(50)], ("numeric", None)),
        ([f"{n} 000" for n in range(1, 50)], ("numeric", None)),
        ([f"{n},5" for n in range(50)], ("numeric", "1.234,5")),
        ([f"{n}.{n % 9}00,25" for n in range(1, 50)], ("numeric", "1.234,5")),
        ([day.strftime("%Y-%m-%d") for day in DAYS], ("date", "yyyy-mm-dd")),
        ([day.strftime("%d/%m/%Y") for day in DAYS], ("date", "dd/mm/yyyy")),
        ([day.strftime("%m/%d/%Y") for day in DAYS], ("date", "mm/dd/yyyy")),
        ([day.strftime("%d.%m.%Y %H:%M") for day in DAYS], ("date", "dd.mm.yyyy")),
        ([day.strftime("%d %b %Y") for day in DAYS], ("date", "yyyy-mm-dd")),
        (["true", "false"], ("boolean", "true/false")),
        (["Yes", "No", "no", "No"], ("boolean", "Yes/No")),
        (["Y", "N", "n/a"], ("boolean", "Y/N")),
        (["red", "green", "blue"], ("categorical", None)),
        (["y", "n", "maybe"], ("categorical", None)),
        ([f"V{n}" for n in range(60)], ("categorical", None)),
        (sentences(ROWS, 0), ("text", None)),
        (["25 mg", "50 mg"], ("categorical", None)),
    ],
)
def test_a_column_is_what_its_cells_look_like(tmp_path, cells, expected):
    result = prepared(tmp_path, data(column=cells))
    assert kinds(result)["column"] == expected


@pytest.mark.parametrize(
    ("name", "cells", "reason"),
    [
        ("ride", [f"ride-{n:04}" for n in range(ROWS)], "identifier"),
        ("customer_id", list(range(ROWS)), "identifier"),
        ("orderNo", list(range(5000, 5000 + ROWS)), "identifier"),
        ("Unnamed: 0", list(range(ROWS)), "rowNumber"),
        ("index", list(range(ROWS)), "rowNumber"),
        ("plant", ["north"], "constant"),
        ("note", [None], "empty"),
        ("note", ["N/A", "null", "?", "", "nan"], "empty"),
        ("rare", ["x"] + ["y"] * (ROWS - 1), "nearlyConstant"),
        ("ward", ["a", "b"], "asked"),
    ],
)
def test_a_column_that_tells_nothing_is_left_out_and_why_is_said(tmp_path, name, cells, reason):
    result = prepared(tmp_path, data(**{name: cells}), columns={"ward": "drop"} if reason == "asked" else {})
    assert reasons(result) == {name: reason} and name not in kinds(result)


def test_a_table_of_nothing_to_learn_from_says_why(tmp_path):
    frame = data(plant=["north"], ride_id=list(range(ROWS))).drop(columns="size")
    with pytest.raises(DataInvalid, match=r"left out: plant \(constant\), ride_id \(identifier\)"):
        prepared(tmp_path, frame)


def test_the_index_that_pandas_writes_is_not_learned(tmp_path):
    frame = data().sort_values("outcome").reset_index(drop=True)
    result = prepared(tmp_path, frame, {"index": True})
    assert reasons(result) == {"": "rowNumber"} and [one["name"] for one in result["features"]] == ["size"]


@pytest.mark.parametrize(
    ("name", "cells"),
    [("index", [1, 1, 2]), ("row", ["left", "right"]), ("house_number", [1, 2, 3]), ("km", range(ROWS))],
)
def test_a_quantity_is_no_identifier_because_of_its_name(tmp_path, name, cells):
    assert name in kinds(prepared(tmp_path, data(**{name: list(cells)})))


def test_a_few_cells_make_no_text_of_a_column_of_numbers_and_are_counted(tmp_path):
    cells: list[object] = [n * 1.5 for n in range(ROWS)]
    cells[41], cells[7], cells[12] = "1,234", "12%", "N/A"
    result = prepared(tmp_path, data(km=cells))
    assert kinds(result)["km"] == ("numeric", None) and result["remarks"] == []
    cells[99] = "SECRET"
    result = prepared(tmp_path, data(km=cells))
    assert kinds(result)["km"] == ("numeric", None)
    assert result["remarks"] == [{"code": "lost", "column": "km", "cells": 1, "line": 101}]


def test_more_cells_make_categories_of_it_and_that_is_said(tmp_path):
    cells = [str(n) if n % 20 else "SECRET" for n in range(ROWS)]
    result = prepared(tmp_path, data(km=cells))
    assert kinds(result)["km"] == ("categorical", None)
    assert remarks(result)["notNumbers"] == {"code": "notNumbers", "column": "km", "cells": 20, "line": 2}


def test_units_are_not_guessed_away(tmp_path):
    result = prepared(tmp_path, data(dose=["25 mg", "50 mg", "75 mg"]))
    assert remarks(result)["units"] == {"code": "units", "column": "dose", "cells": 400, "line": 2}


def test_dates_that_could_be_read_in_two_ways_are_said(tmp_path):
    result = prepared(tmp_path, data(day=["01/02/2025", "03/04/2025", "11/12/2025"]))
    assert kinds(result)["day"] == ("date", "dd/mm/yyyy") and remarks(result)["dayOrMonth"]["column"] == "day"


def test_a_file_with_decimal_commas_has_no_points_for_fractions(tmp_path):
    frame = data(price=["2,5", "3,75"], sold=["1.200", "950", "2.500"])
    result = prepared(tmp_path, frame, {"sep": ";"})
    assert kinds(result) == {"price": ("numeric", "1.234,5"), "sold": ("numeric", "1.234,5")}
    assert set(records(tmp_path)["sold"]) == {1200.0, 950.0, 2500.0}
    assert remarks(result)["separator"]["detail"] == ";"


def test_dates_become_parts_and_the_days_between_them(tmp_path):
    random = np.random.default_rng(0)
    begin = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 700, ROWS), unit="D")
    days = random.integers(1, 100, ROWS)
    frame = data(
        begin=begin.strftime("%d/%m/%Y"), end=(begin + pd.to_timedelta(days, unit="D")).strftime("%Y-%m-%dT08:30:00Z")
    )
    frame["outcome"] = np.where(days > 50, "yes", "no")
    prepared(tmp_path, frame.drop(columns="size"))
    dataset = open_dataset(str(tmp_path / "o"))
    X, y = dataset.features("train"), dataset.labels("train")
    # Two dates of days, months and days of the week, one with times, and the days between them.
    assert X.shape[1] == 2 * 3 + 1 + 1
    assert max(roc_auc_score(y, column) for column in X.T) > 0.99
    encoder = dataset.refitted_encoder()[0]
    one = pd.DataFrame([{"begin": "2024-03-05", "end": None}], dtype=object)
    np.testing.assert_allclose(encoder.transform(one)[0], [19787, np.nan, 3, np.nan, 5, np.nan, np.nan, np.nan])


def test_a_text_is_described_by_a_few_numbers_that_tell_its_words(tmp_path):
    texts = np.array(sentences(ROWS, 1))
    frame = data(comment=texts)
    frame["outcome"] = np.where(["chain" in text for text in texts], "yes", "no")
    prepared(tmp_path, frame)
    assert open_dataset(str(tmp_path / "o")).features("train").shape[1] == 21
    assert run("trial", datasetDir=str(tmp_path / "o"), params={})["score"] > 0.8


def test_texts_beyond_the_fifth_are_left_out(tmp_path):
    result = prepared(tmp_path, data(**{f"text{n}": sentences(ROWS, n) for n in range(7)}))
    assert reasons(result) == {"text5": "tooManyTexts", "text6": "tooManyTexts"}


def test_preparing_all_kinds_twice_writes_the_same_bytes(tmp_path):
    frame = data(comment=sentences(ROWS, 2), day=DAYS.strftime("%Y-%m-%d"), money=NUMBERS, flag=["yes", "no"])
    for name in ("a", "b"):
        prepared(tmp_path / name, frame)
    for path in (tmp_path / "a" / "o").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / "o" / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("cells", "wanted", "expected"),
    [
        ([1, 2, 3], "category", ("categorical", None)),
        ([20250128, 20240301, 20230105], "date", ("date", "yyyy-mm-dd")),
        ([0, 1], "boolean", ("boolean", "1/0")),
        ([f"P{n}" for n in range(ROWS)], "category", ("categorical", None)),
        (["one two three four", "five six"], "text", ("text", None)),
        (["12", "x"] * 2 + ["7"] * 396, "number", ("numeric", None)),
    ],
)
def test_a_kind_can_be_chosen(tmp_path, cells, wanted, expected):
    assert kinds(prepared(tmp_path, data(column=cells), columns={"column": wanted}))["column"] == expected


def test_a_kind_that_the_cells_are_not_is_refused_with_a_line(tmp_path):
    with pytest.raises(
        DataInvalid, match=r"'km' as number, and 200 of its cells are none, the first one in line 3"
    ) as caught:
        prepared(tmp_path, data(km=["1", "SECRET"]), columns={"km": "number"})
    assert caught.value.field == "columns" and "SECRET" not in caught.value.message
    with pytest.raises(DataInvalid, match="names 'mk'"):
        prepared(tmp_path, data(km=[1, 2]), columns={"mk": "number"})


def trained(folder: Path, frame: pd.DataFrame) -> Any:
    """A pipeline with what it knows of itself, as `train` logs it, without MLflow."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline

    prepared(folder, frame)
    dataset = open_dataset(str(folder / "o"))
    encoder, X, y = dataset.refitted_encoder()
    model = LogisticRegression(max_iter=1, tol=1e9).fit(np.nan_to_num(X), y)
    pipeline = Pipeline([("encoder", encoder), ("model", model)])
    pipeline.mediwatch_ = {"features": dataset.meta["features"], "example": dataset.example}
    return pipeline


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        (["25", "50", "75"], ["25 mg", "50 mg", "75 mg"], True),
        ([f"{n}" for n in range(50)], ["low", "high"], True),
        (["2025-01-28", "2025-02-03"], ["soon", "late", "never"], True),
        (["2025-01-28", "2025-02-03"], ["28/01/2025", "03/02/2025"], False),
        (["yes", "no"], ["maybe", "sometimes", "never"], True),
        (["yes", "no"], ["TRUE", "FALSE"], False),
        (["a1", "a2", "a3"], [1, 2, 3], True),
        (["1", "2", "x"], [1, 2, 1], False),
        (["1", "2"], ["$1.00", "$2.00"], False),
    ],
)
def test_a_model_says_when_a_column_became_another_kind(tmp_path, before, after, changed):
    model = trained(tmp_path / "before", data(column=before, other=["p", "q", "r"]))
    prepared(tmp_path / "after", data(column=after, other=["p", "q", "s"]))
    table = open_dataset(str(tmp_path / "after" / "o")).test_records
    if not changed:
        assert read_records(model, table, "m")["column"].notna().all()
        return
    with pytest.raises(ModelMismatch, match=r"held values of another kind than now: column \("):
        read_records(model, table, "m")


def test_a_record_of_the_file_and_its_json_are_one(tmp_path):
    frame = data(
        money=NUMBERS,
        day=DAYS.strftime("%d/%m/%Y"),
        flag=["Yes", "No"],
        code=["1", "2", "x"],
        comment=sentences(ROWS, 3),
    )
    served = describe(trained(tmp_path, frame), "1", None, None)
    written = {"money": "1,500.00", "day": "05/03/2024", "flag": "Yes", "code": "2", "comment": "the bell", "size": "3"}
    native = {"money": 1500, "day": "2024-03-05", "flag": True, "code": 2.0, "comment": "the bell", "size": 3.0}
    columns, warnings = served.reader.read([written, native])
    assert [one for one, _ in columns.values()] == [other for _, other in columns.values()] and warnings == []


def test_the_file_is_read_literally_before_its_kinds_are_found(tmp_path):
    data(day=["2025-01-28"], flag=["TRUE"]).to_csv(tmp_path / "t.csv", index=False)
    frame = read_table(str(tmp_path / "t.csv")).frame
    assert frame["day"][0] == "2025-01-28" and frame["flag"][0] == "TRUE"


def test_an_encoder_of_all_kinds_needs_nothing_of_this_package(tmp_path):
    prepared(
        tmp_path, data(comment=sentences(ROWS, 4), day=DAYS.strftime("%Y-%m-%d"), money=NUMBERS, flag=["yes", "no"])
    )
    encoder = open_dataset(str(tmp_path / "o")).refitted_encoder()[0]
    assert b"mediwatch" not in pickle.dumps(encoder)


def test_the_other_columns_say_what_a_comma_or_a_point_means(tmp_path):
    frame = data(price=["2,5", "3,75"], sold=["1.200", "950", "2.500"])
    prepared(tmp_path, frame, {"sep": "\t"})
    assert set(records(tmp_path)["sold"]) == {1200.0, 950.0, 2500.0}
