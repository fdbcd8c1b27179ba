"""Reads a CSV file into a table of typed columns."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ..errors import DataInvalid, DataNotFound, described

if TYPE_CHECKING:
    from typing import IO, TypeAlias

    import pandas as pd
    import pyarrow as pa

    from ..shapes import Floats

    Column: TypeAlias = pa.ChunkedArray[pa.Scalar[pa.DataType]]

# How the UCI file writes a value that nobody recorded; an empty cell means the same.
_MISSING = ["?", ""]
#: Whole numbers beyond this have neighbours that are the same float64.
MAX_EXACT = 2.0**53


@dataclass(frozen=True)
class Table:
    """A CSV file: its columns but for those that nobody reads, the names of all, and its SHA-256 when unpacked.

    It is familiar when it has a column that the settings name. Of another file, messages name no column: its first line
    may be anything.
    """

    frame: pd.DataFrame
    names: list[str]
    sha256: str
    familiar: bool


def read_table(
    path: str,
    text_columns: tuple[str, ...] = (),
    unread: tuple[str, ...] = (),
    codes: tuple[str, ...] = (),
) -> Table:
    """Read a ``.csv`` or ``.csv.gz`` file with a header line.

    Columns whose every value is a number become float64 (missing and infinite values NaN), all others the very text of
    the file (missing values None); ``?`` and empty cells are missing.

    Args:
        path: The file.
        text_columns: Columns to read as text whatever they hold, such as labels and group identifiers.
        unread: Columns that are not looked at: whatever they hold, they do no harm. The frame does not have them.
        codes: Columns whose numbers are names. They are text where float64 would give two of them one name.

    Raises:
        DataNotFound: There is no such file.
        DataInvalid: The file is empty, is not CSV, repeats a column name, or has a column that is no text.
    """
    content = _read_bytes(Path(path))
    if not content.strip():
        raise DataInvalid(f"{path} is empty: expected a CSV file with a header line", "dataPath")

    import pandas as pd
    import pyarrow as pa

    try:
        table = _parse(content, (*text_columns, *unread))
        names = table.column_names
    except UnicodeDecodeError as error:
        raise DataInvalid(
            f"{path} is not a CSV file that can be read: save it as UTF-8 ({error})", "dataPath"
        ) from error
    except pa.ArrowInvalid as error:
        why = _why_not_csv(content, error)
        raise DataInvalid(f"{path} is not a CSV file that can be read: {why}", "dataPath") from error
    familiar = any(name in names for name in (*text_columns, *unread, *codes))
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        which = f"named {repeated[0]!r}" if familiar else "of one name"
        raise DataInvalid(f"{path} has more than one column {which}", "dataPath")

    columns = {name: table.column(name) for name in names if name not in unread}
    respelled = [name for name, column in columns.items() if not _is_as_written(column, name in codes)]
    if respelled:
        again = _parse(content, tuple(respelled), only=respelled)
        columns.update({name: again.column(name) for name in respelled})
    values: dict[str, Floats | pd.Series] = {}
    for name, column in columns.items():
        try:
            values[name] = _values(column)
        except pa.ArrowException as error:
            which = f"The column {name!r}" if familiar else "A column"
            raise DataInvalid(f"{which} of {path} {_reason(column, error)}", "dataPath") from error
    return Table(pd.DataFrame(values, copy=False), names, hashlib.sha256(content).hexdigest(), familiar)


def _parse(content: bytes, as_written: tuple[str, ...], only: list[str] | None = None) -> pa.Table:
    """Return the columns of types that Arrow finds, those of `as_written` as bytes, which any cell is."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    options = arrow.ConvertOptions(
        null_values=_MISSING,
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        column_types=dict.fromkeys(as_written, pa.binary()),
        include_columns=only,
        timestamp_parsers=["not a time stamp"],
    )
    # One block, so that the types come from all rows and not from the first megabyte of them.
    read_options = arrow.ReadOptions(block_size=len(content) + 1)
    source = cast("IO[bytes]", pa.BufferReader(content))
    return arrow.read_csv(source, read_options=read_options, convert_options=options)


def _why_not_csv(content: bytes, error: Exception) -> str:
    """Return what is wrong with a file, by line: Arrow's own message shows the row."""
    rows = csv.reader(io.StringIO(content.decode("utf-8", "replace"), newline=""))
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
    return _is_number(column) or column.type in (pa.string(), pa.binary(), pa.null())


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


def _reason(column: Column, error: Exception) -> str:
    import pyarrow as pa

    if column.type != pa.binary():
        return f"cannot be read: {described(error)}"
    values = cast("pa.ChunkedArray[pa.BinaryScalar]", column).to_pylist()
    for row, value in enumerate(values, start=1):
        content = value or b""
        try:
            content.decode()
        except UnicodeDecodeError as found:
            return f"is not UTF-8 in row {row}, byte {found.start + 1}: save the file as UTF-8, or drop the column"
    return f"cannot be read: {described(error)}"


def _read_bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except FileNotFoundError as error:
        raise DataNotFound(f"There is no data file {path}: correct dataPath", "dataPath") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataInvalid(f"{path} is a damaged gzip file: {error}", "dataPath") from error
    except OSError as error:
        raise DataNotFound(f"The data file {path} cannot be read: {error.strerror}", "dataPath") from error
