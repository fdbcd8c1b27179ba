"""A prepared dataset on disk: the files that `prepare` writes and the other steps read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import DataInvalid, DataNotFound

if TYPE_CHECKING:
    import pandas as pd

FORMAT = 2
META_FILE = "dataset.json"
ENCODER_FILE = "encoder.pickle"
FIT_RECORDS_FILE = "fit_records.parquet"
TEST_RECORDS_FILE = "test_records.parquet"
EXAMPLE_FILE = "input_example.json"


@dataclass
class Dataset:
    """A prepared dataset; arrays are memory-mapped and stay open as long as the object lives."""

    directory: Path
    meta: dict[str, Any]
    _arrays: dict[str, np.ndarray] = field(default_factory=dict)

    def features(self, split: str) -> np.ndarray:
        """Return the encoded features of "train" or "validation", float64, shape (rows, columns)."""
        return self._array(f"X_{split}")

    def labels(self, split: str) -> np.ndarray:
        """Return the labels of a split, 0 or 1, int64, shape (rows,)."""
        return self._array(f"y_{split}")

    def encoder(self) -> Any:
        """Return the fitted encoder, from a record's raw columns to the array's."""
        import pickle

        with (self.directory / ENCODER_FILE).open("rb") as file:
            return pickle.load(file)

    def refitted_encoder(self) -> tuple[Any, np.ndarray, np.ndarray]:
        """Fit the encoder anew on train and validation; return it with their encoded features and their labels.

        Rates of categories are cross-fitted for these rows: none of them sees its own label.
        """
        import pandas as pd
        from sklearn.base import clone

        encoder = clone(self.encoder())
        y = np.concatenate([self.labels("train"), self.labels("validation")])
        X = encoder.fit_transform(pd.read_parquet(self.directory / FIT_RECORDS_FILE), y)
        return encoder, np.ascontiguousarray(X, dtype=np.float64), y

    @cached_property
    def test_records(self) -> pd.DataFrame:
        """Raw records of the test split: all columns of the file but the target and the group."""
        import pandas as pd

        return pd.read_parquet(self.directory / TEST_RECORDS_FILE)

    @cached_property
    def example(self) -> list[dict[str, Any]]:
        """A few raw training records."""
        return json.loads((self.directory / EXAMPLE_FILE).read_text(encoding="utf-8"))

    def _array(self, name: str) -> np.ndarray:
        if name not in self._arrays:
            self._arrays[name] = np.load(self.directory / f"{name}.npy", mmap_mode="r")
        return self._arrays[name]


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
        meta = json.loads((path / META_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataNotFound(f"{path} holds no prepared dataset: run prepare first", "datasetDir") from error
    except ValueError as error:
        raise DataInvalid(f"{path / META_FILE} is damaged: run prepare again", "datasetDir") from error
    if meta.get("format") != FORMAT:
        raise DataInvalid(f"{path} was prepared by another version: run prepare again", "datasetDir")
    if _last is None or _last.directory != path or _last.meta != meta:
        _last = Dataset(path, meta)
    return _last
