"""Columns that hold each value once give the same numbers as columns that do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import run

from mediwatch_training.dataset import open_dataset
from mediwatch_training.training import table
from mediwatch_training.training.cells import read_column
from mediwatch_training.training.coded import coded, counts_of, is_coded, is_text, plain, values_of
from mediwatch_training.training.columns import ColumnPlan
from mediwatch_training.training.encoder import make_encoder
from mediwatch_training.training.table import read_table


def test_the_arrays_are_bit_for_bit_those_of_the_encoder_on_whole_columns(sample_dataset):
    dataset = open_dataset(str(sample_dataset))
    plan = ColumnPlan(**dataset.meta["plan"])
    assert plan.crossed and plan.wide and plan.scales
    records = pd.read_parquet(sample_dataset / "fit_records.parquet")
    encoder = make_encoder(plan, dataset.meta["seed"], dataset.meta["task"])
    train = dataset.meta["splits"]["train"]["rows"]
    fitted = encoder.fit_transform(records[:train], dataset.labels("train"))
    np.testing.assert_array_equal(np.asarray(fitted, np.float64), dataset.features("train"))
    other = encoder.transform(records[train:])
    np.testing.assert_array_equal(np.asarray(other, np.float64), dataset.features("validation"))


def test_a_file_of_many_blocks_is_read_as_one_of_one_block(sample_csv, sample_dataset, tmp_path, monkeypatch):
    monkeypatch.setattr(table, "_BLOCK", 2**14)
    run("prepare", dataPath=str(sample_csv), outputDir=str(tmp_path))
    for path in sample_dataset.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


def test_a_column_of_many_blocks_is_one_of_numbers_only_if_all_of_them_are(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "_BLOCK", 2**8)
    rows = [f"{number},{number}" for number in range(500)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["number,mixed", *rows, "7,seven"]))
    frame = read_table(str(path)).frame
    assert list(frame["number"]) == [*map(float, range(500)), 7.0]
    assert list(frame["mixed"]) == [*map(str, range(500)), "seven"]


def test_a_header_without_rows_has_columns_all_the_same(tmp_path: Path):
    (tmp_path / "t.csv").write_text("a,b\n")
    read = read_table(str(tmp_path / "t.csv"))
    assert read.names == ["a", "b"] and len(read.columns) == 0


@pytest.mark.parametrize(
    "values",
    [
        np.array(["b", "a", None, "b", "c"], object),
        np.array([2.0, 1.0, np.nan, 2.0, 3.0]),
        np.array([0.0, -0.0, 1.0]),
        np.array([None, None], object),
    ],
)
def test_a_coded_column_is_the_same_as_the_plain_one(values):
    codes = np.array([*range(len(values)), -1, 0])
    column = coded(codes, values, "c")
    whole = pd.Series([*values, None if values.dtype == object else np.nan, values[0]], dtype=values.dtype)
    np.testing.assert_array_equal(plain(column).to_numpy(), whole.to_numpy())
    if not is_text(column):
        np.testing.assert_array_equal(np.signbit(plain(column)), np.signbit(whole))
    assert is_text(column) == (values.dtype == object)
    assert list(values_of(column)) == list(whole.dropna().unique()) or not is_coded(column)
    pd.testing.assert_series_equal(counts_of(column), whole.value_counts(), check_names=False, check_index_type=False)


@pytest.mark.parametrize("kind", ["numeric", "categorical", "boolean"])
def test_a_plain_column_is_read_as_a_plain_one_which_any_model_takes(kind):
    column = pd.Series(["1", None, "x", "1"], dtype=object, name="c")
    assert read_column(column, {"name": "c", "kind": kind}).dtype == (float if kind == "numeric" else object)
