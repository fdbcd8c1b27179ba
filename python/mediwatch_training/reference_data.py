"""What a prediction log is compared with beside itself: the rows of a data set, and outcomes that came later."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .dataset import FIT_RECORDS_FILE, open_dataset
from .errors import DataInvalid, PredictionLogInvalid, PredictionLogNotFound
from .prediction_files import as_text, read_all

if TYPE_CHECKING:
    import pandas as pd


def training_sample(directory: str, rows: int, label: str) -> pd.DataFrame:
    """Return raw records of train and validation, which a model learned from, with their labels.

    Args:
        directory: A prepared data set.
        rows: How many, at most; they are taken at even distances, the same ones each time.
        label: The column for the labels, 0 or 1.

    Raises:
        DataNotFound: The directory holds no prepared data set.
        DataInvalid: The data set has no raw records.
    """
    import numpy as np
    import pandas as pd

    dataset = open_dataset(directory)
    path = dataset.directory / FIT_RECORDS_FILE
    if not path.exists():
        raise DataInvalid(
            f"The data set has no {FIT_RECORDS_FILE}, the rows to compare with: prepare it again, or let "
            "monitoring.reference be log",
            "datasetDir",
        )
    records = pd.read_parquet(path)
    labels = np.concatenate([dataset.labels("train"), dataset.labels("validation")])
    chosen = np.linspace(0, len(records) - 1, min(rows, len(records))).round().astype(np.int64)
    return records.iloc[chosen].assign(**{label: labels[chosen].astype(np.float64)}).reset_index(drop=True)


def outcomes_of(path: str, column: str) -> pd.Series:
    """Return the outcomes that are known, by the id of their event as text; the last one counts.

    Raises:
        PredictionLogNotFound: There is no such file.
        PredictionLogInvalid: It cannot be read, or lacks a column.
    """
    if not Path(path).is_file():
        raise PredictionLogNotFound(f"There is no file of labels {path}: correct monitoring.labels", "labels")
    frame = read_all(Path(path))
    for name in ("event_id", column):
        if name not in frame:
            raise PredictionLogInvalid(f"The file of labels {path} has no column {name!r}", "labels")
    known = frame[frame["event_id"].notna() & frame[column].notna()]
    known = known.assign(event_id=as_text(known["event_id"])).drop_duplicates("event_id", keep="last")
    return known.set_index("event_id")[column]
