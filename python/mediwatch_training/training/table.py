"""Reads a data file into a table of typed columns."""

from __future__ import annotations

import csv
import io
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from ..errors import DataInvalid, described
from ..values import MAX_EXACT, MISSING
from .source import Source, open_source

if TYPE_CHECKING:
    from typing import IO, TypeAlias

    import pandas as pd
    import pyarrow as pa

    from ..shapes import Floats

    Column: TypeAlias = pa.ChunkedArray[pa.Scalar[pa.DataType]]

_MOST_NAMED = 10


@dataclass(frozen=True)
class Table:
    """A data file: its columns but for those that nobody reads, the names of all, and its SHA-256 when unpacked.

    It is familiar when it has a column that the settings name. Of another file, messages name no column: its first line
    may be anything.
    """

    frame: pd.DataFrame
    names: list[str]
    sha256: str
    familiar: bool
    separator: str | None = ","
    encoding: str = "utf-8"
    _content: bytes = field(default=b"", repr=False)

    def lines(self, rows: list[int]) -> list[int]:
        """Return the lines of the file in which rows begin; of Parquet, their numbers from 1 on.

        Args:
            rows: Positions in the frame, in ascending order.
        """
        if self.separator is None:
            return [row + 1 for row in rows]
        if self._content.count(b"\n") + (not self._content.endswith(b"\n")) == len(self.frame) + 1:
            return [row + 2 for row in rows]
        text = io.StringIO(self._content.decode(), newline="")
        reader = csv.reader(text, delimiter=self.separator)
        begins: list[int] = []
        before = 0
        for cells in reader:
            if cells:
                begins.append(before + 1)
            before = reader.line_num
        # The first one is the header.
        return [begins[row + 1] for row in rows]

    def as_written(self, names: list[str]) -> pd.DataFrame:
        """Return columns of a CSV file once more, as the very text of the file."""
        import pandas as pd

        source = Source(self._content, self.separator, self.encoding, self.sha256)
        again = _parse(source, tuple(names), only=names)
        return pd.DataFrame({name: _values(again.column(name)) for name in names}, copy=False)


def read_table(
    path: str,
    text_columns: tuple[str, ...] = (),
    unread: tuple[str, ...] = (),
    codes: tuple[str, ...] = (),
    separator: str | None = None,
    encoding: str | None = None,
) -> Table:
    """Read a CSV or Parquet file, packed or not; CSV with a header line.

    Columns whose every value is a number become float64 (missing and infinite values NaN), all others the very text of
    the file (missing values None); what stands for a missing value is in `values.MISSING`.

    Args:
        path: The file.
        text_columns: Columns to read as text whatever they hold, such as labels and group identifiers.
        unread: Columns that are not looked at: whatever they hold, they do no harm. The frame does not have them.
        codes: Columns whose numbers are names. They are text where float64 would give two of them one name.
        separator: Between the cells of CSV; None: found from the file.
        encoding: Of the text; None: found from the file.

    Raises:
        DataNotFound: There is no such file.
        DataInvalid: The file is empty, is no table, repeats a column name or its header, or has a row of more or fewer
            cells.
    """
    source = open_source(path, separator, encoding)
    import pandas as pd
    import pyarrow as pa

    try:
        table = _of_parquet(source.content) if source.separator is None else _parse(source, (*text_columns, *unread))
        names = table.column_names
    except (pa.ArrowException, OSError) as error:
        kind, why = ("Parquet", described(error)) if source.separator is None else ("CSV", _why_not_csv(source, error))
        raise DataInvalid(f"{path} is not a {kind} file that can be read: {why}", "dataPath") from error
    familiar = any(name in names for name in (*text_columns, *unread, *codes))
    _refuse_repeated(path, names, familiar)
    if source.separator is not None and len(names) > 1:
        _refuse_second_header(path, source)
    columns = {name: table.column(name) for name in names if name not in unread}
    if source.separator is None:
        columns = {name: _of_one_kind(column, name in text_columns) for name, column in columns.items()}
    respelled = [name for name, column in columns.items() if not _is_as_written(column, name in codes)]
    if respelled and source.separator is None:
        columns.update({name: columns[name].cast(pa.string()) for name in respelled})
    elif respelled:
        again = _parse(source, tuple(respelled), only=respelled)
        columns.update({name: again.column(name) for name in respelled})
    values: dict[str, Floats | pd.Series] = {}
    for name, column in columns.items():
        try:
            values[name] = _values(column)
        except pa.ArrowException as error:
            which = f"The column {name!r}" if familiar else "A column"
            raise DataInvalid(f"{which} of {path} cannot be read: {described(error)}", "dataPath") from error
    frame = pd.DataFrame(values, copy=False)
    content = b"" if source.separator is None else source.content
    return Table(frame, names, source.sha256, familiar, source.separator, source.encoding, content)


def _parse(source: Source, as_written: tuple[str, ...], only: list[str] | None = None) -> pa.Table:
    """Return the columns of types that Arrow finds, those of `as_written` as text, which any cell is."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    options = arrow.ConvertOptions(
        null_values=list(MISSING),
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        column_types=dict.fromkeys(as_written, pa.string()),
        include_columns=only,
        timestamp_parsers=["not a time stamp"],
    )
    content = source.content
    # One block, so that the types come from all rows and not from the first megabyte of them.
    read_options = arrow.ReadOptions(block_size=len(content) + 1)
    parse_options = arrow.ParseOptions(delimiter=source.separator or ",", newlines_in_values=b'"' in content)
    file = cast("IO[bytes]", pa.BufferReader(content))
    return arrow.read_csv(file, read_options=read_options, parse_options=parse_options, convert_options=options)


def _of_parquet(content: bytes) -> pa.Table:
    import pyarrow as pa
    from pyarrow import parquet

    return parquet.read_table(pa.BufferReader(content))


def _of_one_kind(column: Column, as_text: bool) -> Column:
    """Return a column of Parquet as numbers or text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = number_or_text(column)
    if as_text and _is_number(column):
        column = column.cast(pa.string())
    if column.type != pa.string():
        return column
    missing = pc.is_in(column, value_set=pa.array(MISSING))
    return pc.if_else(missing, pa.scalar(None, pa.string()), column)


def number_or_text(column: Column) -> Column:
    """Return a column of Parquet as float64 if it has numbers that those can hold, else as text.

    Raises:
        pyarrow.ArrowException: It is a list or an object, which is neither.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_boolean(column.type):
        # As Python writes them, and so CSV files.
        return pc.if_else(column, "True", "False")
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        with suppress(pa.ArrowInvalid):  # an integer that float64 cannot hold
            return column.cast(pa.float64())
    return column.cast(pa.string())


def _refuse_repeated(path: str, names: list[str], familiar: bool) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        shown = ", ".join(repr(name) for name in repeated[:_MOST_NAMED])
        which = f"named {shown}" if familiar else "of one name"
        raise DataInvalid(f"{path} has more than one column {which}: rename or remove all but one", "dataPath")


def _refuse_second_header(path: str, source: Source) -> None:
    """Refuse files that were put together with their headers: one such line makes text of every column."""
    content = source.content
    header = content.lstrip(b"\r\n").split(b"\n", 1)[0].rstrip(b"\r")
    end = content.index(header) + len(header)
    again = re.compile(rb"\n(?:\xef\xbb\xbf)?" + re.escape(header) + rb"\r?(?:\n|\Z)").search(content, end)
    # A header of several lines is not looked for.
    if again and header.count(b'"') % 2 == 0:
        line = content.count(b"\n", 0, again.start()) + 2
        raise DataInvalid(
            f"Line {line} of {path} is the header line again, as in files that were put together: remove that line",
            "dataPath",
        )


def _why_not_csv(source: Source, error: Exception) -> str:
    """Return what is wrong with a file, by line: Arrow's own message shows the row."""
    text = io.StringIO(source.content.decode("utf-8", "replace"), newline="")
    rows = csv.reader(text, delimiter=source.separator or ",")
    with suppress(csv.Error, StopIteration):
        header = len(next(rows))
        for row in rows:
            if row and len(row) != header:
                return f"line {rows.line_num} has {len(row)} cells, the header {header}"
    return described(error)


def _is_as_written(column: Column, is_code: bool) -> bool:
    """Whether a column can be used as it was read: a truth value, a date or a time may have been written otherwise."""
    import pyarrow as pa

    if is_code and _is_number(column):
        return not (abs(_values(column)) >= MAX_EXACT).any()
    return _is_number(column) or column.type in (pa.string(), pa.null())


def _is_number(column: Column) -> bool:
    import pyarrow as pa

    return pa.types.is_integer(column.type) or pa.types.is_floating(column.type)


def _values(column: Column) -> Floats | pd.Series:
    import numpy as np
    import pyarrow as pa

    if not _is_number(column):
        # Text as shared Python strings: one object a distinct value, which is both small and fast.
        return column.cast(pa.string()).to_pandas(deduplicate_objects=True)
    numbers = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    infinite = np.isinf(numbers)
    return np.where(infinite, np.nan, numbers) if infinite.any() else numbers
