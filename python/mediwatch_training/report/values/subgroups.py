"""How well the new version does for groups of patients: by age band, sex and race."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ...training.scores import SAMPLES, SCORES, WeightedScores, interval, resamples
from .performance import at_threshold, observed_to_expected
from .scoring import Scored

if TYPE_CHECKING:
    import pandas as pd

MIN_ROWS = 100
MIN_POSITIVES = 20
# Fewer than for all records, as there are many groups.
_SAMPLES = 500
# A column with more values is no grouping of patients; the rarest are shown together.
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


def subgroups(scored: Scored) -> dict[str, Any]:
    """Return ``{auc, minRows, minPositives, dimensions: [{name, column, groups}], absent}``.

    A group is ``{name, rows, positives, enough, auc, sensitivity, alertRate, ratio}``; the last four are
    ``{value, low, high}``, and None for a group that is too small to tell. ``ratio`` is observed over expected
    positives. ``absent`` are the dimensions for which the data has no column.
    """
    model = scored.challenger
    if model.probabilities is None:
        return {"missing": model.missing}
    records = scored.dataset.test_records
    by_name = {str(column).lower(): column for column in records.columns}
    found = {name: next((by_name[one] for one in names if one in by_name), None) for name, names in _DIMENSIONS}
    dimensions = [
        {"name": name, "column": column, "groups": _groups(scored, _grouping(name, records[column]))}
        for name, column in found.items()
        if column is not None
    ]
    absent = [name for name, column in found.items() if column is None]
    if not dimensions:
        return {"missing": "The data has no column named age, sex, gender or race.", "absent": absent}
    whole = _measured(scored.labels, model.probabilities, model.threshold, SAMPLES)
    limits = {"minRows": MIN_ROWS, "minPositives": MIN_POSITIVES}
    return {**limits, "whole": whole, "dimensions": dimensions, "absent": absent}


def _groups(scored: Scored, grouping: pd.Series) -> list[dict[str, Any]]:
    model = scored.challenger
    groups = []
    for name in sorted(grouping.unique(), key=_place):
        chosen = (grouping == name).to_numpy()
        labels, probabilities = scored.labels[chosen], model.probabilities[chosen]
        groups.append({"name": name, **_measured(labels, probabilities, model.threshold)})
    return groups


def _measured(
    labels: np.ndarray, probabilities: np.ndarray, threshold: float, samples: int = _SAMPLES
) -> dict[str, Any]:
    rows, positives = len(labels), int(labels.sum())
    enough = rows >= MIN_ROWS and MIN_POSITIVES <= positives <= rows - MIN_POSITIVES
    measured: dict[str, Any] = {"rows": rows, "positives": positives, "enough": enough}
    if not enough:
        return {**measured, "auc": None, "sensitivity": None, "alertRate": None, "ratio": None}
    at = at_threshold(labels, probabilities >= threshold)
    return {
        **measured,
        "auc": _auc(labels, probabilities, samples),
        "sensitivity": at["sensitivity"],
        "alertRate": at["alertRate"],
        "ratio": observed_to_expected(positives, float(probabilities.sum()), rows),
    }


def _auc(labels: np.ndarray, probabilities: np.ndarray, samples: int) -> dict[str, Any]:
    scores = WeightedScores(labels, probabilities, 0.5, SCORES[:1])
    drawn = np.concatenate([scores.of(weights)[:, 0] for weights in resamples(len(labels), samples)])
    low, high = interval(drawn) or (None, None)
    return {"value": float(scores.of(np.ones((1, len(labels))))[0, 0]), "low": low, "high": high}


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


def _name(value: Any) -> str:
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
