"""Types that no library names, for annotations alone: importing NumPy takes a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.int64]
    Flags: TypeAlias = NDArray[np.bool_]
    # A cell of the data, and a row by the names of its columns.
    Value: TypeAlias = "str | float | bool | None"
    Record: TypeAlias = dict[str, Value]

# Histogram gradient boosting or a random forest.
ModelKind: TypeAlias = Literal["hgb", "rf"]


class Estimator(Protocol):
    """A classifier of scikit-learn."""

    def fit(self, X: Floats, y: Ints, **validation: Floats | Ints) -> Estimator:
        """Learn from features, shape (rows, columns), and labels, 0 or 1, shape (rows,)."""
        ...

    def get_params(self) -> dict[str, object]:
        """Return the parameters that it is made with."""
        ...

    def predict_proba(self, X: pd.DataFrame | Floats) -> Floats:
        """Return the probabilities of both classes, shape (rows, 2)."""
        ...


class Encoder(Protocol):
    """A transformer of scikit-learn from raw records to features."""

    def fit_transform(self, X: pd.DataFrame, y: Ints) -> Floats:
        """Learn from records and their labels; return their features, shape (rows, columns)."""
        ...

    def transform(self, X: pd.DataFrame) -> Floats:
        """Return the features of records, shape (rows, columns)."""
        ...
