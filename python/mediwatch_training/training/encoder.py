"""Turns raw records into the numeric array that the estimators take.

The encoder and the whole model are made of scikit-learn's classes and pandas functions only, so that a logged
model loads wherever those are installed, without this package.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from ..values import category_of
from .coded import codes_of, is_coded, plain_frame, with_missing
from .columns import ColumnPlan

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.compose import ColumnTransformer

    from ..shapes import Codes, Encoder, Floats, Labels, Task

# Codes beyond the commonest 29 are one category: rarer ones have too few rows to learn from.
_MAX_CATEGORIES = 30
# Weight of the overall positive rate in a category's own, in rows (Micci-Barreca 2001, as in TargetEncoder).
_SMOOTHING = 100.0
_PAIR_SMOOTHING = 50.0
# Rarer codes are one category when pairs are made: pairs of them would have too few rows.
_MIN_ROWS_TO_CROSS = 30
# The number of a pair is that of its first code times this, plus that of its second: codes are fewer, so no two
# pairs share a number.
_PAIR_BASE = 1e6
# Days are counted between each two of so many dates.
_MAX_PAIRED_DATES = 4
# A free text becomes so many numbers.
_TOPICS = 20
_WORD_HASHES = 2**11
# A missing text is a category like another: that it is missing says something too.
_MISSING = "?"
# Parts of the encoder that learn the values of columns.
_CATEGORY_PARTS = ("categories", "id_categories", "scales", "wide")
# Parts that make of each cell the same whatever is in the other columns of its row. Of those, these learn nothing from
# how often a value comes: to fit them, each value once is enough.
_BY_VALUE = ("scales", "numbers", "numeric_codes", "dates", "months", "weekdays", "hours")
# A column whose values are fewer is kept as these and a number a row.
_MIN_SHARE_TO_CODE = 0.1
_BY_COLUMN = ("categories", "id_categories", "wide", *_BY_VALUE)


def make_encoder(plan: ColumnPlan, seed: int, task: Task = "binary") -> ColumnTransformer:
    """Return an unfitted encoder of a data frame of raw records.

    It takes what `values.read_value` makes of a cell: None or NaN for a missing value, categories never seen, numbers
    and numeric codes as numbers or text, dates as ISO 8601. Categories come first in its output: `categorical_columns`
    counts on it. Pairs come last: a model leaves them out by its first columns.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline

    parts = [
        ("categories", make_pipeline(_as_text(), _ordinal(_MAX_CATEGORIES)), plan.categories),
        ("id_categories", make_pipeline(_as_numbers(), _ordinal(_MAX_CATEGORIES)), plan.id_categories),
        ("scales", make_pipeline(_as_text(), _ordinal(None)), plan.scales),
        ("numbers", _as_numbers(), plan.numbers),
        ("numeric_codes", _as_numbers(), plan.numeric_codes),
        (
            "wide",
            make_pipeline(_as_text(), _target_encoder(_SMOOTHING, seed, task)),
            plan.wide,
        ),
        ("dates", _days(), plan.dates),
        ("months", _months(), plan.dates),
        ("weekdays", make_pipeline(_days(), _shifted("floordiv", 1), _shifted("mod", 7)), plan.dates),
        ("hours", make_pipeline(_days(), _shifted("mod", 1)), plan.times),
        *((f"between_{n}", make_pipeline(_days(), _difference()), pair) for n, pair in enumerate(_date_pairs(plan))),
        *((f"text_{n}", _topics(seed), [name]) for n, name in enumerate(plan.texts)),
    ]
    if plan.crossed:
        parts.append(("pairs", _pairs(plan, seed, task), plan.crossed))
    return ColumnTransformer([part for part in parts if part[2]], remainder="drop")


class Encoded:
    """The encoded rows of a split, of which only some are made at a time."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._parts: list[tuple[Floats, Codes | None]] = []

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns there are."""
        return self._rows, sum(values.shape[1] for values, _ in self._parts)

    def append(self, values: object, codes: Codes | None = None) -> None:
        """Add columns: those of each row or, with codes, of each value."""
        array = np.asarray(values, dtype=np.float64)
        self._parts.append((array.reshape(len(array), -1), codes))

    def append_few(self, values: object) -> None:
        """Add columns of each row, of which most have few values: such a one is kept by value, told by its bits."""
        import pandas as pd

        for column in np.ascontiguousarray(np.asarray(values, dtype=np.float64).T):
            codes, bits = pd.factorize(column.view(np.int64))
            if len(bits) < _MIN_SHARE_TO_CODE * self._rows:
                self.append(bits.view(np.float64), codes.astype(np.min_scalar_type(len(bits))))
            else:
                self.append(column)

    def blocks(self, rows: int) -> Iterator[Floats]:
        """Yield the array in so many rows at a time."""
        for begin in range(0, self._rows, rows):
            block = slice(begin, begin + rows)
            yield np.hstack([values[block] if codes is None else values[codes[block]] for values, codes in self._parts])


def encode(
    plan: ColumnPlan, seed: int, task: Task, train: pd.DataFrame, labels: Labels, other: pd.DataFrame
) -> tuple[Encoded, Encoded]:
    """Return what an encoder makes of the training rows when it is fitted on them, and then of other rows.

    The numbers are those of ``fit_transform`` and ``transform`` of `make_encoder`. But columns are encoded one after
    another and, where they are coded, by value, so that no more than a few columns are ever there as a whole.
    """
    from sklearn.base import clone

    encoded = Encoded(len(train)), Encoded(len(other))
    parts = cast("list[tuple[str, object, list[str]]]", make_encoder(plan, seed, task).transformers)
    for part, transformer, columns in parts:
        if part == "pairs":
            _encode_pairs(plan, _target_encoder(_PAIR_SMOOTHING, seed, task), train, labels, other, encoded)
            continue
        for names in [[name] for name in columns] if part in _BY_COLUMN else [columns]:
            fitted = cast("Encoder", clone(transformer))
            coded = part in _BY_COLUMN and is_coded(train[names[0]])
            if coded and part in _BY_VALUE:
                known, codes = _by_value(train[names])
                # Any labels will do, as these parts look at none.
                encoded[0].append(fitted.fit_transform(known, labels[: len(known)]), codes)
            elif coded and part != "wide":
                fitted.fit(plain_frame(train[names]))
                encoded[0].append(*_transformed(fitted, train[names]))
            elif part == "wide":
                encoded[0].append_few(fitted.fit_transform(plain_frame(train[names]), labels))
            else:
                encoded[0].append(fitted.fit_transform(plain_frame(train[names]), labels))
            encoded[1].append(*_transformed(fitted, other[names]))
    return encoded


def _encode_pairs(
    plan: ColumnPlan,
    rates: object,
    train: pd.DataFrame,
    labels: Labels,
    other: pd.DataFrame,
    encoded: tuple[Encoded, Encoded],
) -> None:
    """Encode the pairs one after another: the rates of one do not depend on the others."""
    from sklearn.base import clone

    def numbers(name: str) -> list[Floats]:
        fitted = cast("Encoder", _cross_codes(plan, name)).fit(plain_frame(train[[name]]))
        parts = [_transformed(fitted, frame[[name]]) for frame in (train, other)]
        return [values if codes is None else values[codes] for values, codes in parts]

    first, *others = plan.crossed
    bases = [codes * _PAIR_BASE for codes in numbers(first)]
    for name in others:
        pairs = [base + codes for base, codes in zip(bases, numbers(name), strict=True)]
        fitted = cast("Encoder", clone(rates))
        encoded[0].append_few(fitted.fit_transform(pairs[0], labels))
        encoded[1].append_few(fitted.transform(pairs[1]))


def _transformed(fitted: Encoder, frame: pd.DataFrame) -> tuple[Floats, Codes | None]:
    """Return what an encoder makes of columns: of one that is coded, by value."""
    if frame.shape[1] == 1 and is_coded(frame.iloc[:, 0]):
        known, codes = _by_value(frame)
        return fitted.transform(known), codes
    return fitted.transform(plain_frame(frame)), None


def _by_value(frame: pd.DataFrame) -> tuple[pd.DataFrame, Codes]:
    """Return a table with each value of its only column once, and in which row of it each row's is."""
    import pandas as pd

    (name,) = frame
    codes, values = codes_of(frame[name])
    missing = len(values)
    there, places = np.unique(np.where(codes < 0, missing, codes), return_inverse=True)
    known = with_missing(values)[there]
    return pd.DataFrame({name: known}), places.astype(np.min_scalar_type(-missing - 1))


def categorical_columns(plan: ColumnPlan) -> list[int]:
    """Return the positions in the encoded array that hold category codes without an order."""
    return list(range(len(plan.categories) + len(plan.id_categories)))


def known_categories(model: object) -> dict[str, list[str]]:
    """Return the values of each column of categories that a model's encoder has seen, sorted; none for another's."""
    encoder = _steps(model)[0]
    found: dict[str, list[str]] = {}
    for part, transformer, columns in getattr(encoder, "transformers_", []):
        last = _steps(transformer)[-1]
        categories = getattr(last, "categories_", None)
        if part in _CATEGORY_PARTS and isinstance(columns, list) and categories is not None:
            names = cast("list[object]", columns)
            found |= {
                str(name): [category_of(value) for value in values]
                for name, values in zip(names, categories, strict=False)
            }
    return found


def _steps(model: object) -> list[object]:
    """Return what a pipeline consists of; of anything else, nothing that is known."""
    return [step for _, step in getattr(model, "steps", [])] or [None]


def _pairs(plan: ColumnPlan, seed: int, task: Task) -> object:
    """Describe each pair of the first of the crossed columns and another by its positive rate."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    codes = ColumnTransformer([(name, _cross_codes(plan, name), [name]) for name in plan.crossed])
    others = len(plan.crossed) - 1
    weights = np.vstack([np.full(others, _PAIR_BASE), np.eye(others)])
    return make_pipeline(
        codes,
        FunctionTransformer(np.dot, kw_args={"b": weights}),
        _target_encoder(_PAIR_SMOOTHING, seed, task),
    )


def _target_encoder(smooth: float, seed: int, task: Task) -> object:
    from sklearn.preprocessing import TargetEncoder

    target_type = "continuous" if task == "regression" else task
    # Its annotation forgets that a number is allowed.
    return TargetEncoder(smooth=cast("str", smooth), target_type=target_type, random_state=seed)


def _cross_codes(plan: ColumnPlan, name: str) -> object:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    codes = OrdinalEncoder(
        min_frequency=_MIN_ROWS_TO_CROSS,
        handle_unknown="use_encoded_value",
        unknown_value=-1,
        encoded_missing_value=-2,
    )
    return make_pipeline(_as_numbers() if name in plan.id_categories else _as_text(), codes)


def _as_text() -> object:
    import pandas as pd
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    return make_pipeline(
        FunctionTransformer(pd.DataFrame.astype, kw_args={"dtype": "string"}),
        FunctionTransformer(pd.DataFrame.to_numpy, kw_args={"dtype": object, "na_value": _MISSING}),
    )


def _date_pairs(plan: ColumnPlan) -> list[list[str]]:
    """Return the pairs of dates between which the days are counted."""
    return [list(pair) for pair in itertools.combinations(plan.dates[:_MAX_PAIRED_DATES], 2)]


def _days() -> object:
    """Return what turns dates into days since 1970, with their fractions; which year it is says this as well."""
    import pandas as pd
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    parse = {"func": pd.to_datetime, "errors": "coerce", "format": "ISO8601", "utc": True}
    return make_pipeline(
        FunctionTransformer(pd.DataFrame.apply, kw_args=parse),
        FunctionTransformer(pd.DataFrame.sub, kw_args={"other": pd.Timestamp(0, tz="UTC")}),
        FunctionTransformer(pd.DataFrame.div, kw_args={"other": pd.Timedelta(days=1)}),
    )


def _months() -> object:
    import pandas as pd
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    month = {"to_replace": r"^\d{4}-(\d\d).*$", "value": r"\1", "regex": True}
    return make_pipeline(FunctionTransformer(pd.DataFrame.replace, kw_args=month), _as_numbers())


def _shifted(operation: Literal["floordiv", "mod"], other: int) -> object:
    import pandas as pd
    from sklearn.preprocessing import FunctionTransformer

    function = pd.DataFrame.floordiv if operation == "floordiv" else pd.DataFrame.mod
    return FunctionTransformer(function, kw_args={"other": other})


def _difference() -> object:
    from sklearn.preprocessing import FunctionTransformer

    return FunctionTransformer(np.dot, kw_args={"b": np.array([[-1.0], [1.0]])})


def _topics(seed: int) -> object:
    """Describe a text by what its words have in common with those of others (latent semantic analysis)."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    # Hashed, so that there are as many numbers whatever words there are.
    return make_pipeline(
        _as_text(),
        FunctionTransformer(np.ravel),
        # Its annotation forgets that there may be none.
        HashingVectorizer(n_features=_WORD_HASHES, alternate_sign=False, norm=cast("str", None)),
        TfidfTransformer(sublinear_tf=True),
        TruncatedSVD(_TOPICS, random_state=seed),
    )


def _as_numbers() -> object:
    import pandas as pd
    from sklearn.preprocessing import FunctionTransformer

    return FunctionTransformer(pd.DataFrame.apply, kw_args={"func": pd.to_numeric, "errors": "coerce"})


def _ordinal(max_categories: int | None) -> object:
    from sklearn.preprocessing import OrdinalEncoder

    return OrdinalEncoder(
        max_categories=max_categories,
        handle_unknown="use_encoded_value",
        unknown_value=-1,
        encoded_missing_value=np.nan,
    )
