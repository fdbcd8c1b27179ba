"""Reads prediction logs: CSV and Parquet files, alone, in a folder, or named by a glob."""

from __future__ import annotations

import csv
import glob
import io
import lzma
import math
import re
import time
import zlib
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ..errors import PredictionLogInvalid, PredictionLogNotFound, described
from ..names import MODEL, logged_as
from ..training.source import PARQUET_MAGIC, opened, packing
from ..training.table import number_or_text
from ..values import MAX_EXACT, MISSING, category_of, decimal_of, number_of
from .csv_tail import Tail, read_tail, unpacked_tail
from .salvage import salvage

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from .salvage import Code

# Also as logrotate leaves them: predictions.csv.1, predictions.csv.2.gz, predictions.csv-20260131.
_NAME = re.compile(r"\.(csv|parquet|pq)([.-]\d+)*(\.(gz|bz2|xz|zst))?$")
# Between columns; where several are in the header, the one that makes most columns of it, the first one at a tie.
_SEPARATORS = (",", ";", "\t", "|")
#: Column that says which file a row is from, by its number in `Log.files`.
ORIGIN = "\0file"
# Column that says at which line of what was read of its file a row begins, from 0 on.
_LINE = "\0line"
# A column of numbers may hold so many texts: those rows are left out. From more on it is one of categories.
_MAX_TEXTS = 0.01
# Names, whatever they look like, and times, which may be dates.
_NAMES = ("event_id", MODEL, "model_version", "ts")
# A file that was written so much before a row was logged does not hold it: clocks are set (s).
_SLACK = 3600


@dataclass(frozen=True)
class LeftOut:
    """A row that is not looked at, why, and where it is: ``predictions.csv:64``."""

    code: Code
    at: str
    #: Which of `Log.files`, and at which line of what was read of it.
    place: tuple[int, int] = field(default=(0, 0), compare=False)


@dataclass(frozen=True)
class Log:
    """Rows of a prediction log in order of time, and where they are from.

    `frame` has text and float64 columns, and `ORIGIN`; `times` are Unix times (s), NaN where a row has none.
    """

    frame: pd.DataFrame
    times: pd.Series
    #: At which line of what was read of its file each row begins.
    lines: pd.Series
    files: list[Path]
    #: The columns of each file.
    columns: list[set[str]]
    #: Rows that cannot be what an API has logged.
    left_out: list[LeftOut]


@dataclass(frozen=True)
class _Part:
    """What was read of one file."""

    frame: pd.DataFrame
    #: By line, as `_LINE` has them.
    broken: list[tuple[Code, int]]
    #: Whether these are all rows of the file.
    whole: bool
    #: Returns the number of the first of those lines in the file.
    first_line: Callable[[], int]


def read_log(
    log: str,
    rows: int,
    hours: float | None = None,
    names: dict[str, str] | None = None,
    model: str | None = None,
) -> Log:
    """Read the newest rows of a log: at least `rows` of them, and all of the last `hours`, if there are so many.

    The last rows of a file are taken for its newest, and no row for newer than its file: those of older files than the
    rows that are needed are not read. Rows that are the same in everything, their event's id too, are read once.

    Args:
        log: A file, a folder whose CSV and Parquet files are read, or a glob.
        rows: How many rows are needed.
        hours: How far back from the newest row of each file is needed (hours).
        names: Our names of columns, by what the log calls them.
        model: A registered model: rows that name another one are passed over.

    Raises:
        PredictionLogNotFound: There is no such file, or none in the folder.
        PredictionLogInvalid: A file cannot be read; the message names it.
    """
    files = find_files(log)
    written = [path.stat().st_mtime for path in files]
    parts: list[_Part] = []
    begin = len(files) - 1
    while True:
        new = files[begin : len(files) - len(parts)]
        parts = [*(_read_newest(path, rows, hours, names or {}, model) for path in new), *parts]
        there = {name for part in parts for name in part.frame}
        unknown = [theirs for theirs, ours in (names or {}).items() if theirs != ours and ours not in there]
        if unknown and begin == 0:
            raise PredictionLogInvalid(f"The log has no column {unknown[0]!r}: correct monitoring.columnNames", "log")
        found = _put_together(parts, files[begin:])
        since = _needed_since(found, written[begin:], rows, hours)
        # Of too few rows, those of twice as many files may do.
        older = max(2 * begin - len(files), 0) if since is None or unknown else bisect_left(written, since)
        if older >= begin:
            return found
        begin = older


def _needed_since(log: Log, written: list[float], rows: int, hours: float | None) -> float | None:
    """Return from when on files must have been written to hold rows that are needed; None: there are too few so far.

    Args:
        log: What was read so far.
        written: When its files were written (Unix time).
        rows: How many rows are needed.
        hours: How far back from these (hours).
    """
    if len(log.times) < rows:
        return None
    if log.times.isna().all():
        # The newest rows are those of the newest files.
        return math.inf
    oldest = float(log.times.ffill().iloc[-rows])
    newest = log.times.groupby(log.frame[ORIGIN]).max()
    # Times may be those of another zone, or clock.
    ahead = max(0.0, *(newest[number] - written[number] for number in newest.dropna().index))
    return None if math.isnan(oldest) else oldest - (hours or 0) * 3600 - ahead - _SLACK


def _put_together(parts: list[_Part], files: list[Path]) -> Log:
    """Return the rows of files as one log."""
    import pandas as pd

    columns = [set(part.frame.columns) - {_LINE} for part in parts]
    frames = [part.frame.assign(**{ORIGIN: number}) for number, part in enumerate(parts)]
    frame, texts = _as_one(pd.concat([one for one in frames if len(one) > 0] or frames[:1], ignore_index=True))
    codes = pd.Series(None, index=frame.index, dtype=object).mask(texts, "number")
    if "ts" in frame:
        codes = codes.mask(_times(frame["ts"]) > _latest(), "time")
    left_out = _left_out(frame, codes, parts, files)
    frame = frame[codes.isna()].reset_index(drop=True)
    if "event_id" in frame:
        repeated = frame["event_id"].notna() & frame.duplicated([name for name in frame if name not in (ORIGIN, _LINE)])
        frame = frame[~repeated].reset_index(drop=True)
    lines = frame.pop(_LINE)
    times = unix_times(frame["ts"]) if "ts" in frame else pd.Series(float("nan"), index=frame.index)
    # Rows without a time stay behind the row that they follow in their file.
    order = times.ffill().sort_values(kind="stable", na_position="first").index
    times, lines = (part.loc[order].reset_index(drop=True) for part in (times, lines))
    return Log(frame.loc[order].reset_index(drop=True), times, lines, files, columns, left_out)


def _left_out(frame: pd.DataFrame, codes: pd.Series, parts: list[_Part], files: list[Path]) -> list[LeftOut]:
    """Return all rows that are left out, with their places; `codes` has why, of those that could be read."""
    found: list[LeftOut] = []
    lines, origins = frame[_LINE].to_numpy(), frame[ORIGIN].to_numpy()
    for number, (part, path) in enumerate(zip(parts, files, strict=True)):
        rows: list[tuple[Code, int]] = list(part.broken)
        for row in frame.index[codes.notna() & (origins == number)]:
            rows.append((cast("Code", codes[row]), int(lines[row])))
        first = part.first_line() if rows else 0
        for code, line in sorted(rows, key=lambda row: row[1]):
            found.append(LeftOut(code, f"{path.name}:{first + line}", (number, line)))
    return found


def find_files(log: str) -> list[Path]:
    """Return the files of a log, the one that was written last at the end.

    Raises:
        PredictionLogNotFound: There are none.
    """
    path = Path(log)
    if path.is_dir():
        files = [file for file in path.iterdir() if _NAME.search(file.name) and not file.name.startswith(".")]
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


def read_all(path: Path, names: dict[str, str] | None = None) -> pd.DataFrame:
    """Return all rows of one CSV or Parquet file.

    Raises:
        PredictionLogInvalid: It cannot be read.
    """
    return _as_one(_read_newest(path, None, None, names or {}).frame)[0].drop(columns=_LINE)


def _read_newest(
    path: Path, rows: int | None, hours: float | None, names: dict[str, str], model: str | None = None
) -> _Part:
    import pyarrow as pa

    wanted = rows
    try:
        while True:
            part = _of_model(_renamed(_read_part(path, wanted), names), model)
            if part.whole or wanted is None:
                return part
            if len(part.frame) >= (rows or 0) and _reaches_back(part.frame, hours):
                return part
            wanted *= 4
    except OSError as error:
        raise PredictionLogInvalid(f"{path} cannot be read: {error.strerror or error}", "log") from error
    except (
        pa.ArrowException,
        EOFError,
        UnicodeDecodeError,
        ValueError,
        csv.Error,
        zlib.error,
        lzma.LZMAError,
    ) as error:
        why = described(error)
        raise PredictionLogInvalid(f"{path} is no prediction log that can be read: {why}", "log") from error


def _renamed(part: _Part, names: dict[str, str]) -> _Part:
    """Give columns our names; one that has such a name beside them is a feature."""
    there = {theirs: ours for theirs, ours in names.items() if theirs != ours and theirs in part.frame}
    others = {ours: logged_as(ours) for ours in there.values() if ours not in there}
    return replace(part, frame=part.frame.rename(columns=others | there)) if there else part


def _of_model(part: _Part, model: str | None) -> _Part:
    """Leave out the rows that another model predicted; those that name none stay."""
    if model is None or MODEL not in part.frame:
        return part
    named = as_text(part.frame[MODEL])
    return replace(part, frame=part.frame[named.isna() | (named == model)].reset_index(drop=True))


def _reaches_back(frame: pd.DataFrame, hours: float | None) -> bool:
    if hours is None or "ts" not in frame:
        return True
    times = unix_times(frame["ts"])
    return bool(times.min() < times.max() - hours * 3600)


def _read_part(path: Path, rows: int | None) -> _Part:
    """Return at least the last rows of a file."""
    with path.open("rb") as file:
        begin = file.read(8)
    if begin.startswith(PARQUET_MAGIC) or path.suffix in (".parquet", ".pq"):
        return _read_parquet(path, rows)
    kind = packing(begin)
    lines = 2**62 if rows is None else rows
    if kind is None:
        return _read_csv(path, read_tail(path, lines), rows)
    if kind == "zip":
        raise PredictionLogInvalid(f"{path} is a zip file: unpack it, or pack it with gzip", "log")
    with path.open("rb") as packed, opened(packed, kind, str(path)) as content:
        return _read_csv(path, unpacked_tail(content, lines), rows)


def _read_csv(path: Path, tail: Tail, rows: int | None) -> _Part:
    """Return the rows as text."""
    import pandas as pd

    if not tail.header.strip():
        return _Part(pd.DataFrame({_LINE: []}), [], True, lambda: 1)
    header = tail.header.decode()
    read = {one: next(csv.reader(io.StringIO(header, newline=""), delimiter=one)) for one in _SEPARATORS}
    separator = max(read, key=lambda one: len(read[one]))
    names = read[separator]
    # By its place: whatever the first line of the file holds, it is no name to quote.
    again = [place for place, name in enumerate(names, start=1) if name in names[: place - 1]]
    if again:
        raise PredictionLogInvalid(f"{path} has a column, number {again[0]}, with the name of an earlier one", "log")

    def first_line() -> int:
        return 1 + tail.before()

    frame = _quickly_read(tail, names, separator)
    if frame is not None and (tail.whole or len(frame) >= (rows or 0)):
        return _Part(frame, [], tail.whole, first_line)
    salvaged = salvage(tail.lines, len(names), tail.whole, separator)
    frame = pd.DataFrame(salvaged.rows, columns=names, dtype=object)
    frame = frame.mask(frame.isin(MISSING)).assign(**{_LINE: salvaged.lines})
    return _Part(frame, salvaged.broken, tail.whole, first_line)


def _quickly_read(tail: Tail, names: list[str], separator: str) -> pd.DataFrame | None:
    """Return the rows, or None if one of them is broken."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    start = tail.skipped
    if tail.lines.count(b'"', start) % 2:
        return None
    try:
        table = csv.read_csv(
            io.BytesIO(tail.header + tail.lines[start:]),
            parse_options=csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=csv.ConvertOptions(
                null_values=list(MISSING),
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
                column_types={name: pa.string() for name in names},
            ),
        )
    except pa.ArrowInvalid:
        return None
    # Of a row that is left out later people want the line.
    breaks = np.zeros(len(table), dtype=np.int64)
    for column in table.columns:
        breaks += np.nan_to_num(pc.count_substring(column, "\n").to_numpy()).astype(np.int64)
    lines = np.arange(len(table)) + np.cumsum(breaks) - breaks + tail.lines.count(b"\n", 0, start)
    return table.to_pandas(deduplicate_objects=True).assign(**{_LINE: lines})


def _read_parquet(path: Path, rows: int | None) -> _Part:
    import numpy as np
    import pyarrow as pa
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        count = file.metadata.num_rows
        before = 0 if rows is None else max(count - rows, 0)
        first = file.num_row_groups
        while first > 0 and count > before:
            first -= 1
            count -= file.metadata.row_group(first).num_rows
        batches: list[pa.RecordBatch] = []
        # A group may have a million rows.
        for batch in file.iter_batches(row_groups=list(range(first, file.num_row_groups))):
            count += len(batch)
            if count > before:
                batches.append(batch.slice(max(len(batch) - (count - before), 0)))
        table = pa.Table.from_batches(batches, file.schema_arrow)
    table = pa.table([number_or_text(column) for column in table.columns], names=table.column_names)
    frame = table.to_pandas(deduplicate_objects=True)
    return _Part(frame.assign(**{_LINE: np.arange(len(frame))}), [], before == 0, lambda: before + 1)


def _as_one(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Give each column one type over all files: float64 if its values are numbers, else text.

    Returns:
        The frame, and which rows have a text in a column of numbers, where it is missing.
    """
    import numpy as np
    import pandas as pd

    columns = {}
    wrong = pd.Series(False, index=frame.index)
    for name, column in frame.items():
        if name in (ORIGIN, _LINE):
            columns[name] = column.astype("int64")
            continue
        numbers = _numbers(column, name in _NAMES)
        # Names that differ in their last digits only are one as float64.
        merges = name == "event_id" and (numbers.abs() >= MAX_EXACT).any()
        texts = numbers.isna() & column.notna()
        if merges or texts.sum() > (0 if name in _NAMES else _MAX_TEXTS * column.notna().sum()):
            columns[name] = as_text(column)
        else:
            columns[name] = numbers.where(np.isfinite(numbers))
            wrong |= texts
    return pd.DataFrame(columns, index=frame.index), wrong


def _numbers(column: pd.Series, is_name: bool) -> pd.Series:
    """Return the numbers of a column, by the grammar of the training data unless it is one of names or times."""
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    texts = column[numbers.isna() & column.notna()]
    if is_name or texts.empty:
        return numbers
    decimal, _ = decimal_of(map(str, column.dropna().unique()))
    read = {text: number_of(str(text), decimal or ".") for text in texts.unique()}
    if decimal == ",":
        return column.map({text: number_of(str(text), ",") for text in column.dropna().unique()}).astype("float64")
    return numbers.fillna(column.map(read).astype("float64"))


def as_text(column: pd.Series) -> pd.Series:
    """Return a column as text, whole numbers without a decimal point, missing values as None."""
    import pandas as pd

    # By distinct value: a column of a category has few of them.
    texts = {value: category_of(value) for value in column.dropna().unique()}
    if not texts:
        return pd.Series([None] * len(column), column.index, object)
    return column.map(texts).astype(object).where(column.notna(), cast("str", None))


# A Unix time in seconds stays below this until the year 5138; above, it is one in milliseconds.
_MILLISECONDS_FROM = 1e11
# Dates of the years 2270 to 9999: a time of pandas ends in 2262.
_BEYOND_PANDAS = r"(22[7-9]|2[3-9]\d|[3-9]\d\d)\d-"
# A row that is further ahead of our clock than time zones and clocks explain has a wrong time (s).
_AHEAD = 86_400


def unix_times(column: pd.Series) -> pd.Series:
    """Return Unix times (s) from Unix times (s or ms) or ISO 8601 text (UTC by default).

    NaN stands for a time that is missing, cannot be read, or is more than a day ahead of this host's clock.
    """
    times = _times(column)
    return times.where(times <= _latest())


def _latest() -> float:
    return time.time() + _AHEAD


def _times(column: pd.Series) -> pd.Series:
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    times = numbers.where(numbers < _MILLISECONDS_FROM, numbers / 1000)
    dates = column[numbers.isna() & column.notna()]
    if len(dates) > 0:
        parsed = pd.to_datetime(dates, utc=True, errors="coerce", format="ISO8601")
        known = parsed.dropna()
        times.loc[known.index] = (known - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
        times.loc[dates.index[parsed.isna() & dates.astype(str).str.match(_BEYOND_PANDAS)]] = float("inf")
    return times
