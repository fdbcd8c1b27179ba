"""Chooses what is compared: a current window, and as reference the rows before it or those of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..dataset import FIT_RECORDS_FILE, open_dataset
from ..errors import DataInvalid, PredictionLogInvalid, PredictionLogNotFound
from ..names import logged_as
from .log import as_text, read_all

if TYPE_CHECKING:
    import pandas as pd

    from ..shapes import Floats, Ints


@dataclass(frozen=True)
class Windows:
    """How long the windows are: by number of rows, or by hours where those are given."""

    current_rows: int
    reference_rows: int
    current_hours: float | None = None
    reference_hours: float | None = None

    @property
    def rows_needed(self) -> int:
        """Rows at the end of a log from which the windows can be told: twice the current one, to find its half."""
        return max(2 * self.current_rows, self.current_rows + self.reference_rows)

    @property
    def hours_needed(self) -> float | None:
        """Hours at the end of a log that the windows reach back, as far as they go by hours (hours)."""
        hours = (self.current_hours or 0) + (self.reference_hours or 0)
        return hours or None


def current_start(times: Floats, windows: Windows, alone: bool) -> int:
    """Return where the current window begins; it ends with the newest row.

    Args:
        times: Unix times of all rows in order (s), NaN where there is none.
        windows: How long it is.
        alone: Whether the reference is something else, so that the window need not leave half of the rows to it.
    """
    count = len(times)
    if windows.current_hours is not None and count > 0:
        return _after(times, _newest(times) - windows.current_hours * 3600)
    return count - min(windows.current_rows, count if alone else count // 2)


def reference_start(times: Floats, windows: Windows, end: int) -> int:
    """Return where the reference window begins, given that it ends before the row `end`, the current one's first."""
    if windows.reference_hours is None or end in (0, len(times)):
        return max(0, end - windows.reference_rows)
    until = times[end]
    if windows.current_hours is not None:
        until = _newest(times) - windows.current_hours * 3600
    return min(end, _after(times, until - windows.reference_hours * 3600))


def _newest(times: Floats) -> float:
    import numpy as np

    known = times[~np.isnan(times)]
    if len(known) == 0:
        raise PredictionLogInvalid(
            "Windows by hours need a column ts, and no row of the log has a time that has come", "currentHours"
        )
    return float(known.max())


def _after(times: Floats, moment: float) -> int:
    """Return the first row after the moment; a row without a time is as old as the one before it."""
    import numpy as np

    known = np.where(np.isnan(times), -np.inf, times)
    return int(np.searchsorted(np.maximum.accumulate(known), moment, side="right"))


def training_sample(directory: str, rows: int, label: str) -> pd.DataFrame:
    """Return raw records of train and validation, which a model learned from, with their labels.

    Args:
        directory: A prepared data set.
        rows: How many, at most; they are taken at even distances, the same ones each time.
        label: The column for the labels: 0 or 1, the class, or the number.

    Raises:
        DataNotFound: The directory holds no prepared data set.
        DataInvalid: The data set has no raw records.
    """
    import numpy as np

    dataset = open_dataset(directory)
    path = dataset.directory / FIT_RECORDS_FILE
    if not path.exists():
        raise DataInvalid(
            f"The data set has no {FIT_RECORDS_FILE}, the rows to compare with: prepare it again, or let "
            "monitoring.reference be log",
            "datasetDir",
        )
    train, validation = dataset.labels("train"), dataset.labels("validation")
    count = len(train) + len(validation)
    chosen = np.linspace(0, count - 1, min(rows, count)).round().astype(np.int64)
    labels = np.concatenate([train[chosen[chosen < len(train)]], validation[chosen[chosen >= len(train)] - len(train)]])
    sample = _rows_of(path, chosen).rename(columns=logged_as)
    classes = dataset.meta["classes"]
    outcomes = labels.astype(np.float64) if classes is None else np.array(classes, object)[labels.astype(np.int64)]
    return sample.assign(**{label: outcomes}).reset_index(drop=True)


def _rows_of(path: Path, chosen: Ints) -> pd.DataFrame:
    """Return rows of a Parquet file by their numbers, which ascend."""
    import pyarrow as pa
    from pyarrow import parquet

    schema = parquet.read_schema(path)
    # Of a column of texts each is decoded once.
    texts = [field.name for field in schema if field.type == pa.string()]
    groups: list[pa.Table] = []
    begin = 0
    with parquet.ParquetFile(path, read_dictionary=texts) as file:
        for group in range(file.num_row_groups):
            end = begin + file.metadata.row_group(group).num_rows
            here = pa.array([int(row) - begin for row in chosen if begin <= row < end], pa.int64())
            # No more than a column is ever there as a whole.
            columns = [file.read_row_group(group, [name]).column(name).take(here) for name in schema.names]
            groups.append(pa.table(columns, schema.names).cast(schema))
            begin = end
    return pa.concat_tables(groups).to_pandas()


def outcomes_of(path: str, column: str, names: dict[str, str] | None = None) -> pd.Series:
    """Return the outcomes that are known, by the id of their event as text; the last one counts.

    Raises:
        PredictionLogNotFound: There is no such file.
        PredictionLogInvalid: It cannot be read, or lacks a column.
    """
    if not Path(path).is_file():
        raise PredictionLogNotFound(f"There is no file of labels {path}: correct monitoring.labels", "labels")
    frame = read_all(Path(path), names)
    for name in ("event_id", column):
        if name not in frame:
            raise PredictionLogInvalid(f"The file of labels {path} has no column {name!r}", "labels")
    known = frame[frame["event_id"].notna() & frame[column].notna()]
    known = known.assign(event_id=as_text(known["event_id"])).drop_duplicates("event_id", keep="last")
    return known.set_index("event_id")[column]
