"""Decides which columns a model uses, and as what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .coded import codes_of, counts_of, is_text, values_of

if TYPE_CHECKING:
    import pandas as pd

    from ..shapes import Labels

# Names of an encounter and of a patient in the bundled data: a model that reads them learns the file by heart.
IDENTIFIERS = ["encounter_id", "patient_nbr"]
# Numbers that are names of something, not quantities.
ID_CATEGORIES = ["admission_type_id", "discharge_disposition_id", "admission_source_id"]
# A text column with up to this many values is read as an ordered scale ("No", "Steady", "Up"): with so few, a tree
# needs no more splits than with unordered categories, and learns much faster.
_SCALE_VALUES = 4
# A text column with more values than this (diagnosis codes, specialties) is described by the positive rate of each.
_FEW_VALUES = 30
# ICD-9 codes are numbers in the order of their chapters, with some V and E codes among them.
_MIN_SHARE_OF_NUMBERS = 0.8
# Weight of the overall positive rate when categories are compared, in rows.
_PRIOR_ROWS = 50
# Pairs with columns that say little themselves cost time and add nothing.
_MAX_CROSSES = 5


@dataclass(frozen=True)
class ColumnPlan:
    """Columns by the way in which they are encoded; those in `numeric_codes` are in `wide` too, `times` in `dates`.

    `crossed` are the columns of category codes whose pairs with the first of them are features as well.
    """

    numbers: list[str]
    scales: list[str]
    categories: list[str]
    id_categories: list[str]
    wide: list[str]
    numeric_codes: list[str]
    crossed: list[str]
    dates: list[str]
    times: list[str]
    texts: list[str]

    @property
    def features(self) -> list[str]:
        """Every column that the model reads, in the order of the encoded array."""
        ordered = (self.categories, self.id_categories, self.scales, self.numbers, self.wide, self.dates, self.texts)
        return [name for names in ordered for name in names]


def plan_columns(
    train: pd.DataFrame,
    labels: Labels,
    id_categories: Sequence[str] = (),
    dates: Sequence[str] = (),
    texts: Sequence[str] = (),
) -> ColumnPlan:
    """Choose how to encode each column from the training rows alone.

    Args:
        train: Training rows of the features; float64 or text columns.
        labels: Of the training rows, shape (rows,).
        id_categories: Numeric columns whose numbers are names (codes), not quantities.
        dates: Columns of ISO 8601 texts.
        texts: Columns of free text.
    """
    plan = ColumnPlan([], [], [], [], [], [], [], [], [], [])
    for name in train.columns:
        column = train[name]
        if not is_text(column):
            (plan.id_categories if name in id_categories else plan.numbers).append(name)
            continue
        if name in dates:
            plan.dates.append(name)
            if any("T" in moment for moment in values_of(column)):
                plan.times.append(name)
            continue
        if name in texts:
            plan.texts.append(name)
            continue
        values = len(values_of(column))
        if values <= _SCALE_VALUES:
            plan.scales.append(name)
        elif values <= _FEW_VALUES:
            plan.categories.append(name)
        else:
            plan.wide.append(name)
            if _mostly_numbers(column):
                plan.numeric_codes.append(name)
    plan.crossed.extend(_crossed(train, labels, plan))
    return plan


def _crossed(train: pd.DataFrame, labels: Labels, plan: ColumnPlan) -> list[str]:
    """Return the columns of category codes, the one that says most about the label first.

    What the others mean depends on it: after a discharge to a nursing home, a diagnosis has another rate than at home.
    """
    few = [*plan.categories, *plan.id_categories]
    if len(few) + len(plan.wide) < 2 or not few:
        return []
    spreads = {name: _spread(train[name], labels) for name in (*few, *plan.wide)}
    first = max(few, key=spreads.__getitem__)
    names = [first, *sorted(spreads.keys() - {first}, key=lambda name: (-spreads[name], name))]
    return names[: 1 + _MAX_CROSSES]


def _spread(column: pd.Series, labels: Labels) -> float:
    """Return how far the positive rates of the column's values lie apart: their variance over rows, shrunk."""
    import pandas as pd

    codes, values = codes_of(column)
    # In the order of the values, what is missing last: sums depend on it in their last digits.
    order = np.append(np.argsort(np.argsort(values)), len(values))[codes]
    deviations = pd.Series(labels - labels.mean()).groupby(order).agg(["sum", "size"])
    return float((deviations["size"] * (deviations["sum"] / (deviations["size"] + _PRIOR_ROWS)) ** 2).sum())


def _mostly_numbers(column: pd.Series) -> bool:
    import pandas as pd

    counts = counts_of(column)
    numbers = pd.to_numeric(pd.Series(counts.index, dtype=object), errors="coerce").notna().to_numpy()
    return bool(counts.to_numpy()[numbers].sum() >= _MIN_SHARE_OF_NUMBERS * counts.sum())
