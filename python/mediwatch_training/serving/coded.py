"""Columns of many records that hold each value once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..shapes import Ints, Value


@dataclass(frozen=True, slots=True)
class Coded:
    """A column.

    Attributes:
        values: What comes in it.
        codes: Which of these each record has, shape (records,).
    """

    values: list[Value]
    codes: Ints

    def __len__(self) -> int:
        """How many records there are."""
        return len(self.codes)

    def __iter__(self) -> Iterator[Value]:
        """Yield the value of each record."""
        return map(self.values.__getitem__, self.codes.tolist())

    def places(self) -> list[int]:
        """Return the first record that has each value."""
        first = np.zeros(len(self.values), dtype=np.intp)
        # Of several records with one value, the last one assigned stays.
        first[self.codes[::-1]] = np.arange(len(self))[::-1]
        return first.tolist()


class Numbers(dict["Value", int]):
    """The number of each value, in the order in which they are asked for."""

    def __missing__(self, value: Value) -> int:
        """Return the next number."""
        self[value] = number = len(self)
        return number


def same(value: Value, rows: int) -> Coded:
    """Return the column of records that all have one value."""
    return Coded([value], np.zeros(rows, dtype=np.intp))


def values_of(column: Sequence[Value] | Coded) -> Sequence[Value]:
    """Return the values of a column: of a coded one, each once."""
    return column.values if isinstance(column, Coded) else column
