"""Finds out what is to be predicted: one of two values, one of several, or a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ..errors import DataInvalid
from ..values import decimal_of, number_of
from .coded import codes_of

if TYPE_CHECKING:
    import pandas as pd

    from ..shapes import Floats, Ints, Labels, Task

Wanted: TypeAlias = "Literal['auto'] | Task"

# What the bundled data call positive: "readmitted within 30 days".
_BUNDLED_POSITIVE = "<30"
_TRUTH_VALUES = {"true", "false"}
_POSITIVE_WORDS = {"1", "true", "t", "yes", "y", "positive", "pos"}
_NEGATIVE_WORDS = {"0", "false", "f", "no", "n", "negative", "neg"}
_MAX_CLASSES = 50
# A column of numbers with more different ones than this is a quantity.
_MAX_NUMBERED_CLASSES = 20
# A value of fewer rows than this may be a person's own: it is counted, and not named.
_CLASS_ROWS = 20
# Fewer rows of a class than this in a split say nothing.
_MIN_CLASS_ROWS = 2


@dataclass(frozen=True)
class Target:
    """What is to be predicted.

    Attributes:
        task: The kind of target.
        labels: 0 or 1; positions in `classes`; or, of a regression, the numbers. Shape (rows,).
        positive: Value that counts as positive, of a binary target.
        classes: Values in their order, of a multiclass target.
    """

    task: Task
    labels: Labels
    positive: str | None = None
    classes: list[str] | None = None

    def positives(self, rows: Ints | slice = slice(None)) -> int | None:
        """Return how many of the rows are positive; None where there is no such thing."""
        return int(self.labels[rows].sum()) if self.task == "binary" else None


def read_target(column: pd.Series, wanted: Wanted, positive: str | None) -> Target:
    """Return the target of each row, as `wanted` or, for "auto", as the values suggest.

    Args:
        column: Text, with at least one row.
        wanted: The kind of target.
        positive: Value that counts as positive; None: the one of the bundled data, else what is found out.

    Raises:
        DataInvalid: A value is missing, or these values cannot be learned in this way.
    """
    import pandas as pd

    name = column.name
    missing = int(column.isna().sum())
    if missing:
        raise DataInvalid(f"{missing} of {len(column)} rows have no value in the target column {name!r}", "target")
    # By distinct value, of which there are few.
    codes, values = codes_of(column)
    distinct = pd.Series(values, dtype=object)
    numbers = _numbers(distinct)
    texts = _respelled(distinct, numbers)
    rows = pd.Series(np.bincount(codes, minlength=len(values)))
    counts = rows.groupby(texts.to_numpy(), sort=False).sum().sort_values(ascending=False)
    if len(counts) == 1:
        raise DataInvalid(
            f"Every row of the target column {name!r} holds the same value: there is nothing to tell apart. Set target "
            "to another column, or add rows of the other kind",
            "target",
        )
    if positive is None and _BUNDLED_POSITIVE in counts:
        positive = _BUNDLED_POSITIVE
    task = _task(wanted, counts, numbers[codes]) if positive is None or wanted != "auto" else "binary"
    if task == "regression":
        return Target(task, _all_numbers(name, numbers[codes]))
    if task == "multiclass":
        target = _multiclass(name, texts, counts, numbers)
    else:
        target = _binary(name, texts, counts, _positive(name, counts) if positive is None else positive)
    return replace(target, labels=target.labels[codes])


def check_splits(target: Target, rows_of: dict[str, Ints]) -> None:
    """Check that each split can be learned from, or scored on.

    Raises:
        DataInvalid: One has too few rows of a class, or one number only.
    """
    if target.task == "regression":
        for split, rows in rows_of.items():
            if len(np.unique(target.labels[rows])) < _MIN_CLASS_ROWS:
                raise DataInvalid(
                    f"The {split} split has {len(rows)} rows, and fewer than {_MIN_CLASS_ROWS} different numbers to "
                    "predict: use more data, or larger fractions",
                    "dataPath",
                )
        return
    kinds = 2 if target.classes is None else len(target.classes)
    labels = target.labels.astype(np.int64)
    counts = {split: np.bincount(labels[rows], minlength=kinds) for split, rows in rows_of.items()}
    if min(int(found.min()) for found in counts.values()) >= _MIN_CLASS_ROWS:
        return
    fewest = np.min(list(counts.values()), axis=0)
    rarest, total = int(np.argmin(fewest)), sum(int(found[np.argmin(fewest)]) for found in counts.values())
    needed = _MIN_CLASS_ROWS * len(rows_of)
    if target.classes is None:
        kind = "positive" if rarest == 1 else "negative"
        said, enough = f"{total} of {len(labels)} rows are {kind}", f"at least {needed} rows are {kind}"
    else:
        few = int((fewest < _MIN_CLASS_ROWS).sum())
        said = f"{few} of {kinds} classes: too few rows; the rarest class has {total} of {len(labels)}"
        enough = f"each class has at least {needed} rows, or put rare classes into one"
    there = ", ".join(f"{found[rarest]} of {len(rows_of[split])} in {split}" for split, found in counts.items())
    cure = (
        f"No seed or fraction can help: add rows until {enough}"
        if total < needed
        else "Add rows, or set other fractions or another seed"
    )
    raise DataInvalid(
        f"{said}: {there}. Each split needs at least {_MIN_CLASS_ROWS} rows of each kind. {cure}", "dataPath"
    )


def _numbers(column: pd.Series) -> Floats:
    """Return distinct values as numbers, NaN for those that are none."""
    import pandas as pd

    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    if np.isnan(values).any():
        # Written as people do: $1,647.27 or 1.647,27.
        texts = [str(text) for text in column.unique()]
        decimal = decimal_of(texts)[0] or "."
        values = column.map({text: number_of(text, decimal) for text in texts}).to_numpy(dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _respelled(column: pd.Series, numbers: Floats) -> pd.Series:
    """Return the values with one spelling each: 1 is 1.0, true is True, and what says yes or no is so in any case."""
    stripped = column.str.strip()
    lowered = stripped.str.lower()
    words, spellings = set(lowered.unique()), stripped.nunique()
    if words <= _TRUTH_VALUES or (len(words) < spellings and words <= _POSITIVE_WORDS | _NEGATIVE_WORDS):
        return lowered
    if spellings < column.nunique():
        column = stripped
    if np.isnan(numbers).any() or len(np.unique(numbers)) == column.nunique():
        return column
    return column.map(dict(zip(column, map(_written, numbers), strict=True)))


def _written(number: float) -> str:
    return str(int(number)) if number.is_integer() else repr(float(number))


def _task(wanted: Wanted, counts: pd.Series, numbers: Floats) -> Task:
    if wanted != "auto":
        return wanted
    if len(counts) == 2:
        return "binary"
    if not np.isnan(numbers).any():
        whole = bool(np.all(numbers == np.round(numbers)))
        are_classes = whole and len(counts) <= _MAX_NUMBERED_CLASSES and counts.min() >= _CLASS_ROWS
        return "multiclass" if are_classes else "regression"
    # Of texts that are no classes, those among numbers are worth a word.
    are_numbers = len(counts) > _MAX_CLASSES and np.isnan(numbers).mean() < 0.5
    return "regression" if are_numbers else "multiclass"


def _all_numbers(name: object, numbers: Floats) -> Floats:
    texts = np.flatnonzero(np.isnan(numbers))
    if len(texts):
        raise DataInvalid(
            f"The target column {name!r} holds numbers, but for {len(texts)} of {len(numbers)} rows, the first of them "
            f"row {texts[0] + 1} below the header: correct these, or set task to multiclass",
            "target",
        )
    return numbers


def _multiclass(name: object, texts: pd.Series, counts: pd.Series, numbers: Floats) -> Target:
    if len(counts) > _MAX_CLASSES:
        raise DataInvalid(
            f"The target column {name!r} holds {len(counts)} different values: a classification has at most "
            f"{_MAX_CLASSES} classes, and a regression needs numbers. Set target to another column, or positive to the "
            "value that is to be told from all others",
            "target",
        )
    in_order = not np.isnan(numbers).any()
    classes = [str(value) for value in sorted(counts.index, key=(lambda value: float(value)) if in_order else str)]
    place = {value: number for number, value in enumerate(classes)}
    return Target("multiclass", texts.map(place).to_numpy().astype(np.int64), classes=classes)


def _positive(name: object, counts: pd.Series) -> str:
    """Return the value that counts as positive: by what it says, else the rarer one, else the last by name."""
    if len(counts) > 2:
        raise DataInvalid(
            f"The target column {name!r} holds {len(counts)} different values: set positive to the one that is to be "
            "told from all others, or task to multiclass or regression",
            "positive",
        )
    first, second = sorted((str(value) for value in counts.index), key=lambda value: (counts[value], value))
    for one, other in ((first, second), (second, first)):
        if one.lower() in _POSITIVE_WORDS or other.lower() in _NEGATIVE_WORDS:
            return one
    return first if counts[first] < counts[second] else second


def _binary(name: object, texts: pd.Series, counts: pd.Series, positive: str) -> Target:
    labels = (texts == _spelled(positive, counts)).to_numpy().astype(np.int64)
    if labels.any():
        return Target("binary", labels, positive=positive)
    raise DataInvalid(
        f"The target column {name!r} never holds {positive!r}, but {_others(counts)}. Set positive to the value that "
        "counts as positive, written as in the file; or leave it out, and the kind of target is found out",
        "positive",
    )


def _spelled(positive: str, counts: pd.Series) -> str:
    """Return the value as the respelled column has it."""
    for spelling in (positive, positive.strip(), positive.strip().lower()):
        if spelling in counts:
            return spelling
    try:
        return _written(float(positive))
    except (ValueError, OverflowError):
        return positive


def _others(counts: pd.Series) -> str:
    values: Sequence[object] = list(counts.index)
    if len(values) == 2 and counts.min() >= _CLASS_ROWS:
        return f"{values[0]!r} and {values[1]!r}"
    return f"{len(values)} other values"
