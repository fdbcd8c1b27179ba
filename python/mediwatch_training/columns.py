"""Decides which columns a model uses, and as what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# A text column with up to this many values is read as an ordered scale ("No", "Steady", "Up"): with so few, a tree
# needs no more splits than with unordered categories, and learns much faster.
_SCALE_VALUES = 4
# A text column with more values than this (diagnosis codes, specialties) is described by the positive rate of each.
_FEW_VALUES = 30
# Below this share of rows that differ from the commonest value, a column only costs time.
_MIN_SHARE_THAT_DIFFERS = 0.005
# ICD-9 codes are numbers in the order of their chapters, with some V and E codes among them.
_MIN_SHARE_OF_NUMBERS = 0.8


@dataclass(frozen=True)
class ColumnPlan:
    """Columns by the way in which they are encoded; a column in `numeric_codes` is in `wide` too."""

    numbers: list[str]
    scales: list[str]
    categories: list[str]
    id_categories: list[str]
    wide: list[str]
    numeric_codes: list[str]

    @property
    def features(self) -> list[str]:
        """Every column that the model reads, in the order of the encoded array."""
        return [*self.categories, *self.id_categories, *self.scales, *self.numbers, *self.wide]

    def kind(self, name: str) -> str:
        """Return "numeric" or "categorical"."""
        return "numeric" if name in self.numbers else "categorical"


def plan_columns(train: pd.DataFrame, id_categories: list[str]) -> ColumnPlan:
    """Choose how to encode each column from the training rows alone.

    Args:
        train: Training rows of the candidate features; float64 or text columns.
        id_categories: Numeric columns whose numbers are names (codes), not quantities.
    """
    plan = ColumnPlan([], [], [], [], [], [])
    for name in train.columns:
        column = train[name]
        if _hardly_varies(column):
            continue
        if column.dtype != object:
            (plan.id_categories if name in id_categories else plan.numbers).append(name)
            continue
        values = column.nunique()
        if values <= _SCALE_VALUES:
            plan.scales.append(name)
        elif values <= _FEW_VALUES:
            plan.categories.append(name)
        else:
            plan.wide.append(name)
            if _mostly_numbers(column):
                plan.numeric_codes.append(name)
    return plan


def _hardly_varies(column: pd.Series) -> bool:
    counts = column.value_counts(dropna=False)
    return counts.iloc[0] > (1 - _MIN_SHARE_THAT_DIFFERS) * len(column)


def _mostly_numbers(column: pd.Series) -> bool:
    import pandas as pd

    counts = column.value_counts()
    numbers = pd.to_numeric(pd.Series(counts.index, dtype=object), errors="coerce").notna().to_numpy()
    return bool(counts.to_numpy()[numbers].sum() >= _MIN_SHARE_OF_NUMBERS * counts.sum())
