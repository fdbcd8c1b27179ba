"""The fitted encoder as tables: every value of a column is encoded once, by the encoder's own parts.

What the encoder makes of a record it makes column by column, but for the pairs of categories and the days between two
dates. A table holds what its parts return for each value of a column: for those of training at first, later for the
others that come. Numbers, which the encoder takes as they are, need none.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, cast

import numpy as np

from ...values import category_of
from ..coded import Coded, values_of
from . import fitted
from .trees import Trees, Unsupported

if TYPE_CHECKING:
    import pandas as pd

    from ...shapes import Columns, Floats, Ints, Value
    from .trees import Encoded

# Parts of `training.encoder`, beside those of texts, each of whose outputs is of one column.
_OF_ONE_COLUMN = frozenset(
    {"categories", "id_categories", "scales", "numeric_codes", "wide", "dates", "months", "weekdays", "hours"}
)
# Values beside those of training that a table keeps: they must not fill the memory.
_MOST_OTHERS = 4096


class Encoding:
    """Encodes columns of values.

    Args:
        encoder: A fitted one of `training.encoder`.
        trees: What reads the encoded columns.

    Raises:
        Unsupported: It has a part that is not known here.
    """

    def __init__(self, encoder: fitted.Columns, trees: Trees) -> None:
        self._trees, self._lock = trees, threading.Lock()
        self._numbers: dict[str, int] = {}
        self._parts: list[_Part] = []
        self._pairs: _Pairs | None = None
        between: list[tuple[list[str], int]] = []
        for name, transformer, columns in encoder.transformers_:
            place = encoder.output_indices_[name]
            if name == "numbers":
                self._numbers = {column: place.start + n for n, column in enumerate(columns)}
            elif name == "pairs":
                self._pairs = _Pairs(transformer, columns, place, trees)
            elif name.startswith("between_"):
                between.append((columns, place.start))
            elif name in _OF_ONE_COLUMN or name.startswith("text_"):
                self._parts.append(_Part(name, transformer, columns, place))
            elif columns:
                raise Unsupported(f"the part {name} of an encoder")
        self.width = max(place.stop for place in encoder.output_indices_.values())
        dates = next((part.columns for part in self._parts if part.name == "dates"), [])
        names = sorted({name for part in self._parts for name in part.columns})
        self._seen: dict[str, list[Value]] = {name: [] for name in names}
        for part in self._parts:
            for name, values in part.categories().items():
                self._seen[name] += values
        # Rows of `_encoded`: their place in the output, and the column that they are of.
        outputs = [(place, names.index(name)) for part in self._parts for name, place in part.outputs()]
        self._places, self._sources = np.array(outputs, dtype=np.intp).reshape(-1, 2).T
        self._crossed = [names.index(name) for name in self._pairs.columns] if self._pairs else []
        self._dated = [names.index(name) for name in dates] if between else []
        self._between = [(dates.index(a), dates.index(b), place) for (a, b), place in between]
        self._reset()

    def encode(self, columns: Columns) -> Encoded:
        """Return the encoded columns, shape (columns, rows), as the trees read them.

        Args:
            columns: The values of each column that the encoder reads, as it takes them.
        """
        with self._lock:
            if any(len(table) > self._most for table in self._tables.values()):
                self._reset()
            try:
                found = self._find(columns)
            except KeyError:
                self._learn(columns)
                found = self._find(columns)
            encoded = np.empty((self.width, found.shape[1]), dtype=self._encoded.dtype)
            encoded[self._places] = _each(self._encoded, found[self._sources])
            codes, days = _each(self._codes, found[self._crossed]), _each(self._days, found[self._dated])
        for name, place in self._numbers.items():
            column = columns[name]
            values = self._trees.read(place, np.array(values_of(column), dtype=np.float64))
            encoded[place] = values[column.codes] if isinstance(column, Coded) else values
        for a, b, place in self._between:
            encoded[place] = self._trees.read(place, days[b] - days[a])
        if self._pairs:
            self._pairs.encode(cast("Ints", codes), encoded)
        return encoded

    def values(self, name: str) -> list[Value]:
        """Return values of a column that are not encoded alike: those of training, or numbers where splits are."""
        return self._seen[name] if name in self._seen else self._trees.edges(self._numbers[name]).tolist()

    def _reset(self) -> None:
        """Keep only the values of training."""
        self._tables: dict[str, dict[Value, int]] = {name: {} for name in self._seen}
        self._encoded = self._trees.read(0, np.empty((len(self._places), 0)))
        self._codes = np.empty((len(self._crossed), 0), dtype=np.intp)
        self._days = np.empty((len(self._dated), 0))
        self._learn({name: [None, *values] for name, values in self._seen.items()})
        self._most = max(map(len, self._tables.values()), default=0) + _MOST_OTHERS

    def _find(self, columns: Columns) -> Ints:
        """Return the place in its table of each value, shape (tables, rows)."""
        rows = len(next(iter(columns.values())))
        places = [_places(table, columns[name]) for name, table in self._tables.items()]
        return np.array(places, dtype=np.intp).reshape(-1, rows)

    def _learn(self, columns: Columns) -> None:
        """Add to the tables the values that are not there."""
        import pandas as pd

        new = {name: list(set(values_of(columns[name])) - table.keys()) for name, table in self._tables.items()}
        height = max(map(len, new.values()), default=0)
        padded = {name: values + [None] * (height - len(values)) for name, values in new.items()}
        frame = pd.DataFrame(padded, dtype=object)
        places = [slice(len(table), len(table) + len(new[name])) for name, table in self._tables.items()]
        missing = max((place.stop for place in places), default=0) - self._encoded.shape[1]
        if missing > 0:
            wider = ((0, 0), (0, missing + self._encoded.shape[1]))
            self._encoded, self._codes = np.pad(self._encoded, wider), np.pad(self._codes, wider)
            self._days = np.pad(self._days, wider)

        def put(array: Encoded, row: int, source: int, values: Encoded) -> None:
            place = places[source]
            array[row, place] = values[: place.stop - place.start]

        row = 0
        for part in self._parts:
            made = part.transform(frame) if any(new[name] for name in part.columns) else None
            for values in () if made is None else made.T:
                put(self._encoded, row, self._sources[row], self._trees.read(int(self._places[row]), values))
                row += 1
            row += part.width if made is None else 0
            if part.name == "dates" and made is not None:
                for n, source in enumerate(self._dated):
                    put(self._days, n, source, made[:, n])
        if self._pairs and any(new[name] for name in self._pairs.columns):
            codes = self._pairs.codes_of(frame)
            for n, source in enumerate(self._crossed):
                put(self._codes, n, source, codes[:, n])
        for name, table in self._tables.items():
            table |= zip(new[name], range(len(table), len(table) + len(new[name])), strict=True)


class _Part:
    """A part of the encoder whose outputs are of one column each: as many of each, column by column."""

    def __init__(self, name: str, transformer: fitted.Transformer, columns: list[str], place: slice) -> None:
        self.name, self.columns, self.width = name, list(columns), place.stop - place.start
        self._transformer, self._first = transformer, place.start

    def outputs(self) -> list[tuple[str, int]]:
        """Return the column and the place of each output."""
        each = self.width // len(self.columns)
        return [(self.columns[n // each], self._first + n) for n in range(self.width)]

    def transform(self, frame: pd.DataFrame) -> Floats:
        """Return the outputs for records, shape (rows, outputs)."""
        return np.asarray(self._transformer.transform(frame[self.columns]), dtype=np.float64)

    def categories(self) -> dict[str, list[str]]:
        """Return the values that it has learned, by column."""
        learned = getattr(_last(self._transformer), "categories_", [])
        known = [list(map(category_of, values.tolist())) for values in learned]
        return dict(zip(self.columns, known, strict=False))


class _Pairs:
    """The part of pairs of categories: what it makes of each two codes."""

    def __init__(self, transformer: fitted.Transformer, columns: list[str], place: slice, trees: Trees) -> None:
        self.columns = list(columns)
        codes, joined, encoder = fitted.steps_of(transformer)
        self._codes, others = cast("fitted.Columns", codes), len(columns) - 1
        # Codes are counted from -2, which is missing, by way of -1, which is unknown.
        sizes = [2 + _codes_of(_last(part)) for _, part, _ in self._codes.transformers_]
        self._base = max(sizes[1:])
        first, other = np.divmod(np.arange(sizes[0] * self._base), self._base)
        grid = np.column_stack([first, *[other] * others]) - 2.0
        made: Floats = encoder.transform(joined.transform(grid))
        self._places = np.arange(place.start, place.stop)
        self._other = 1 + np.arange(len(self._places)) // (len(self._places) // others)
        self._made = np.stack([trees.read(int(at), made[:, n]) for n, at in enumerate(self._places)])

    def codes_of(self, frame: pd.DataFrame) -> Ints:
        """Return the code of each column, from 0, shape (rows, columns)."""
        return np.asarray(self._codes.transform(frame[self.columns])).astype(np.intp) + 2

    def encode(self, codes: Ints, encoded: Encoded) -> None:
        """Write the columns of pairs of codes, which have the shape (columns, rows), into the encoded ones."""
        encoded[self._places] = _each(self._made, (codes[0] * self._base + codes)[self._other])


def _places(table: dict[Value, int], column: list[Value] | Coded) -> list[int] | Ints:
    """Return the place in a table of each value of a column."""
    places = list(map(table.__getitem__, values_of(column)))
    return np.array(places, dtype=np.intp)[column.codes] if isinstance(column, Coded) else places


def _each(rows: Encoded, places: Ints) -> Encoded:
    """Return from each row what is at its places, shape (rows, places of a row)."""
    return rows[np.arange(len(rows))[:, None], places]


def _last(transformer: fitted.Transformer) -> fitted.Learned:
    return cast("fitted.Learned", fitted.steps_of(transformer)[-1])


def _codes_of(encoder: fitted.Learned) -> int:
    """Return how many codes an `OrdinalEncoder` of one column gives; those of rare categories are one."""
    [rare] = encoder.infrequent_categories_
    return len(encoder.categories_[0]) + (0 if rare is None else 1 - len(rare))
