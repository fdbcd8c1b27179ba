"""What the names of columns mean: those that number the rows, and those of the prediction log."""

from __future__ import annotations

import re

#: Says of a column of a log that it is a feature, whatever it is called besides.
FEATURE = "feature."
#: The column of a log that says which registered model predicted. A feature is hardly ever called so.
MODEL = "registered_model"
#: What a log holds beside features, predictions and outcomes, in this order.
ABOUT = ("event_id", "ts", MODEL, "model_version", "threshold")
#: How predictions and outcomes are called where nothing says it.
PREDICTIONS, OUTCOMES = ("prob", "pred", "prediction"), ("target", "label")
_UNNAMED = re.compile(r"(unnamed: ?\d+(_level_\d+)?|__index_level_\d+__|)", re.IGNORECASE)
_ROW = re.compile(r"index|level_\d+|row(_?(number|id|nr|no|index))?", re.IGNORECASE)


def is_unnamed(name: str) -> bool:
    """Whether a column has no name but what pandas makes of none, as the index of a table has."""
    return _UNNAMED.fullmatch(name.strip()) is not None


def may_number_rows(name: str) -> bool:
    """Whether a column is called as one that numbers the rows."""
    return is_unnamed(name) or _ROW.fullmatch(name.strip()) is not None


def logged_as(feature: str) -> str:
    """Return what the column of a feature is called in a log: like it, unless that name means something else there."""
    taken = feature in ABOUT or feature in PREDICTIONS or feature in OUTCOMES or may_number_rows(feature)
    return f"{FEATURE}{feature}" if taken or feature.startswith(FEATURE) else feature
