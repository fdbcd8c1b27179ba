"""A prepared dataset on disk: the files that `prepare` writes and the other steps read.

They are JSON, Parquet and plain arrays: nothing in them runs when it is loaded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, cast

import numpy as np

from .checks import is_object
from .errors import DataInvalid, DataNotFound
from .training.columns import ColumnPlan

if TYPE_CHECKING:
    import pandas as pd

    from .contract import (
        PrepareResultDropped,
        PrepareResultFeature,
        PrepareResultRemark,
        PrepareResultSplits,
    )
    from .shapes import Encoder, Floats, Labels, Record, Task

FORMAT = 5
META_FILE = "dataset.json"
FIT_RECORDS_FILE = "fit_records.parquet"
TEST_RECORDS_FILE = "test_records.parquet"
EXAMPLE_FILE = "input_example.json"


class DatasetMeta(TypedDict):
    """What ``dataset.json`` says: the result of `prepare`, and what the other steps must know of it."""

    format: int
    rows: int
    groups: int
    positives: int | None
    splits: PrepareResultSplits
    features: list[PrepareResultFeature]
    dropped: list[PrepareResultDropped]
    remarks: list[PrepareResultRemark]
    dataSha256: str
    seed: int
    target: str
    task: Task
    #: Value that counts as positive, of a binary target.
    positive: str | None
    #: Values in the order of their labels, of a multiclass target.
    classes: list[str] | None
    group: str | None
    #: Positions of categories in the encoded array.
    categoricalColumns: list[int]
    columnTypes: dict[str, Literal["text", "number"]]
    #: How columns are encoded: the fields of a ``ColumnPlan``.
    plan: dict[str, list[str]]
    #: How many of the last encoded columns are pairs of categories.
    pairColumns: int
    encodedColumns: int


@dataclass
class Dataset:
    """A prepared dataset; arrays are memory-mapped and stay open as long as the object lives."""

    directory: Path
    meta: DatasetMeta
    _features: dict[str, Floats] = field(default_factory=dict["str", "Floats"])
    _labels: dict[str, Labels] = field(default_factory=dict["str", "Labels"])

    def features(self, split: Literal["train", "validation"]) -> Floats:
        """Return the encoded features of a split, shape (rows, columns)."""
        if split not in self._features:
            self._features[split] = np.load(self.directory / f"X_{split}.npy", mmap_mode="r", allow_pickle=False)
        return self._features[split]

    def labels(self, split: Literal["train", "validation", "test"]) -> Labels:
        """Return the labels of a split: 0 or 1, positions in the classes, or numbers. Shape (rows,)."""
        if split not in self._labels:
            self._labels[split] = np.load(self.directory / f"y_{split}.npy", mmap_mode="r", allow_pickle=False)
        return self._labels[split]

    def refitted_encoder(self) -> tuple[Encoder, Floats, Labels]:
        """Fit an encoder on train and validation; return it with their encoded features and their labels.

        Rates of categories are cross-fitted for these rows: none of them sees its own label.
        """
        import pandas as pd

        from .training.encoder import make_encoder

        plan = ColumnPlan(**self.meta["plan"])
        encoder = cast("Encoder", make_encoder(plan, self.meta["seed"], self.meta["task"]))
        y = np.concatenate([self.labels("train"), self.labels("validation")])
        X = encoder.fit_transform(pd.read_parquet(self.directory / FIT_RECORDS_FILE), y)
        return encoder, np.ascontiguousarray(X, dtype=np.float64), y

    @cached_property
    def test_records(self) -> pd.DataFrame:
        """Raw records of the test split: all columns of the file but the target and the group."""
        import pandas as pd

        return pd.read_parquet(self.directory / TEST_RECORDS_FILE)

    @cached_property
    def example(self) -> list[Record]:
        """A few raw training records."""
        return json.loads((self.directory / EXAMPLE_FILE).read_text(encoding="utf-8"))


_last: Dataset | None = None


def open_dataset(directory: str) -> Dataset:
    """Open a prepared dataset; the last one opened by this process is kept open.

    Raises:
        DataNotFound: The directory holds no prepared dataset.
        DataInvalid: It was prepared by another version of this package.
    """
    global _last
    path = Path(directory).resolve()
    try:
        meta: object = json.loads((path / META_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataNotFound(f"{path} holds no prepared dataset: run prepare first", "datasetDir") from error
    except ValueError as error:
        raise DataInvalid(f"{path / META_FILE} is damaged: run prepare again", "datasetDir") from error
    if not is_object(meta) or meta.get("format") != FORMAT:
        raise DataInvalid(f"{path} was prepared by another version: run prepare again", "datasetDir")
    if _last is None or _last.directory != path or _last.meta != meta:
        _last = Dataset(path, cast("DatasetMeta", meta))
    return _last
