"""Decides what each column of a table holds, or why no model reads it, and reads its cells accordingly.

A kind comes from the training rows; how dates and numbers are written comes from all rows, as any one may settle
whether 03/04 is in March. What is dropped, guessed or lost is said, as a code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..errors import DataInvalid
from ..names import is_unnamed, may_number_rows
from ..values import (
    DAY_FIRST,
    DECIMAL_COMMA,
    ISO,
    MONTH_FIRST,
    category_of,
    date_of,
    decimal_of,
    has_unit,
    is_missing,
    number_of,
    truth_of,
)
from .cells import (
    MIN_SHARE,
    has_decimal_commas,
    mean_words,
    read_column,
    reread_fractions,
    share_of,
    spelled,
    truths_of,
)
from .coded import coded, codes_of, counts_of, is_text, objects, values_of

if TYPE_CHECKING:
    from typing import Literal, TypeAlias

    import pandas as pd

    from ..contract import PrepareResultDropped, PrepareResultFeature, PrepareResultRemark
    from ..shapes import Flags
    from ..values import Decimal, Kind
    from .table import Table

    Wanted: TypeAlias = Literal["number", "category", "date", "boolean", "text", "drop"]
    Reason: TypeAlias = Literal[
        "asked", "group", "empty", "constant", "nearlyConstant", "rowNumber", "identifier", "tooManyTexts"
    ]
    RemarkCode: TypeAlias = Literal[
        "encoding", "separator", "lost", "notNumbers", "units", "dayOrMonth", "pointOrComma"
    ]

# From this share on, a column of text was probably meant to be one of numbers, and people should know.
_MIN_SHARE_TO_REMARK = 0.8
# A name of one thing is another one in nearly every row, and a text of several words that differs so often is a remark.
_MIN_SHARE_OF_NAMES, _MIN_SHARE_OF_REMARKS = 0.95, 0.2
_FEW_VALUES = 30
_MIN_WORDS = 3.0
# Each is described by twenty numbers.
_MAX_TEXTS = 5
# Below this share of rows that differ from the commonest value, a column only costs time.
_MIN_SHARE_THAT_DIFFERS = 0.005
_IDENTIFIER = re.compile(
    r"(?i:(.*[\W_])?(id|uuid|guid|key|nr|no|num|number)\W*)|.*[a-z](Id|ID|Key|Nr|No|Number)", re.ASCII
)
_KINDS: dict[str, Kind] = {
    "number": "numeric",
    "category": "categorical",
    "date": "date",
    "boolean": "boolean",
    "text": "text",
}


@dataclass
class Columns:
    """What was found of the columns of a table.

    Attributes:
        records: Those that a model could read, as it takes them; the others as the file has them.
        features: Kind and format of those that it could read, in the order of the file.
        dropped: The others, and why.
        remarks: What people should know of how the file was read.
    """

    records: pd.DataFrame
    features: list[PrepareResultFeature] = field(default_factory=list["PrepareResultFeature"])
    dropped: list[PrepareResultDropped] = field(default_factory=list["PrepareResultDropped"])
    remarks: list[PrepareResultRemark] = field(default_factory=list["PrepareResultRemark"])

    def names(self, kind: Kind) -> list[str]:
        """Return the columns of a kind."""
        return [feature["name"] for feature in self.features if feature["kind"] == kind]


def find_kinds(
    table: Table, candidates: pd.DataFrame, train: Flags, codes: list[str], wanted: Mapping[str, Wanted]
) -> Columns:
    """Decide on each column, and read its cells.

    Args:
        table: The file.
        candidates: The columns of its frame that may be features; float64 or text.
        train: Which rows the model learns from, shape (rows,).
        codes: Columns whose numbers are names.
        wanted: Kinds that people have chosen, by column; "drop" is one.

    Raises:
        DataInvalid: A column does not hold what people have chosen.
    """
    commas = has_decimal_commas(candidates)
    if commas and table.separator is not None:
        candidates = reread_fractions(table, candidates)
    found = Columns(candidates.copy(deep=False))
    for name in map(str, candidates):
        column = candidates[name]
        reason = _reason(name, column, train, wanted.get(name), name in codes)
        if reason is not None:
            found.dropped.append({"name": name, "reason": reason})
            continue
        one = _Column(table, name, column, train, found, commas or table.separator == ";")
        choice = wanted.get(name)
        if choice is None and name in codes:
            choice = "category"
        feature = one.kind() if choice is None else one.chosen(choice)
        if feature is None:
            found.dropped.append({"name": name, "reason": "identifier"})
            continue
        found.features.append(feature)
    _leave_out_texts(found, wanted)
    return found


def is_row_number(name: str, column: pd.Series) -> bool:
    """Whether a column counts the rows, as pandas writes its index: what it says is their order in some file."""
    if not may_number_rows(name) or is_text(column) or column.isna().any():
        return False
    values = column.to_numpy()
    return bool((values == np.floor(values)).all()) and (is_unnamed(name) or len(np.unique(values)) == len(values))


def _reason(name: str, column: pd.Series, train: Flags, wanted: Wanted | None, is_code: bool) -> Reason | None:
    """Return why a column is no feature, as far as that is known without its kind."""
    if wanted == "drop":
        return "asked"
    counts = counts_of(column[train])
    if is_text(column):
        counts = counts[[not is_missing(value) for value in counts.index]]
    known = int(counts.sum())
    if known == 0:
        return "empty"
    missing = int(train.sum()) - known
    commonest = max(int(counts.iloc[0]), missing)
    if len(counts) + (missing > 0) == 1:
        return "constant"
    if wanted is not None:
        return None
    if commonest > (1 - _MIN_SHARE_THAT_DIFFERS) * int(train.sum()):
        return "nearlyConstant"
    if is_code:
        return None
    if is_row_number(name, column):
        return "rowNumber"
    return "identifier" if not is_text(column) and _is_name(name, column) else None


def _is_name(name: str, column: pd.Series) -> bool:
    """Whether numbers are names of the rows: whole ones, nearly each another one, in a column that is called so."""
    values = values_of(column)
    if _IDENTIFIER.fullmatch(name.strip()) is None or not (values == np.floor(values)).all():
        return False
    return len(values) >= _MIN_SHARE_OF_NAMES * int(column.notna().sum())


class _Column:
    """One column while its kind is looked for; with `commas`, those are in the fractions of the file's numbers."""

    def __init__(self, table: Table, name: str, column: pd.Series, train: Flags, found: Columns, commas: bool) -> None:
        self._table = table
        self._name = name
        self._column = column
        self._train = train
        self._found = found
        self._commas = commas

    def kind(self) -> PrepareResultFeature | None:
        """Return the kind and the format, after reading the cells; None for names of the rows."""
        if not is_text(self._column):
            return {"name": self._name, "kind": "numeric"}
        counts = self._counts()
        share = share_of(counts)
        truths = truths_of(counts)
        if truths is not None:
            return self._read("boolean", truths)
        dates, dates_lost = self._dates(share)
        if dates is not None:
            return self._read("date", dates, dates_lost)
        decimal, unsure, is_number = self._numbers()
        numbers = share(is_number)
        if numbers >= MIN_SHARE:
            if unsure:
                self._found.remarks.append({"code": "pointOrComma", "column": self._name})
            return self._read("numeric", DECIMAL_COMMA if decimal == "," else None, is_number)
        words = mean_words(counts)
        distinct = len(counts) / sum(counts.values())
        if len(counts) > _FEW_VALUES and words >= _MIN_WORDS and distinct >= _MIN_SHARE_OF_REMARKS:
            return self._read("text", None)
        if numbers >= _MIN_SHARE_TO_REMARK:
            self._remark("notNumbers", is_number)
        elif share(has_unit) >= MIN_SHARE:
            self._remark("units", lambda text: not has_unit(text))
        elif len(counts) > _FEW_VALUES and distinct >= _MIN_SHARE_OF_NAMES:
            return None
        return self._read("categorical", None)

    def chosen(self, wanted: Wanted) -> PrepareResultFeature:
        """Return the format of the kind that people have chosen, after reading the cells."""
        kind = _KINDS[wanted]
        if not is_text(self._column):
            if kind in ("numeric", "categorical"):
                return {"name": self._name, "kind": kind}
            codes, values = codes_of(self._column)
            self._column = coded(codes, objects(map(category_of, values)))
            self._found.records[self._name] = self._column
        counts = self._counts()
        share = share_of(counts)
        form: str | None = None
        holds: Callable[[str], bool] | None = None
        if kind == "numeric":
            decimal, _, holds = self._numbers()
            form = DECIMAL_COMMA if decimal == "," else None
        elif kind == "date":
            form, holds = self._dates(share)
            form = form or DAY_FIRST
            holds = holds or (lambda text: date_of(text) is not None)
        elif kind == "boolean":
            form, holds = spelled(counts), lambda text: truth_of(text) is not None
        if holds is not None and share(holds) < MIN_SHARE:
            line, cells = self._where(holds)
            raise DataInvalid(
                f"data.columns wants the column {self._name!r} as {wanted}, and {cells} of its cells are none, the "
                f"first one in line {line}: correct them, or choose another kind",
                "columns",
            )
        return self._read(kind, form, holds)

    def _counts(self) -> dict[str, int]:
        """Return how often each value occurs among the training rows; those that count as missing are none."""
        counts = counts_of(self._column[self._train])
        return {str(text): int(count) for text, count in counts.items() if not is_missing(text)}

    def _texts(self) -> list[str]:
        return [text for text in values_of(self._column) if not is_missing(text)]

    def _numbers(self) -> tuple[Decimal, bool, Callable[[str], bool]]:
        """Return what is before fractions, whether that is a guess, and what tells a number."""
        decimal, unsure = decimal_of(self._texts())
        # Of 1,234 and the like other columns, or semicolons between the cells, say what is meant.
        chosen: Decimal = decimal or ("," if unsure and self._commas else ".")
        return chosen, unsure, lambda text: number_of(text, chosen) is not None

    def _dates(
        self, share: Callable[[Callable[[str], bool]], float]
    ) -> tuple[str | None, Callable[[str], bool] | None]:
        """Return how the dates of a column are written, and what tells one; None where it holds none."""
        tests: dict[str, Callable[[str], bool]] = {
            DAY_FIRST: lambda text: date_of(text, True) is not None,
            MONTH_FIRST: lambda text: date_of(text, False) is not None,
        }
        if max(share(test) for test in tests.values()) < MIN_SHARE:
            return None, None
        both = [{text: date_of(text, first) for text in self._texts()} for first in (True, False)]
        if both[0] == both[1]:
            return ISO, tests[DAY_FIRST]
        read = [sum(moment is not None for moment in one.values()) for one in both]
        first = DAY_FIRST if read[0] >= read[1] else MONTH_FIRST
        if read[0] == read[1]:
            self._found.remarks.append({"code": "dayOrMonth", "column": self._name})
        return first.replace("/", self._between()), tests[first]

    def _between(self) -> str:
        """Return what most dates of the column have between day and month."""
        return max("/.-", key=lambda between: sum(between in text[:6] for text in self._texts()))

    def _read(self, kind: Kind, form: str | None, holds: Callable[[str], bool] | None = None) -> PrepareResultFeature:
        """Put the cells into the records as the model takes them; those that are no value of the kind are missing."""
        feature: PrepareResultFeature = {"name": self._name, "kind": kind}
        if form is not None:
            feature["format"] = form
        read = read_column(self._column, feature)
        # A table copies what is put into it.
        if read is not self._column:
            self._found.records[self._name] = read
        if holds is not None:
            self._remark("lost", holds)
        return feature

    def _remark(self, code: RemarkCode, holds: Callable[[str], bool]) -> None:
        """Say how many cells are not as the others, and where the first one is; nothing of what they hold."""
        line, cells = self._where(holds)
        if cells:
            self._found.remarks.append({"code": code, "column": self._name, "cells": cells, "line": line})

    def _where(self, holds: Callable[[str], bool]) -> tuple[int, int]:
        others = {text for text in self._texts() if not holds(text)}
        rows = np.flatnonzero(self._column.isin(others).to_numpy())
        return (self._table.lines([int(rows[0])])[0], len(rows)) if len(rows) else (0, 0)


def _leave_out_texts(found: Columns, wanted: Mapping[str, Wanted]) -> None:
    texts = found.names("text")
    kept = [name for name in texts if name in wanted]
    kept += [name for name in texts if name not in wanted][: max(_MAX_TEXTS - len(kept), 0)]
    for name in texts:
        if name not in kept:
            found.features = [feature for feature in found.features if feature["name"] != name]
            found.dropped.append({"name": name, "reason": "tooManyTexts"})
