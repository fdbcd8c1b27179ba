"""Reads prediction logs: CSV and Parquet files, alone, in a folder, or named by a glob."""

from __future__ import annotations

import glob
import gzip
import io
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ..errors import PredictionLogInvalid, PredictionLogNotFound
from ..training.table import MAX_EXACT
from .csv_tail import read_tail

if TYPE_CHECKING:
    import pandas as pd

    from ..training.table import Column

_PARQUET = (".parquet", ".pq")
_SUFFIXES = (".csv", ".csv.gz", *_PARQUET)
# Beyond "?" and empty cells, which stand for a missing value in the training data too.
_MISSING = ["", "?", "nan", "NaN"]
# Between columns of files that are called CSV as well; read with commas, each row would be one text.
_OTHER_SEPARATORS = (";", "\t", "|")
#: Column that says which file a row is from, by its number in `Log.files`.
ORIGIN = "__file"


@dataclass(frozen=True)
class Log:
    """Rows of a prediction log in order of time, and where they are from.

    `frame` has text and float64 columns, and `ORIGIN`; `times` are Unix times (s), NaN where a row has none.
    """

    frame: pd.DataFrame
    times: pd.Series
    files: list[Path]
    #: The columns of each file.
    columns: list[set[str]]
    #: Rows of another length than their header, such as torn ones.
    left_out: int


def read_log(log: str, rows: int, hours: float | None = None) -> Log:
    """Read the newest rows of a log: at least `rows` of them, and all of the last `hours`, if there are so many.

    The last rows of a file are taken for its newest. Rows that are the same in everything, their event's id too, are
    read once.

    Args:
        log: A file, a folder whose CSV and Parquet files are read, or a glob.
        rows: How many rows are needed.
        hours: How far back from the newest row of each file is needed (hours).

    Raises:
        PredictionLogNotFound: There is no such file, or none in the folder.
        PredictionLogInvalid: A file cannot be read; the message names it.
    """
    import pandas as pd

    files = find_files(log)
    parts, left_out = [], 0
    for number, path in enumerate(files):
        part, torn = _read_newest(path, rows, hours)
        parts.append(part.assign(**{ORIGIN: number}))
        left_out += torn
    columns = [set(part.columns) - {ORIGIN} for part in parts]
    filled = [part for part in parts if len(part) > 0] or parts[:1]
    frame = _as_one(pd.concat(filled, ignore_index=True))
    if "event_id" in frame:
        repeated = frame["event_id"].notna() & frame.duplicated([name for name in frame if name != ORIGIN])
        frame = frame[~repeated].reset_index(drop=True)
    times = unix_times(frame["ts"]) if "ts" in frame else pd.Series(float("nan"), index=frame.index)
    # Rows without a time stay behind the row that they follow in their file.
    order = times.ffill().sort_values(kind="stable", na_position="first").index
    return Log(
        frame.loc[order].reset_index(drop=True), times.loc[order].reset_index(drop=True), files, columns, left_out
    )


def find_files(log: str) -> list[Path]:
    """Return the files of a log, the one that was written last at the end.

    Raises:
        PredictionLogNotFound: There are none.
    """
    path = Path(log)
    if path.is_dir():
        files = [file for file in path.iterdir() if file.name.endswith(_SUFFIXES) and not file.name.startswith(".")]
        missing = f"The folder {log} holds no CSV or Parquet file"
    elif path.exists():
        files, missing = [path], ""
    else:
        files = [Path(name) for name in glob.glob(log, recursive=True)]  # noqa: PTH207 - the pattern may be absolute
        missing = f"There is no prediction log {log}"
    files = [file for file in files if file.is_file()]
    if not files:
        raise PredictionLogNotFound(missing or f"{log} is not a file that can be read", "log")
    return sorted(files, key=lambda file: (file.stat().st_mtime_ns, file.name))


def read_all(path: Path) -> pd.DataFrame:
    """Return all rows of one CSV or Parquet file.

    Raises:
        PredictionLogInvalid: It cannot be read.
    """
    return _as_one(_read_newest(path, None, None)[0])


def _read_newest(path: Path, rows: int | None, hours: float | None) -> tuple[pd.DataFrame, int]:
    import pyarrow as pa

    wanted = rows
    try:
        while True:
            read = _read_parquet if path.name.endswith(_PARQUET) else _read_csv
            frame, torn, whole = read(path, wanted)
            if whole or wanted is None:
                return frame, torn
            if len(frame) >= (rows or 0) and _reaches_back(frame, hours):
                return frame, torn
            wanted *= 4
    except OSError as error:
        raise PredictionLogInvalid(f"{path} cannot be read: {error.strerror or error}", "log") from error
    except (pa.ArrowException, EOFError, UnicodeDecodeError, ValueError, zlib.error) as error:
        raise PredictionLogInvalid(f"{path} is no prediction log that can be read: {error}", "log") from error


def _reaches_back(frame: pd.DataFrame, hours: float | None) -> bool:
    if hours is None or "ts" not in frame:
        return True
    times = unix_times(frame["ts"])
    return bool(times.min() < times.max() - hours * 3600)


def _read_csv(path: Path, rows: int | None) -> tuple[pd.DataFrame, int, bool]:
    """Return the rows as text, how many were left out, and whether these are all rows of the file."""
    import pandas as pd
    import pyarrow as pa
    from pyarrow import csv

    if path.name.endswith(".gz"):
        header, _, body = gzip.decompress(path.read_bytes()).partition(b"\n")
        header, whole = header + b"\n", True
    else:
        header, body, whole = read_tail(path, 2**62 if rows is None else rows)
    if not header.strip():
        return pd.DataFrame(), 0, True
    names = csv.read_csv(io.BytesIO(header)).column_names
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise PredictionLogInvalid(f"{path} has more than one column named {repeated[0]!r}", "log")
    if len(names) == 1 and any(separator in names[0] for separator in _OTHER_SEPARATORS):
        raise PredictionLogInvalid(f"{path} has one column {names[0][:60]!r}: expected commas between columns", "log")
    torn: list[int | None] = []
    table = csv.read_csv(
        io.BytesIO(header + body),
        parse_options=csv.ParseOptions(
            newlines_in_values=True,
            invalid_row_handler=lambda row: (torn.append(row.number), "skip")[1],
        ),
        convert_options=csv.ConvertOptions(
            null_values=_MISSING,
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
            column_types={name: pa.string() for name in names},
        ),
    )
    return table.to_pandas(deduplicate_objects=True), len(torn), whole


def _read_parquet(path: Path, rows: int | None) -> tuple[pd.DataFrame, int, bool]:
    import pyarrow as pa
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        first, count = file.num_row_groups, 0
        while first > 0 and (rows is None or count < rows):
            first -= 1
            count += file.metadata.row_group(first).num_rows
        table = file.read_row_groups(list(range(first, file.num_row_groups)))
    table = pa.table([_as_number_or_text(column) for column in table.columns], names=table.column_names)
    return table.to_pandas(deduplicate_objects=True), 0, first == 0


def _as_number_or_text(column: Column) -> Column:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_boolean(column.type):
        # As Python writes them, and so CSV files.
        return pc.if_else(column, "True", "False")
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        with suppress(pa.ArrowInvalid):  # an integer that float64 cannot hold
            return column.cast(pa.float64())
    return column.cast(pa.string())


def _as_one(frame: pd.DataFrame) -> pd.DataFrame:
    """Give each column one type over all files: float64 if all its values are numbers, else text."""
    import numpy as np
    import pandas as pd

    columns = {}
    for name, column in frame.items():
        if name == ORIGIN:
            columns[name] = column.astype("int64")
            continue
        numbers = pd.to_numeric(column, errors="coerce").astype("float64")
        # Names that differ in their last digits only are one as float64.
        merges = name == "event_id" and (numbers.abs() >= MAX_EXACT).any()
        if merges or (numbers.isna() & column.notna()).any():
            columns[name] = as_text(column)
        else:
            columns[name] = numbers.where(np.isfinite(numbers))
    return pd.DataFrame(columns, index=frame.index)


def as_text(column: pd.Series) -> pd.Series:
    """Return a column as text, whole numbers without a decimal point, missing values as None."""
    import pandas as pd

    # By distinct value: a column of a category has few of them.
    texts = {value: _text(value) for value in column.dropna().unique()}
    if not texts:
        return pd.Series([None] * len(column), column.index, object)
    return column.map(texts).astype(object).where(column.notna(), cast("str", None))


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


# A Unix time in seconds stays below this until the year 5138; above, it is one in milliseconds.
_MILLISECONDS_FROM = 1e11
# A row that is further ahead of our clock than time zones and clocks explain has a wrong time (s).
_AHEAD = 86_400


def unix_times(column: pd.Series) -> pd.Series:
    """Return Unix times (s) from Unix times (s or ms) or ISO 8601 text (UTC by default).

    NaN stands for a time that is missing, cannot be read, or is more than a day ahead of this host's clock.
    """
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    times = numbers.where(numbers < _MILLISECONDS_FROM, numbers / 1000)
    dates = column[numbers.isna() & column.notna()]
    if len(dates) > 0:
        parsed = pd.to_datetime(dates, utc=True, errors="coerce", format="ISO8601")
        known = parsed.dropna()
        times.loc[known.index] = (known - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    return times.where(times <= time.time() + _AHEAD)
