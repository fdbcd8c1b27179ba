"""No message about data quotes a cell of it: neither an answer nor a log."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import run
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from mediwatch_training.errors import Formatter, StepError, as_step_error
from mediwatch_training.models import predict_records
from mediwatch_training.training import table

CELL = "PATIENT-000-00-0000"


def prepare(folder: Path, content: str | bytes, **values: object) -> str:
    """Return why a file cannot be prepared."""
    path = folder / "data.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    given = {"target": "late", "positive": "yes", "group": None, **values}
    with pytest.raises(StepError) as caught:
        run("prepare", dataPath=str(path), outputDir=str(folder / "o"), **given)
    assert CELL not in str(caught.value)
    return str(caught.value)


def test_a_row_of_another_length_is_told_by_its_line(tmp_path):
    rows = ["a,b,late", *["1,2,yes"] * 61, f"1,{CELL},3,no", "1,2,no"]
    assert "line 63 has 4 cells, the header 3" in prepare(tmp_path, "\n".join(rows) + "\n")
    lines = ["a,b,late", '1,"two\nlines",yes', f'1,"{CELL}"']
    assert "line 4 has 2 cells, the header 3" in prepare(tmp_path, "\n".join(lines) + "\n")


def test_a_row_that_never_ends_is_told_by_the_line_in_which_it_begins(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "_BLOCK", 2**16)
    rows = ["a,b,late", *["1,2,yes"] * 61, f'1,"{CELL},no', *["1,2,no"] * 2**15]
    assert "in line 63 begins a row" in prepare(tmp_path, "\n".join(rows) + "\n")


def test_text_of_no_encoding_is_told_without_it(tmp_path):
    said = prepare(tmp_path, f"a,late\n1,yes\n{CELL} caf".encode() + b"\x81,no\n")
    assert "neither UTF-8 nor windows-1252. Set data.encoding" in said


def test_a_cell_that_is_no_number_is_counted_and_told_by_its_line(tmp_path):
    rows = "".join(f"{n},{'yes' if n % 3 else 'no'}\n" for n in range(600))
    (tmp_path / "data.csv").write_text(f"a,late\n{rows}{CELL},no\n")
    given = {"target": "late", "positive": "yes", "group": None}
    result = run("prepare", dataPath=str(tmp_path / "data.csv"), outputDir=str(tmp_path / "o"), **given)
    assert result["remarks"] == [{"code": "lost", "column": "a", "cells": 1, "line": 602}] and CELL not in str(result)


def test_the_values_of_a_target_are_counted_and_not_listed(tmp_path):
    said = prepare(tmp_path, f"a,late\n1,{CELL}\n2,no\n")
    assert "never holds 'yes', but 2 other values" in said


@pytest.mark.parametrize("model", [LogisticRegression(), make_pipeline(OneHotEncoder(), LogisticRegression())])
def test_a_model_that_does_not_take_a_value_is_told_by_the_place_of_its_objection(model):
    model.fit(pd.DataFrame({"a": [1.0, 2.0]}), [0, 1])
    with pytest.raises(StepError, match="does not accept the data: ValueError in ") as caught:
        predict_records(model, pd.DataFrame({"a": [CELL]}), "models:/M/1")
    assert CELL not in str(caught.value)


@pytest.mark.parametrize(
    "fails",
    [
        lambda: float(CELL),
        lambda: {}[CELL],
        lambda: pd.to_numeric(pd.Series([CELL])),
        lambda: pd.to_datetime(pd.Series([CELL])),
        lambda: pd.DataFrame({"a": [CELL]}).astype("float64"),
        lambda: np.asarray([CELL], dtype=np.float64),
        lambda: CELL.encode().decode("utf-16"),
    ],
)
def test_an_error_that_nobody_foresaw_has_its_place_and_not_its_text(fails):
    try:
        fails()
    except Exception as first:
        try:
            raise RuntimeError(f"while {CELL} was read") from first
        except RuntimeError as error:
            message = as_step_error(error).message
            record = logging.LogRecord("x", logging.ERROR, __file__, 1, "crashed", (), (type(error), error, None))
            lines = Formatter().format(record)
    assert message.startswith("RuntimeError in ") and "test_no_cell.py:" in message
    assert CELL not in message + lines.replace("while {CELL}", "") and "and then" in lines


def test_errors_that_speak_of_files_and_code_keep_their_text(tmp_path):
    for act, said in ((lambda: (tmp_path / "x").read_text(), "No such file"), (lambda: CELL.nothing, "no attribute")):
        with pytest.raises((OSError, AttributeError)) as caught:
            act()
        assert said in as_step_error(caught.value).message
