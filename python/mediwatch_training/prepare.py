"""Step `prepare`: from a CSV file to split, encoded arrays."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import dataset
from .columns import ID_CATEGORIES, IDENTIFIERS, ColumnPlan, plan_columns
from .encoder import categorical_columns, make_encoder
from .errors import DataInvalid, InvalidInput
from .fields import Fields
from .jsonio import to_json, write_bytes
from .progress import Progress
from .splits import SPLITS, split_rows
from .table import Table, read_table

if TYPE_CHECKING:
    import pandas as pd

_FIELDS = (
    "dataPath",
    "outputDir",
    "seed",
    "testFraction",
    "validationFraction",
    "target",
    "positive",
    "group",
    "drop",
    "idCategories",
)
_EXAMPLE_ROWS = 5
# Fewer rows of either class than this in a split say nothing.
_MIN_CLASS_ROWS = 2
_TRUTH_VALUES = {"true", "false"}


def prepare(input: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Split a CSV file by group, encode it, and write the arrays to a directory.

    Running it twice on the same input writes the same bytes.

    Args:
        input: ``dataPath`` (.csv or .csv.gz), ``outputDir``, ``seed`` (42), ``testFraction`` and
            ``validationFraction`` (0.15 each, of the groups), ``target`` ("readmitted"), ``positive`` ("<30": the
            target's value that counts as 1), ``group`` ("patient_nbr"; null: rows are independent), ``drop``
            (columns the model must not read), ``idCategories`` (numeric columns that are categories). Names that
            the last two give count where there is such a column.
        progress: Told the stage.

    Returns:
        ``{rows, groups, positives, splits, features, dropped, dataSha256}``.

    Raises:
        DataNotFound: There is no such file.
        DataInvalid: The file lacks a column, or its target cannot be learned.
        InvalidInput: A field has the wrong type or range.
    """
    fields = Fields("prepare", input, _FIELDS)
    data_path, output = fields.text("dataPath"), Path(fields.text("outputDir"))
    seed = fields.integer("seed", 42)
    test_fraction = fields.fraction("testFraction", 0.15)
    validation_fraction = fields.fraction("validationFraction", 0.15)
    if test_fraction + validation_fraction >= 1:
        raise InvalidInput("testFraction and validationFraction leave nothing to train on", "testFraction")
    target, positive = fields.text("target", "readmitted"), fields.text("positive", "<30")
    group = fields.text("group", None if "group" in input else "patient_nbr")
    drop = fields.texts("drop", IDENTIFIERS)
    id_categories = fields.texts("idCategories", ID_CATEGORIES)

    progress({"stage": "reading"})
    texts = {target, group} - {None}
    table = read_table(data_path, tuple(texts), unread=tuple({*drop} - texts), codes=tuple(id_categories))
    frame = table.frame
    labels = _labels(table, target, positive)
    if group is not None and group not in frame:
        raise DataInvalid(
            f"There is no group column {group!r}; the columns are {_names(table.names)}. "
            "Set group to one of them, or to null if rows are independent",
            "group",
        )
    codes, groups = split_rows(
        None if group is None else frame[group], len(frame), seed, test_fraction, validation_fraction
    )
    rows_of = {name: np.flatnonzero(codes == code) for code, name in enumerate(SPLITS)}
    _check_splits(labels, rows_of)

    progress({"stage": "encoding", "rows": len(frame)})
    candidates = frame.drop(columns=list(texts))
    plan = plan_columns(candidates.iloc[rows_of["train"]], labels[rows_of["train"]], id_categories)
    if not plan.features:
        raise DataInvalid(f"{data_path} has no column that a model could learn from", "dataPath")
    records = candidates[plan.features]
    encoder = make_encoder(plan, seed)
    arrays = {"train": encoder.fit_transform(records.iloc[rows_of["train"]], labels[rows_of["train"]])}
    arrays["validation"] = encoder.transform(records.iloc[rows_of["validation"]])

    progress({"stage": "writing"})
    result = {
        "rows": len(frame),
        "groups": len(np.unique(groups)),
        "positives": int(labels.sum()),
        "splits": {split: _summary(rows, labels, groups) for split, rows in rows_of.items()},
        "features": [{"name": name, "kind": plan.kind(name)} for name in plan.features],
        "dropped": [name for name in table.names if name not in (*plan.features, target)],
        "dataSha256": table.sha256,
    }
    output.mkdir(parents=True, exist_ok=True)
    for split, array in arrays.items():
        _save(output / f"X_{split}.npy", np.ascontiguousarray(array, dtype=np.float64))
    for split, rows in rows_of.items():
        _save(output / f"y_{split}.npy", labels[rows])
    write_bytes(output / dataset.ENCODER_FILE, pickle.dumps(encoder, protocol=4))
    _write_records(output, candidates, plan, rows_of)
    # Last, as it is what makes the directory a dataset.
    meta = {
        "format": dataset.FORMAT,
        **result,
        "seed": seed,
        "target": target,
        "positive": positive,
        "group": group,
        "categoricalColumns": categorical_columns(plan),
        "columnTypes": {name: "text" if records[name].dtype == object else "number" for name in plan.features},
        "pairColumns": max(len(plan.crossed) - 1, 0),
        "encodedColumns": int(arrays["train"].shape[1]),
    }
    write_bytes(output / dataset.META_FILE, to_json(meta).encode())
    return result


def _labels(table: Table, target: str, positive: str) -> np.ndarray:
    frame = table.frame
    if target not in frame:
        raise DataInvalid(
            f"There is no target column {target!r}; the columns are {_names(table.names)}. "
            "Set target to the column to predict",
            "target",
        )
    if len(frame) == 0:
        raise DataInvalid("The data file has a header line and no rows", "dataPath")
    column = frame[target]
    missing = int(column.isna().sum())
    if missing:
        raise DataInvalid(f"{missing} of {len(frame)} rows have no value in the target column {target!r}", "target")
    wanted = positive
    if {value.lower() for value in column.unique()} <= _TRUTH_VALUES:
        # The same two labels however they are written: true in JSON, True in Python, TRUE in a spreadsheet.
        column, wanted = column.str.lower(), positive.lower()
    labels = (column == wanted).to_numpy().astype(np.int64)
    if not labels.any():
        raise DataInvalid(
            f"The target column {target!r} never holds {positive!r}; it holds "
            f"{_names(sorted(frame[target].unique()))}. Set positive to the value that counts as positive",
            "positive",
        )
    if labels.all():
        raise DataInvalid(
            f"Every row of the target column {target!r} holds {positive!r}: there is nothing to tell apart",
            "positive",
        )
    return labels


def _check_splits(labels: np.ndarray, rows_of: dict[str, np.ndarray]) -> None:
    for split, rows in rows_of.items():
        positives = int(labels[rows].sum())
        if min(positives, len(rows) - positives) < _MIN_CLASS_ROWS:
            raise DataInvalid(
                f"The {split} split has {positives} positive rows of {len(rows)}: at least {_MIN_CLASS_ROWS} of both "
                "kinds are needed in each split. Use more data, or other fractions or another seed",
                "dataPath",
            )


def _summary(rows: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> dict[str, int]:
    return {"rows": len(rows), "groups": len(np.unique(groups[rows])), "positives": int(labels[rows].sum())}


def _save(path: Path, array: np.ndarray) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array)
    write_bytes(path, buffer.getbuffer())


def _write_records(output: Path, candidates: pd.DataFrame, plan: ColumnPlan, rows_of: dict[str, np.ndarray]) -> None:
    fit_rows = np.concatenate([rows_of["train"], rows_of["validation"]])
    _write_parquet(output / dataset.FIT_RECORDS_FILE, candidates[plan.features].iloc[fit_rows])
    # All columns, as an earlier model may read others.
    _write_parquet(output / dataset.TEST_RECORDS_FILE, candidates.iloc[rows_of["test"]])
    example = candidates[plan.features].iloc[rows_of["train"][:_EXAMPLE_ROWS]]
    write_bytes(output / dataset.EXAMPLE_FILE, to_json(example.to_dict(orient="records")).encode())


def _write_parquet(path: Path, records: pd.DataFrame) -> None:
    buffer = io.BytesIO()
    records.reset_index(drop=True).to_parquet(buffer, index=False)
    write_bytes(path, buffer.getbuffer())


def _names(values: Any) -> str:
    shown = [str(value) for value in values[:60]]
    return ", ".join(shown) + (f" and {len(values) - 60} more" if len(values) > 60 else "")
