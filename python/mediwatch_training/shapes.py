"""Types that no library names, for annotations alone: importing NumPy takes a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from .serving.coded import Coded

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.int64]
    # What is predicted: numbers of a regression, else numbers of classes.
    Labels: TypeAlias = NDArray[np.float64 | np.int64]
    Flags: TypeAlias = NDArray[np.bool_]
    # Which of the distinct values of a column each row holds, -1 for none; and values.
    Codes: TypeAlias = NDArray[np.int8 | np.int16 | np.int32 | np.int64]
    Cells: TypeAlias = NDArray[np.float64 | np.object_]
    # A cell of the data, and a row by the names of its columns.
    Value: TypeAlias = "str | float | bool | None"
    Record: TypeAlias = dict[str, Value]
    # The values of each column of a table.
    Columns: TypeAlias = Mapping[str, list[Value] | Coded]
    # What a served model says of records: numbers by its task, or what it returns for each.
    Predicted: TypeAlias = Floats | list[object]

# Histogram gradient boosting or a random forest.
ModelKind: TypeAlias = Literal["hgb", "rf"]
# One of two values, one of several, or a number.
Task: TypeAlias = Literal["binary", "multiclass", "regression"]


class Estimator(Protocol):
    """A classifier of scikit-learn, or a regressor, which has no probabilities."""

    def fit(self, X: Floats, y: Labels, **validation: Labels) -> Estimator:
        """Learn from features, shape (rows, columns), and labels, shape (rows,)."""
        ...

    def get_params(self) -> dict[str, object]:
        """Return the parameters that it is made with."""
        ...

    def predict_proba(self, X: pd.DataFrame | Floats) -> Floats:
        """Return the probabilities of all classes, shape (rows, classes)."""
        ...

    def predict(self, X: pd.DataFrame | Floats) -> Floats:
        """Return the classes or numbers, shape (rows,)."""
        ...


class Encoder(Protocol):
    """A transformer of scikit-learn from raw records to features."""

    def fit(self, X: pd.DataFrame) -> Encoder:
        """Learn from records, where no labels are needed."""
        ...

    def fit_transform(self, X: pd.DataFrame | Floats, y: Labels) -> Floats:
        """Learn from records and their labels; return their features, shape (rows, columns)."""
        ...

    def transform(self, X: pd.DataFrame | Floats) -> Floats:
        """Return the features of records, shape (rows, columns)."""
        ...
