"""Reads a CSV file into a table of typed columns."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import DataInvalid, DataNotFound

if TYPE_CHECKING:
    import pandas as pd

# How the UCI file writes a value that nobody recorded; an empty cell means the same.
_MISSING = ["?", ""]


@dataclass(frozen=True)
class Table:
    """A CSV file: its columns, and the SHA-256 of its unpacked bytes."""

    frame: pd.DataFrame
    sha256: str


def read_table(path: str, text_columns: tuple[str, ...] = ()) -> Table:
    """Read a ``.csv`` or ``.csv.gz`` file with a header line.

    Columns whose every value is a number become float64 (missing values NaN), all others text (missing values
    None); ``?`` and empty cells are missing.

    Args:
        path: The file.
        text_columns: Columns to read as text whatever they hold, such as labels and group identifiers.

    Raises:
        DataNotFound: There is no such file.
        DataInvalid: The file is empty, is not CSV, or repeats a column name.
    """
    content = _read_bytes(Path(path))
    if not content.strip():
        raise DataInvalid(f"{path} is empty: expected a CSV file with a header line", "dataPath")

    import pyarrow as pa
    from pyarrow import csv

    options = csv.ConvertOptions(
        null_values=_MISSING,
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        column_types={name: pa.string() for name in text_columns},
        timestamp_parsers=["not a time stamp"],
    )
    try:
        # One block, so that the types come from all rows and not from the first megabyte of them.
        table = csv.read_csv(
            pa.BufferReader(content),
            read_options=csv.ReadOptions(block_size=len(content) + 1),
            convert_options=options,
        )
        names = table.column_names
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise DataInvalid(f"{path} is not a CSV file that can be read: {error}", "dataPath") from error
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataInvalid(f"{path} has more than one column named {repeated[0]!r}", "dataPath")
    return Table(_typed(table), hashlib.sha256(content).hexdigest())


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


def _typed(table: pa.Table) -> pd.DataFrame:  # noqa: F821
    import pandas as pd
    import pyarrow as pa

    columns = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            columns[name] = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        else:
            # Text as shared Python strings: one object a distinct value, which is both small and fast.
            columns[name] = column.cast(pa.string()).to_pandas(deduplicate_objects=True)
    return pd.DataFrame(columns, copy=False)
