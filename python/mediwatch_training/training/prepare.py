"""Step `prepare`: from a table to split, encoded arrays."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import dataset
from ..errors import DataInvalid, InvalidInput, make_folder
from ..jsonio import open_to_replace, to_json, write_bytes
from .coded import is_text, plain, plain_frame, values_of
from .columns import ID_CATEGORIES, IDENTIFIERS, ColumnPlan, plan_columns
from .encoder import Encoded, categorical_columns, encode
from .kinds import Columns, find_kinds
from .table import Table, read_table
from .target import Target, check_splits, read_target

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from ..contract import (
        PrepareInput,
        PrepareResult,
        PrepareResultDropped,
        PrepareResultRemark,
        Split,
    )
    from ..shapes import Ints, Labels
    from ..steps import Progress
    from .kinds import Wanted

_EXAMPLE_ROWS = 5
# So many rows of the arrays and of the records are in memory at a time.
_BLOCK_ROWS, _GROUP_ROWS = 2**16, 2**20


def prepare(input: PrepareInput, progress: Progress) -> PrepareResult:
    """Split a table by group, encode it, and write the arrays to a directory.

    Running it twice on the same input writes the same bytes.

    Args:
        input: Names that ``drop`` and ``idCategories`` give count where there is such a column.
        progress: Called with the stage.

    Raises:
        DataNotFound: There is no such file.
        DataInvalid: The file lacks a column, or its target cannot be learned.
        InvalidInput: The fractions leave nothing to train on, or nothing can be written to the folder.
    """
    data_path, output, seed = input["dataPath"], Path(input["outputDir"]), input["seed"]
    test_fraction, validation_fraction = input["testFraction"], input["validationFraction"]
    if test_fraction + validation_fraction >= 1:
        raise InvalidInput("testFraction and validationFraction leave nothing to train on", "testFraction")
    make_folder(output, "outputDir")
    target, group = input["target"], input["group"]
    drop = IDENTIFIERS if input["drop"] is None else input["drop"]
    id_categories = ID_CATEGORIES if input["idCategories"] is None else input["idCategories"]

    progress({"stage": "reading"})
    texts = {target} if group is None else {target, group}
    table = read_table(
        data_path,
        tuple(texts),
        unread=tuple({*drop} - texts),
        codes=tuple(id_categories),
        separator=input["separator"],
        encoding=input["encoding"],
    )
    frame = table.columns
    learned = _target(table, input)
    labels = learned.labels
    if group is not None and group not in frame:
        raise DataInvalid(
            f"There is no group column {group!r}; the columns are {_names(table.names)}. "
            "Set group to one of them, or to null if rows are independent",
            "group",
        )
    codes, groups = split_rows(
        None if group is None else plain(frame[group]), len(frame), seed, test_fraction, validation_fraction
    )
    for name in texts:
        # Names of many patients take as much memory as all other columns.
        del frame[name]
    rows_of = {name: np.flatnonzero(codes == code) for code, name in enumerate(SPLITS)}
    check_splits(learned, rows_of)

    progress({"stage": "encoding", "rows": len(frame)})
    columns = find_kinds(table, frame, codes == SPLITS.index("train"), id_categories, _wanted(table, input))
    if not columns.features:
        left = ", ".join(f"{one['name']} ({one['reason']})" for one in columns.dropped[:10]) if table.familiar else ""
        raise DataInvalid(
            f"{data_path} has no column that a model could learn from{left and f'; left out: {left}'}", "dataPath"
        )
    candidates = columns.records
    plan = plan_columns(
        candidates[[feature["name"] for feature in columns.features]].iloc[rows_of["train"]],
        labels[rows_of["train"]],
        columns.names("categorical"),
        columns.names("date"),
        columns.names("text"),
    )
    if learned.task == "multiclass":
        # Each pair would be a column for each class.
        plan = replace(plan, crossed=[])
    features = {feature["name"]: feature for feature in columns.features}
    records = candidates[plan.features]
    train, validation = encode(
        plan,
        seed,
        learned.task,
        records.iloc[rows_of["train"]],
        labels[rows_of["train"]],
        records.iloc[rows_of["validation"]],
    )

    progress({"stage": "writing"})
    _save_blocks(output / "X_train.npy", train)
    _save_blocks(output / "X_validation.npy", validation)
    encoded_columns = train.shape[1]
    del train, validation
    for split, rows in rows_of.items():
        _save(output / f"y_{split}.npy", labels[rows])
    _write_records(output, candidates, plan, rows_of)
    # Last, as it is what makes the directory a dataset.
    meta: dataset.DatasetMeta = {
        "format": dataset.FORMAT,
        "rows": len(frame),
        "groups": int(groups.max()) + 1,
        "positives": learned.positives(),
        "splits": {
            "train": _summary(rows_of["train"], learned, groups),
            "validation": _summary(rows_of["validation"], learned, groups),
            "test": _summary(rows_of["test"], learned, groups),
        },
        "features": [features[name] for name in plan.features],
        "dropped": _dropped(table, columns, {*drop} - texts, texts - {target}),
        "remarks": [*_file_remarks(table, input), *columns.remarks],
        "dataSha256": table.sha256,
        "seed": seed,
        "target": target,
        "task": learned.task,
        "positive": learned.positive,
        "classes": learned.classes,
        "group": group,
        "categoricalColumns": categorical_columns(plan),
        "columnTypes": {name: "text" if is_text(records[name]) else "number" for name in plan.features},
        "plan": asdict(plan),
        "pairColumns": max(len(plan.crossed) - 1, 0),
        "encodedColumns": encoded_columns,
    }
    write_bytes(output / dataset.META_FILE, to_json(meta).encode())
    return {
        "rows": meta["rows"],
        "groups": meta["groups"],
        "positives": meta["positives"],
        "task": meta["task"],
        "positive": meta["positive"],
        "classes": meta["classes"],
        "splits": meta["splits"],
        "features": meta["features"],
        "dropped": meta["dropped"],
        "remarks": meta["remarks"],
        "dataSha256": meta["dataSha256"],
    }


def _wanted(table: Table, input: PrepareInput) -> dict[str, Wanted]:
    wanted = input["columns"]
    unknown = [name for name in wanted if name not in table.names]
    if unknown:
        others = f": the columns are {_names(table.names)}" if table.familiar else ""
        raise DataInvalid(f"data.columns names {unknown[0]!r}, and there is no such column{others}", "columns")
    return wanted


def _dropped(table: Table, columns: Columns, asked: set[str], group: set[str]) -> list[PrepareResultDropped]:
    """Return what the model does not read, in the order of the file."""
    reasons = {one["name"]: one for one in columns.dropped}
    reasons |= {name: {"name": name, "reason": "asked"} for name in asked}
    reasons |= {name: {"name": name, "reason": "group"} for name in group}
    return [reasons[name] for name in table.names if name in reasons]


def _file_remarks(table: Table, input: PrepareInput) -> list[PrepareResultRemark]:
    remarks: list[PrepareResultRemark] = []
    if input["encoding"] is None and table.separator is not None and table.encoding != "utf-8":
        remarks.append({"code": "encoding", "detail": table.encoding})
    if input["separator"] is None and table.separator not in (None, ","):
        remarks.append({"code": "separator", "detail": table.separator})
    return remarks


def _target(table: Table, input: PrepareInput) -> Target:
    target = input["target"]
    if target not in table.columns:
        others = f"the columns are {_names(table.names)}" if table.familiar else "nor any other that the settings name"
        raise DataInvalid(
            f"There is no target column {target!r}; {others}. Set target to the column to predict", "target"
        )
    if len(table.columns) == 0:
        raise DataInvalid("The data file has a header line and no rows", "dataPath")
    return read_target(plain(table.columns[target]), input["task"], input["positive"])


def _summary(rows: Ints, target: Target, groups: Ints) -> Split:
    return {
        "rows": len(rows),
        "groups": int(np.count_nonzero(np.bincount(groups[rows]))),
        "positives": target.positives(rows),
    }


def _save(path: Path, array: Labels) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_bytes(path, buffer.getbuffer())


def _save_blocks(path: Path, array: Encoded) -> None:
    with open_to_replace(path) as file:
        head = {"descr": "<f8", "fortran_order": False, "shape": array.shape}
        np.lib.format.write_array_header_1_0(file, head)
        for block in array.blocks(_BLOCK_ROWS):
            file.write(np.ascontiguousarray(block).data)


def _write_records(output: Path, candidates: pd.DataFrame, plan: ColumnPlan, rows_of: dict[str, Ints]) -> None:
    fit_rows = np.concatenate([rows_of["train"], rows_of["validation"]])
    _write_parquet(output / dataset.FIT_RECORDS_FILE, candidates[plan.features], fit_rows)
    # All columns, as an earlier model may read others.
    _write_parquet(output / dataset.TEST_RECORDS_FILE, candidates, rows_of["test"])
    example = plain_frame(candidates[plan.features].iloc[rows_of["train"][:_EXAMPLE_ROWS]])
    write_bytes(output / dataset.EXAMPLE_FILE, to_json(example.to_dict(orient="records")).encode())


def _write_parquet(path: Path, records: pd.DataFrame, rows: Ints) -> None:
    import pandas as pd
    import pyarrow as pa
    from pyarrow import parquet

    # One value of each column, from which its type comes.
    known = pd.DataFrame({name: [next(iter(values_of(records[name].iloc[rows])), None)] for name in records})
    numbers = {name: "float64" for name in records if not is_text(records[name])}
    schema = pa.Schema.from_pandas(known.astype(numbers), preserve_index=False)
    with open_to_replace(path) as file, parquet.ParquetWriter(file, schema) as writer:
        for begin in range(0, len(rows), _GROUP_ROWS):
            some = plain_frame(records.iloc[rows[begin : begin + _GROUP_ROWS]])
            writer.write_table(pa.Table.from_pandas(some, schema, preserve_index=False), _GROUP_ROWS)


def _names(values: Sequence[object]) -> str:
    shown = [str(value) for value in values[:60]]
    return ", ".join(shown) + (f" and {len(values) - 60} more" if len(values) > 60 else "")


SPLITS = ("train", "validation", "test")


def split_rows(
    groups: pd.Series | None, rows: int, seed: int, test_fraction: float, validation_fraction: float
) -> tuple[NDArray[np.int8], Ints]:
    """Assign every row to a split.

    A group's split depends on its own name and the seed alone, so that a patient who was in the test split
    stays there when the data grows: an older model is then never scored on patients it was trained on.

    Args:
        groups: The group of each row, length `rows`; None makes every row its own group, and so does a missing
            value. None is also how rows without a group column are split.
        rows: Number of rows.
        seed: Changes the assignment.
        test_fraction: Expected share of the groups in the test split.
        validation_fraction: Expected share of the groups in the validation split.

    Returns:
        Codes into `SPLITS`, shape (rows,), and group numbers, shape (rows,).
    """
    names, numbers = _group_names(groups, rows)
    positions = np.fromiter((_position(seed, str(name)) for name in names), np.float64)
    codes = np.zeros(len(positions), dtype=np.int8)
    codes[positions >= 1 - test_fraction - validation_fraction] = SPLITS.index("validation")
    codes[positions >= 1 - test_fraction] = SPLITS.index("test")
    return codes[numbers], numbers


def _group_names(groups: pd.Series | None, rows: int) -> tuple[Iterable[object], Ints]:
    if groups is None:
        return (f"row {row}" for row in range(rows)), np.arange(rows)
    import pandas as pd

    missing = np.flatnonzero(groups.isna())
    if len(missing):
        own_names = pd.Series([f"row {row}" for row in missing], index=groups.index[missing], dtype=object)
        groups = groups.astype(object)
        groups.iloc[missing] = own_names
    numbers, names = pd.factorize(groups)
    return names, numbers


def _position(seed: int, name: str) -> float:
    """Return a number in [0, 1) that is uniform over names."""
    digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
