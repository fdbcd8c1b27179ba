from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mediwatch_training.errors import DataInvalid
from mediwatch_training.training.target import Target, Wanted, check_splits, read_target


def target(values: list[str], task: Wanted = "auto", positive: str | None = None) -> Target:
    return read_target(pd.Series(values, name="t", dtype=object), task, positive)


def refusal(values: list[str], task: Wanted = "auto", positive: str | None = None) -> DataInvalid:
    with pytest.raises(DataInvalid) as caught:
        target(values, task, positive)
    return caught.value


@pytest.mark.parametrize(
    ("values", "positive"),
    [
        (["no"] * 60 + ["yes"] * 40, "yes"),
        (["yes"] * 60 + ["no"] * 40, "yes"),
        (["0"] * 40 + ["1"] * 60, "1"),
        (["0.0"] * 40 + ["1"] * 30 + ["1.0"] * 30, "1"),
        (["0"] * 40 + ["1 "] * 30 + ["1.0"] * 30, "1"),
        (["True"] * 70 + ["false"] * 30, "true"),
        (["Yes"] * 20 + [" yes"] * 20 + ["No "] * 60, "yes"),
        (["kept "] * 40 + ["kept"] * 30 + ["left"] * 30, "left"),
        (["kept"] * 70 + ["left"] * 30, "left"),
        (["good"] * 50 + ["bad"] * 50, "good"),
        (["<30"] * 20 + [">30"] * 30 + ["NO"] * 50, "<30"),
    ],
)
def test_of_two_values_the_positive_one_is_found_out(values, positive):
    found = target(values)
    assert (found.task, found.positive, found.classes) == ("binary", positive, None)
    assert found.positives() == sum(value.strip().lower() in (positive, f"{positive}.0") for value in values)


def test_a_positive_value_that_is_set_is_told_from_all_others_however_it_is_written():
    assert target(["a", "b", "c"] * 30, positive="b").positives() == 30
    assert target(["TRUE", "FALSE"] * 30, positive="True").positives() == 30
    assert target(["1.0", "1", "2"] * 30, positive="1").positives() == 60
    assert target(["Yes", "yes ", "No"] * 30, positive="Yes").positives() == 60


def test_classes_that_differ_in_case_are_different_ones():
    assert target(["a", "A", "b"] * 30).classes == ["A", "a", "b"]


def test_a_positive_value_that_never_comes_is_refused_with_the_two_that_do():
    error = refusal(["late", "in time"] * 30, positive="yes")
    assert error.field == "positive" and "'late' and 'in time'" in error.message
    # Values of few rows may be names.
    assert "2 other values" in refusal(["Ann Lee", "no"] * 5, positive="yes").message


def test_texts_of_few_values_are_classes_in_the_order_of_their_names():
    found = target(["low", "high", "middle"] * 20)
    assert (found.task, found.classes, found.positive) == ("multiclass", ["high", "low", "middle"], None)
    assert found.labels[:3].tolist() == [1, 0, 2] and found.positives() is None


def test_few_whole_numbers_are_classes_in_the_order_of_the_numbers():
    assert target(["1", "2", "10"] * 20).classes == ["1", "2", "10"]


@pytest.mark.parametrize(
    "values",
    [
        [f"{number / 10}" for number in range(100)],
        [str(number) for number in range(100)],
        # Counts with a long tail: no class would have enough rows.
        [str(number) for number in [0] * 60 + [1] * 30 + list(range(2, 12))],
        ["0.5", "1.5", "2.5"] * 30,
    ],
)
def test_other_numbers_are_a_regression(values):
    found = target(values)
    assert found.task == "regression"
    np.testing.assert_array_equal(found.labels, [float(value) for value in values])


def test_numbers_may_be_written_as_people_do():
    found = target([f"€ 1.{number},50" for number in range(600, 700)])
    assert found.task == "regression" and found.labels[47] == 1647.5


def test_the_task_that_is_set_is_taken():
    assert target(["1", "2", "10"] * 20, task="regression").labels.max() == 10
    assert target(["0", "1"] * 20, task="multiclass").classes == ["0", "1"]
    assert target(["0", "1"] * 20, task="regression").task == "regression"


@pytest.mark.parametrize(
    ("values", "task", "field", "said"),
    [
        (["no"] * 50, "auto", "target", "nothing to tell apart"),
        ([f"name {number}" for number in range(60)], "auto", "target", "60 different values"),
        (["a", "b", "c"] * 10, "binary", "positive", "3 different values: set positive"),
        ([*map(str, range(90)), "n. a."], "auto", "target", "1 of 91 rows, the first of them row 91"),
        (["1", "x", "3"], "regression", "target", "row 2 below the header"),
    ],
)
def test_what_cannot_be_learned_is_refused_with_the_field_to_change(values, task, field, said):
    error = refusal(values, task)
    assert error.field == field and said in error.message and "name 1" not in error.message


def test_missing_values_are_counted():
    with pytest.raises(DataInvalid, match="1 of 3 rows have no value"):
        read_target(pd.Series(["a", None, "b"], name="t", dtype=object), "auto", None)


def rows_of(*sizes: int) -> dict[str, np.ndarray]:
    ends = np.cumsum([0, *sizes])
    return {name: np.arange(ends[at], ends[at + 1]) for at, name in enumerate(("train", "validation", "test"))}


def test_too_few_rows_of_a_kind_are_counted_by_split_and_the_cure_fits():
    few = target(["no"] * 31 + ["yes"] * 2 + ["no"] * 13 + ["yes"] + ["no"] * 13)
    with pytest.raises(
        DataInvalid,
        match=r"3 of 60 rows are positive: 2 of 33 in train, 1 of 14 in validation, 0 of 13"
        ".*No seed or fraction can help: add rows until at least 6",
    ):
        check_splits(few, rows_of(33, 14, 13))
    unlucky = target(["no"] * 20 + ["yes"] * 20 + ["no"] * 40)
    with pytest.raises(DataInvalid, match=r"20 of 80 rows are positive.*other fractions or another seed"):
        check_splits(unlucky, rows_of(40, 20, 20))
    rare = target(["a", "b"] * 40 + ["c"] * 3)
    with pytest.raises(
        DataInvalid, match=r"1 of 3 classes: too few rows.* has 3 of 83.*each class has at least 6 rows"
    ):
        check_splits(rare, rows_of(63, 10, 10))
    with pytest.raises(DataInvalid, match="test split has 2 rows"):
        check_splits(target([*(str(n / 7) for n in range(40)), "1.5", "1.5"]), rows_of(30, 10, 2))
