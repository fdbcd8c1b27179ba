"""Proposes what to learn from a table: ``python -m mediwatch_training.training.propose FILE``."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, TypedDict

from ..errors import StepError
from ..jsonio import to_json
from ..values import date_of, decimal_of, number_of
from .cells import MIN_SHARE
from .table import read_table

if TYPE_CHECKING:
    import pandas as pd

_TARGET = re.compile(r"^(target|label|labels|outcome|class|response|y)$", re.IGNORECASE)
_POSITIVE = re.compile(r"^(1|1\.0|true|yes|y|positive|pos|failed|fail|bad)$", re.IGNORECASE)
_IDENTIFIER = re.compile(
    r"(^|[ _.-])(id|uuid|guid|nr|no|key)$|^(id|uuid)([ _.-]|$)|(?-i:[a-z](Id|ID|Nr)$)", re.IGNORECASE
)
#: Several rows of one person or thing: at least this many on average.
_ROWS_OF_GROUP = 1.5


class Proposal(TypedDict):
    """What to learn: the column, its positive value of two, the column of groups, and what identifies rows."""

    target: str | None
    why: str
    positive: str | None
    group: str | None
    drop: list[str]


def propose(path: str) -> Proposal:
    """Return what a table seems to be made for.

    Raises:
        StepError: It cannot be read.
    """
    frame = read_table(path).frame
    names = [str(name) for name in frame.columns]
    named = [name for name in names if _TARGET.match(name)]
    target, why = (named[0], "its name says so") if len(named) == 1 else (names[-1], "it is the last column")
    others = [name for name in names if name != target]
    if _is_identifier(target, frame[target]) or frame[target].nunique() < 2:
        target, why = None, "no column has a name such as target or label, and the last one cannot be predicted"
    return {
        "target": target,
        "why": why,
        "positive": None if target is None else _positive(frame[target]),
        "group": next((name for name in others if _is_group(name, frame[name])), None),
        "drop": [name for name in others if _is_identifier(name, frame[name])],
    }


def _positive(column: pd.Series) -> str | None:
    """Return the value of two that says yes, else the rarer one."""
    counts = column.dropna().value_counts()
    if len(counts) != 2:
        return None
    texts = [_text(value) for value in counts.index]
    return next((text for text in texts if _POSITIVE.match(text)), texts[-1])


def _text(value: object) -> str:
    """Return a value as the file has it: numbers are read as fractions."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _is_identifier(name: str, column: pd.Series) -> bool:
    """Whether each row has a value of its own that is no quantity: numbers and dates are, unless they are called id."""
    values = column.dropna()
    if len(values) == 0 or values.nunique() < len(values):
        return False
    if column.dtype.kind == "f" or _is_quantity(list(values)):
        return _IDENTIFIER.search(name) is not None
    return not values.str.contains(r"\s", regex=True).any() and values.str.len().nunique() <= 2


def _is_quantity(texts: list[str]) -> bool:
    """Whether texts are numbers, perhaps with decimal commas, or dates."""
    decimal, _ = decimal_of(texts)
    known = sum(number_of(text, decimal or ".") is not None or date_of(text) is not None for text in texts)
    return known >= MIN_SHARE * len(texts)


def _is_group(name: str, column: pd.Series) -> bool:
    distinct = column.nunique()
    return _IDENTIFIER.search(name) is not None and 2 < distinct <= len(column) / _ROWS_OF_GROUP


if __name__ == "__main__":
    try:
        print(to_json(propose(sys.argv[1])))
    except StepError as error:
        print(to_json({"error": error.message}))
