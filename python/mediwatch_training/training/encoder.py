"""Turns raw records into the numeric array that the estimators take.

The encoder and the whole model are made of scikit-learn's classes and pandas functions only, so that a logged
model loads wherever those are installed, without this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np

from .columns import ColumnPlan

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer

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
# A missing text is a category like another: that it is missing says something too.
_MISSING = "?"
# Parts of the encoder that learn the values of text columns.
_TEXT_PARTS = ("categories", "scales", "wide")


def make_encoder(plan: ColumnPlan, seed: int) -> ColumnTransformer:
    """Return an unfitted encoder of a data frame of raw records.

    It takes what clients send: None or NaN for a missing value, categories never seen, numbers written as text and
    numeric codes written either way. Categories come first in its output: `categorical_columns` counts on it. Pairs
    come last: a model leaves them out by its first columns.
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
            make_pipeline(_as_text(), _target_encoder(_SMOOTHING, seed)),
            plan.wide,
        ),
    ]
    if plan.crossed:
        parts.append(("pairs", _pairs(plan, seed), plan.crossed))
    return ColumnTransformer([part for part in parts if part[2]], remainder="drop")


def categorical_columns(plan: ColumnPlan) -> list[int]:
    """Return the positions in the encoded array that hold category codes without an order."""
    return list(range(len(plan.categories) + len(plan.id_categories)))


def text_categories(model: object) -> dict[str, list[str]]:
    """Return the values of each text column that the encoder of a model has seen, sorted; none for another's model."""
    encoder = _steps(model)[0]
    found: dict[str, list[str]] = {}
    for part, transformer, columns in getattr(encoder, "transformers_", []):
        last = _steps(transformer)[-1]
        categories = getattr(last, "categories_", None)
        if part in _TEXT_PARTS and isinstance(columns, list) and categories is not None:
            names = cast("list[object]", columns)
            found |= {
                str(name): [str(value) for value in values] for name, values in zip(names, categories, strict=False)
            }
    return found


def _steps(model: object) -> list[object]:
    """Return what a pipeline consists of; of anything else, nothing that is known."""
    return [step for _, step in getattr(model, "steps", [])] or [None]


def _pairs(plan: ColumnPlan, seed: int) -> object:
    """Describe each pair of the first of the crossed columns and another by its positive rate."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    codes = ColumnTransformer(
        [
            (name, make_pipeline(_as_numbers() if name in plan.id_categories else _as_text(), _pair_codes()), [name])
            for name in plan.crossed
        ]
    )
    others = len(plan.crossed) - 1
    weights = np.vstack([np.full(others, _PAIR_BASE), np.eye(others)])
    return make_pipeline(
        codes,
        FunctionTransformer(np.dot, kw_args={"b": weights}),
        _target_encoder(_PAIR_SMOOTHING, seed, target_type="binary"),
    )


def _target_encoder(smooth: float, seed: int, target_type: str = "auto") -> object:
    from sklearn.preprocessing import TargetEncoder

    # Its annotation forgets that a number is allowed.
    return TargetEncoder(smooth=cast("str", smooth), target_type=target_type, random_state=seed)


def _pair_codes() -> object:
    from sklearn.preprocessing import OrdinalEncoder

    return OrdinalEncoder(
        min_frequency=_MIN_ROWS_TO_CROSS,
        handle_unknown="use_encoded_value",
        unknown_value=-1,
        encoded_missing_value=-2,
    )


def _as_text() -> object:
    import pandas as pd
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    return make_pipeline(
        FunctionTransformer(pd.DataFrame.astype, kw_args={"dtype": "string"}),
        FunctionTransformer(pd.DataFrame.to_numpy, kw_args={"dtype": object, "na_value": _MISSING}),
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
