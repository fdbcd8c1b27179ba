"""Columns that hold each distinct value once, and a number of one or two bytes a row that says which it is.

Such a column is categorical to pandas. One of more distinct values is as usual: float64, or text as Python strings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    import pandas as pd

    from ..shapes import Cells, Codes

# A number of two bytes can tell so many values apart.
_MAX_VALUES = 2**15 - 1


def coded(codes: Codes, values: Cells, name: Hashable = None) -> pd.Series:
    """Return the column whose rows hold `values[code]`, coded if it has few of them.

    Args:
        codes: Which value each row holds, shape (rows,); -1 for none.
        values: float64 or objects; one may come several times, and NaN and None are none.
        name: Of the column.
    """
    import pandas as pd

    if len(values) <= _MAX_VALUES:
        # By their bits: -0.0 is not 0.0, and pandas has no two categories that are equal.
        numbers, _ = pd.factorize(values.view(np.int64) if values.dtype == np.float64 else values)
        numbers = np.where(pd.isna(values), -1, numbers)
        kept, places, again = np.unique(numbers, return_index=True, return_inverse=True)
        first = int(kept[:1].tolist() == [-1])
        categories = pd.Index(values[places[first:]])
        if categories.is_unique:
            lookup = np.append(again - first, -1).astype(np.min_scalar_type(-len(values) - 1))
            return pd.Series(pd.Categorical.from_codes(cast("list[int]", lookup[codes]), categories), name=name)
    return pd.Series(with_missing(values)[codes], name=name, copy=False)


def objects(values: Iterable[object]) -> Cells:
    """Return values as an array of objects, whatever they are."""
    # Without the last one NumPy would take numbers for an array of numbers.
    return np.array([*values, None], object)[:-1]


def with_missing(values: Cells) -> Cells:
    """Return values with what stands for a missing one at the end, where the code -1 finds it."""
    return np.append(values, np.array([None if values.dtype == object else np.nan], values.dtype))


def is_coded(column: pd.Series) -> bool:
    """Whether a column holds each distinct value once."""
    import pandas as pd

    return isinstance(column.dtype, pd.CategoricalDtype)


def is_text(column: pd.Series) -> bool:
    """Whether a column holds text, and not numbers."""
    return (column.cat.categories if is_coded(column) else column).dtype.kind == "O"


def plain(column: pd.Series) -> pd.Series:
    """Return a column as float64, or as text with None for what is missing."""
    import pandas as pd

    if not is_coded(column):
        return column
    codes, values = codes_of(column)
    return pd.Series(with_missing(values)[codes], column.index, name=column.name)


def plain_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table of plain columns."""
    import pandas as pd

    return pd.DataFrame({name: plain(frame[name]) for name in frame}, frame.index, copy=False)


def codes_of(column: pd.Series) -> tuple[Codes, Cells]:
    """Return which value each row holds, -1 for none, and the values; of a part of a column it may hold more."""
    import pandas as pd

    if is_coded(column):
        codes, values = column.cat.codes.to_numpy(), column.cat.categories.to_numpy()
    else:
        codes, values = pd.factorize(column)
    return cast("tuple[Codes, Cells]", (codes, np.asarray(values)))


def values_of(column: pd.Series) -> Cells:
    """Return the distinct values of a column."""
    if not is_coded(column):
        return column.dropna().unique()
    codes = np.unique(column.cat.codes.to_numpy())
    return column.cat.categories.to_numpy()[codes[codes >= 0]]


def counts_of(column: pd.Series) -> pd.Series:
    """Return how often each value occurs, the commonest first."""
    import pandas as pd

    if not is_coded(column):
        return column.value_counts()
    counts = pd.Series(column.cat.codes.to_numpy()).value_counts()
    counts = counts[counts.index >= 0]
    return counts.set_axis(column.cat.categories[counts.index.to_numpy()])
