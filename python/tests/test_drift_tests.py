import numpy as np
import pandas as pd
import pytest

from mediwatch_training.drift.comparison import Choice, Side, compare_windows
from mediwatch_training.drift.evidently_report import make_report

CHOICE = Choice(columns=None, drop=[], categories=[], label="label")


def _side(frame):
    return Side(frame, {name: pd.Series(True, index=frame.index) for name in frame})


def _sample(rows, seed):
    """Categories of all sizes, down to those that occur once, as those of a hospital do."""
    random = np.random.default_rng(seed)
    weights = 1 / np.arange(1, 61) ** 1.5
    return pd.DataFrame(
        {
            f"c{column}": [f"v{value}" for value in random.choice(60, rows, p=weights / weights.sum())]
            for column in range(20)
        }
    )


@pytest.mark.parametrize("rows", [100, 400, 1000])
def test_two_samples_of_one_population_have_hardly_a_column_that_drifted(rows):
    drifted = 0
    for seed in range(3):
        sides = [_side(_sample(rows, seed * 2 + half)) for half in range(2)]
        report = make_report(compare_windows(*sides, CHOICE, 50), 0.5, None, None)
        drifted += sum(column["drifted"] for column in report.findings.columns)
    # 60 tests at the level of 5 %: more than eight of them would be an accident of one in a hundred.
    assert drifted <= 8


def test_a_column_with_one_value_but_for_a_few_rows_does_not_thin_the_share():
    current, reference = _sample(400, 0), _sample(400, 1)
    current["drug"], reference["drug"] = "No", "No"
    current.loc[0, "drug"] = "Steady"
    result = compare_windows(_side(current), _side(reference), CHOICE, 50)
    assert "drug" not in result.names("feature")
    current.loc[:49, "drug"] = "Steady"
    result = compare_windows(_side(current), _side(reference), CHOICE, 50)
    columns = make_report(result, 0.5, None, None).findings.columns
    assert next(column for column in columns if column["name"] == "drug")["drifted"]


def test_free_text_has_no_share_in_what_could_drift():
    current, reference = _sample(400, 0), _sample(400, 1)
    current["note"], reference["note"] = ([f"{side}{number}" for number in range(400)] for side in ("a", "b"))
    names = compare_windows(_side(current), _side(reference), CHOICE, 50).names("feature")
    assert "note" not in names and len(names) == 20
