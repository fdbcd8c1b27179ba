"""How well the new version does for groups of people: by age band, sex and race."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import numpy as np

from ...training.scores import SAMPLES, interval, resamples, weighted_scores
from .performance import at_threshold, observed_to_expected
from .scoring import HeldOut, Predicted, Scored

if TYPE_CHECKING:
    import pandas as pd

    from ...shapes import Floats, Labels, Task
    from ..shapes import Dimension, Estimate, Group, Measured, Missing, Subgroups

MIN_ROWS = 100
MIN_POSITIVES = 20
# Fewer than for all records, as there are many groups.
_SAMPLES = 500
#: The scores that are shown of each group.
MEASURES: dict[Task, tuple[str, ...]] = {
    "binary": ("auc",),
    "multiclass": ("auc", "accuracy"),
    "regression": ("r2", "mae"),
}
# A column with more values is no grouping of people; the rarest are shown together.
_MAX_GROUPS = 15
_DIMENSIONS = (
    ("Age", ("age", "age_band", "age_group")),
    ("Sex", ("gender", "sex")),
    ("Race", ("race", "ethnicity", "race_ethnicity")),
)
_UNKNOWN = "Missing or unknown"
_UNKNOWN_VALUES = ("", "?", "unknown", "unknown/invalid", "invalid", "na", "n/a", "nan", "none", "null", "not recorded")
_OTHERS = "All other values"
# Lower ends of the bands into which ages in years are cut.
_AGE_BANDS = (0, 18, 30, 40, 50, 60, 70, 80)


def subgroups(scored: Scored) -> Subgroups | Missing:
    """Return how well the challenger does for each group of people."""
    model, test = scored.challenger.predicted, scored.test
    if model is None or test is None:
        return {"missing": scored.challenger.missing}
    records = test.records
    by_name = {str(column).lower(): column for column in records.columns}
    found = {name: next((by_name[one] for one in names if one in by_name), None) for name, names in _DIMENSIONS}
    dimensions: list[Dimension] = [
        {"name": name, "column": column, "groups": _groups(scored.task, test, model, _grouping(name, records[column]))}
        for name, column in found.items()
        if column is not None
    ]
    absent = [name for name, column in found.items() if column is None]
    if not dimensions:
        return {"missing": "The data has no column named age, sex, gender or race.", "absent": absent}
    whole = _measured(scored.task, test.labels, model.values, model.threshold, SAMPLES)
    return {
        "measures": list(MEASURES[scored.task]),
        "minRows": MIN_ROWS,
        "minPositives": MIN_POSITIVES if scored.task == "binary" else None,
        "whole": whole,
        "dimensions": dimensions,
        "absent": absent,
    }


def _groups(task: Task, test: HeldOut, model: Predicted, grouping: pd.Series) -> list[Group]:
    groups: list[Group] = []
    for name in sorted(grouping.unique(), key=_place):
        chosen = (grouping == name).to_numpy()
        groups.append({"name": name, **_measured(task, test.labels[chosen], model.values[chosen], model.threshold)})
    return groups


def _measured(task: Task, labels: Labels, predicted: Floats, threshold: float, samples: int = _SAMPLES) -> Measured:
    rows = len(labels)
    measured: Measured = {
        "rows": rows,
        "positives": int(labels.sum()) if task == "binary" else None,
        "enough": rows >= MIN_ROWS,
        "scores": {},
        "sensitivity": None,
        "alertRate": None,
        "ratio": None,
    }
    positives = measured["positives"]
    if positives is not None and not MIN_POSITIVES <= positives <= rows - MIN_POSITIVES:
        measured["enough"] = False
    if not measured["enough"]:
        return measured
    measured["scores"] = _estimates(task, labels, predicted, samples)
    if not all(np.isfinite(score["value"]) for score in measured["scores"].values()):
        # All of one class, or of one number.
        return {**measured, "enough": False, "scores": {}}
    if positives is not None:
        at = at_threshold(labels, predicted >= threshold)
        measured["sensitivity"], measured["alertRate"] = at["sensitivity"], at["alertRate"]
        measured["ratio"] = observed_to_expected(positives, float(predicted.sum()), rows)
    return measured


def _estimates(task: Task, labels: Labels, predicted: Floats, samples: int) -> dict[str, Estimate]:
    scores = weighted_scores(task, labels, predicted, names=MEASURES[task])
    drawn = np.concatenate([scores.of(weights) for weights in resamples(len(labels), samples)])
    values = scores.of(np.ones((1, len(labels))))[0]
    found: dict[str, Estimate] = {}
    for name, value, column in zip(MEASURES[task], values, drawn.T, strict=True):
        low, high = interval(column) or (None, None)
        found[name] = {"value": float(value), "low": low, "high": high}
    return found


def _grouping(dimension: str, column: pd.Series) -> pd.Series:
    """Return the name of each record's group, no more than `_MAX_GROUPS` different ones."""
    if dimension == "Age" and (years := _years(column)) is not None:
        return years
    known = column.map(_name)
    counts = known[known != _UNKNOWN].value_counts()
    rare = set(counts.index[_MAX_GROUPS:])
    return known.map(lambda name: _OTHERS if name in rare else name)


def _years(column: pd.Series) -> pd.Series | None:
    """Return bands of ages in years; None if the column holds bands already."""
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.notna().sum() < 0.5 * column.notna().sum() or not numbers.notna().any():
        return None
    ends = [*(f"{low} to {high - 1}" for low, high in itertools.pairwise(_AGE_BANDS)), "80 and over"]
    places = np.searchsorted(_AGE_BANDS, numbers.to_numpy(), side="right") - 1
    valid = numbers.notna().to_numpy() & (places >= 0)
    return pd.Series([ends[place] if good else _UNKNOWN for place, good in zip(places, valid, strict=True)])


def _name(value: object) -> str:
    text = "" if value is None or value != value else str(value).strip()
    if text.lower() in _UNKNOWN_VALUES:
        return _UNKNOWN
    # Bands of the UCI file, such as [70-80): the upper end belongs to the next one.
    band = re.fullmatch(r"\[(\d+)-(\d+)\)", text)
    return f"{band[1]} to {int(band[2]) - 1}" if band else text


def _place(name: str) -> tuple[int, int, str]:
    """Bands by their lower end, names by the alphabet, what is no group last."""
    number = re.match(r"\d+", name)
    return (int(name in (_UNKNOWN, _OTHERS)), int(number[0]) if number else 0, name)
