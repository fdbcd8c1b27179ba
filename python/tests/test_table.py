from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import run
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from mediwatch_training.dataset import open_dataset
from mediwatch_training.drift.log import read_log
from mediwatch_training.drift.windows import outcomes_of
from mediwatch_training.errors import DataInvalid
from mediwatch_training.serving.records import RecordReader, boolean_spellings
from mediwatch_training.training.encoder import known_categories
from mediwatch_training.training.table import read_table

# The first whole number that float64 does not have.
ODD = 2**53 + 1


def written(path: Path, **columns: list[Any]) -> str:
    pd.DataFrame(columns).to_csv(path, index=False)
    return str(path)


def prepared(path: Path, rows: dict[str, Any], **values: Any) -> dict[str, Any]:
    """Prepare 400 rows of these columns and an outcome that their number tells."""
    outcome = np.where(np.arange(400) % 2 == 0, "yes", "no")
    data = written(
        path / "data.csv", **{name: np.resize(column, 400) for name, column in rows.items()}, outcome=outcome
    )
    given = {"target": "outcome", "positive": "yes", "group": None, **values}
    return run("prepare", dataPath=data, outputDir=str(path / "o"), **given)


@pytest.mark.parametrize(
    "texts",
    [
        ["True", "False"],
        ["true", "FALSE"],
        ["1", "true"],
        ["08:00", "17:30"],
        ["08:00:00.5", "09:00:00"],
        ["2020-01-31", " 2020-02-01"],
        ["2020-01-31 08:00", "2020-02-01 09:00"],
        ["2020-01-31T08:00:00Z", "2020-02-01T09:00:00+02:00"],
        ["-", "12"],
    ],
)
def test_what_is_no_number_is_text_as_the_file_has_it(tmp_path, texts):
    read = read_table(written(tmp_path / "t.csv", number=[1, 2, 3], text=[*texts, "?"])).frame
    assert list(read["text"]) == [*texts, None] and list(read["number"]) == [1, 2, 3]


def test_a_column_without_values_is_text_without_values(tmp_path):
    assert list(read_table(written(tmp_path / "t.csv", a=["?", None], b=[1, 2])).frame["a"]) == [None, None]


@pytest.mark.parametrize("infinite", ["inf", "-inf", "Infinity", "1e999", "-1e999"])
def test_an_infinite_number_is_missing(tmp_path, infinite):
    numbers = read_table(written(tmp_path / "t.csv", size=["1.5", infinite, "?", "-2"])).frame["size"]
    np.testing.assert_array_equal(numbers, [1.5, np.nan, np.nan, -2])


def test_a_random_forest_learns_from_a_column_with_infinite_numbers(tmp_path):
    prepared(tmp_path, {"size": ["1", "inf", "2", "3", "-inf"]})
    assert run("trial", datasetDir=str(tmp_path / "o"), model="rf", params={"n_estimators": 5})["score"] >= 0


@pytest.mark.parametrize("number", [ODD, -ODD, 2**63 - 1, 10**20 + 1])
def test_a_large_number_is_a_quantity_to_within_rounding_and_a_code_or_a_group_to_the_digit(tmp_path, number):
    numbers = [number, number - 1, 7]
    data = written(tmp_path / "t.csv", size=numbers, code=numbers, group=numbers, small=[1, 2, 3])
    read = read_table(data, text_columns=("group",), codes=("code", "small")).frame
    assert list(read["size"]) == [float(n) for n in numbers] and list(read["small"]) == [1, 2, 3]
    assert list(read["code"]) == list(read["group"]) == [str(n) for n in numbers]


def test_codes_with_an_infinite_number_among_them_stay_numbers(tmp_path):
    codes = read_table(written(tmp_path / "t.csv", code=["1", "inf", "2"], n=[1, 2, 3]), codes=("code",)).frame["code"]
    np.testing.assert_array_equal(codes, [1, np.nan, 2])


def test_codes_that_differ_in_the_last_digit_are_two_categories_also_for_clients(tmp_path):
    prepared(tmp_path, {"code": [ODD, ODD - 1, ODD + 2]}, idCategories=["code"])
    dataset = open_dataset(str(tmp_path / "o"))
    encoded = dataset.refitted_encoder()[0].transform(pd.DataFrame({"code": [ODD, ODD - 1, str(ODD)]}, dtype=object))
    assert encoded[0, 0] == encoded[2, 0] != encoded[1, 0]


def test_a_dropped_column_does_no_harm_whatever_it_holds(tmp_path):
    rows = [b"id,note,size,outcome"]
    rows += [b"%d,caf\xe9 %d,%d,%s" % (2**60 + n, n, n % 7, b"yes" if n % 2 else b"no") for n in range(400)]
    (tmp_path / "t.csv").write_bytes(b"\n".join(rows))
    result = run(
        "prepare",
        dataPath=str(tmp_path / "t.csv"),
        outputDir=str(tmp_path / "o"),
        target="outcome",
        positive="yes",
        group=None,
        drop=["id", "note"],
    )
    assert [feature["name"] for feature in result["features"]] == ["size"] and [
        one["name"] for one in result["dropped"]
    ] == ["id", "note"]


@pytest.mark.parametrize(("yes", "no"), [("True", "False"), ("true", "false"), ("TRUE", "FALSE")])
@pytest.mark.parametrize("positive", ["true", "True"])
def test_a_label_of_truth_values_is_meant_however_it_is_written(tmp_path, yes, no, positive):
    label = np.resize([yes, no, no], 400)
    result = prepared(tmp_path, {"size": np.arange(7), "label": label}, target="label", positive=positive)
    assert result["positives"] == (label == yes).sum()


def test_a_label_of_other_values_is_compared_letter_by_letter(tmp_path):
    label = np.resize(["true", "TRUE", "unknown"], 400)
    result = prepared(tmp_path, {"size": np.arange(7), "label": label}, target="label", positive="true")
    assert result["positives"] == (label == "true").sum()


@pytest.mark.parametrize(("yes", "no"), [("True", "False"), ("true", "false"), ("TRUE", "FALSE")])
def test_a_boolean_that_a_client_sends_is_the_category_of_the_training_data(tmp_path, yes, no):
    few = np.resize([yes, no], 400)
    many = np.where(np.arange(400) % 3 == 0, few, [f"v{n % 40}" for n in range(400)])
    prepared(tmp_path, {"scale": few, "category": np.resize([yes, no, *"abcd"], 400), "wide": many})
    encoder = open_dataset(str(tmp_path / "o")).refitted_encoder()[0]
    seen = known_categories(make_pipeline(encoder, "passthrough"))
    features = open_dataset(str(tmp_path / "o")).meta["features"]
    names = [feature["name"] for feature in features]
    read, _ = RecordReader(features, seen).read([dict.fromkeys(names, True), dict.fromkeys(names, False)])
    assert read == {name: [yes, no] for name in names}
    expected = encoder.transform(pd.DataFrame({name: [yes, no] for name in names}))
    np.testing.assert_array_equal(encoder.transform(pd.DataFrame(read, dtype=object)), expected)
    assert (expected[0] != expected[1]).all()


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        "no pipeline",
        make_pipeline(LogisticRegression()),
        make_pipeline(ColumnTransformer([("wide", make_pipeline(OneHotEncoder()), slice(0, 1))])),
    ],
)
def test_models_of_others_have_no_categories_that_are_known(model):
    if hasattr(model, "fit"):
        frame = pd.DataFrame({"a": [1.0, 2.0]})
        model.fit(frame, [0, 1])
    assert known_categories(model) == {}


def test_python_s_own_spelling_of_a_truth_value_comes_first():
    spellings = boolean_spellings({"a": ["no", "yes"], "b": ["TRUE", "True", "true"], "c": ["false"]})
    assert spellings == {"b": {True: "True"}, "c": {False: "false"}}


@pytest.mark.parametrize("field", ["drop", "idCategories"])
def test_a_list_may_name_columns_of_other_files(tmp_path, field):
    assert prepared(tmp_path, {"size": np.arange(7)}, **{field: ["of another file"]})["rows"] > 0


@pytest.mark.parametrize("given", [None, []])
def test_columns_of_the_default_lists_need_not_be_there(tmp_path, given):
    result = prepared(tmp_path, {"size": np.arange(7), "encounter_id": np.arange(400)}, drop=given, idCategories=given)
    reason = "asked" if given is None else "identifier"
    assert result["dropped"] == [{"name": "encounter_id", "reason": reason}]


def test_the_target_and_the_group_may_be_among_the_dropped(tmp_path):
    columns = {"size": np.arange(7), "who": np.arange(50)}
    result = prepared(tmp_path, columns, group="who", drop=["who", "outcome"])
    assert result["groups"] == 50
    assert result["dropped"] == [{"name": "who", "reason": "group"}]


@pytest.mark.parametrize("cells", [[[1, 2], [3]], [{"a": 1}, {"a": 2}], [b"\xff", b"\xfe"]])
def test_a_parquet_column_that_is_neither_numbers_nor_text_is_named_and_can_be_left_out(tmp_path, cells):
    path = tmp_path / "p.parquet"
    pd.DataFrame({"age": [1, 2], "notes": cells}).to_parquet(path)
    with pytest.raises(DataInvalid, match=r"The column 'notes' of .*: name it in data\.drop"):
        read_table(str(path), text_columns=("age",))
    assert list(read_table(str(path), unread=("notes",)).frame) == ["age"]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_events_of_large_numbers_keep_theirs_in_a_log_and_in_a_file_of_outcomes(tmp_path, suffix):
    numbers = [ODD, ODD - 1, 2**63 - 1]
    frame = pd.DataFrame(
        {"event_id": numbers, "ts": [1.7e9, 1.7e9 + 1, 1.7e9 + 2], "size": numbers, "label": [0, 1, 0]}
    )
    path = tmp_path / f"p.{suffix}"
    frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
    read = read_log(str(path), 10).frame
    assert list(read["event_id"]) == [str(number) for number in numbers]
    assert list(read["size"]) == [float(number) for number in numbers]
    assert outcomes_of(str(path), "label").to_dict() == dict(zip(read["event_id"], [0, 1, 0], strict=True))


def test_truth_values_of_a_parquet_log_are_written_as_in_csv(tmp_path):
    frame = pd.DataFrame({"event_id": list("abc"), "flag": pd.array([True, False, None], "boolean")})
    frame.to_csv(tmp_path / "p.csv", index=False)
    frame.to_parquet(tmp_path / "p.parquet")
    for name in ("p.csv", "p.parquet"):
        assert list(read_log(str(tmp_path / name), 10).frame["flag"]) == ["True", "False", None]
