"""Which columns the new version relies on: permutation importance (Breiman 2001) on the test split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...steps import Progress
from ...training.scores import primary, weighted_scores
from .scoring import Scored

if TYPE_CHECKING:
    import pandas as pd

    from ...loading.parent import ConfinedModel
    from ...shapes import Floats, Ints, Labels, Task
    from ..shapes import ColumnImportance, Importance, Missing

_REPEATS = 5
_MAX_ROWS = 2000
_SEED = 42
# A foreign model may be slow. It then gets fewer rows, and is left alone where these would say nothing. The bundled
# models need a tenth of this.
_SLOW_SECONDS = 150.0
_MIN_ROWS = 300
# More columns than this are not measured one by one.
_MAX_COLUMNS = 400


def importance(scored: Scored, progress: Progress) -> Importance | Missing:
    """Return by how much the first score of the task falls when a column's values change places between records.

    Args:
        scored: The models; it is the challenger's columns that are measured.
        progress: Called with the column that is measured.
    """
    model, test = scored.challenger.predicted, scored.test
    if model is None or model.loaded is None or test is None:
        return {"missing": scored.challenger.missing}
    records = test.records
    columns = [name for name in model.loaded.columns or records.columns if name in records]
    if len(columns) > _MAX_COLUMNS:
        return {"missing": f"The model reads {len(columns):,} columns: too many to be measured one by one."}
    rows = _affordable_rows(model.loaded, len(records), len(columns))
    if rows is None:
        return {"missing": "The model takes too long to predict for its columns to be measured one by one."}
    sample = _sample(scored.task, test.labels, rows)
    labels, records = test.labels[sample], records.iloc[sample].reset_index(drop=True)
    predicted = model.values[sample]
    whole = _score(scored.task, labels, predicted)
    if not np.isfinite(whole):
        return {"missing": "The target is the same in all records of the test split."}
    random = np.random.default_rng(_SEED)
    found: list[ColumnImportance] = []
    for number, name in enumerate(columns):
        progress({"stage": "importance", "column": name, "done": number, "of": len(columns)})
        orders = np.stack([random.permutation(len(records)) for _ in range(_REPEATS)])
        permuted = _permuted(model.loaded, records[name], (sample, predicted), orders)
        drops = whole - np.array([_score(scored.task, labels, values) for values in permuted])
        found.append({"name": name, "drop": float(drops.mean()), "spread": float(drops.std(ddof=1))})
    found.sort(key=lambda column: (-column["drop"], column["name"]))
    score = primary(scored.task)
    return {"rows": len(sample), "repeats": _REPEATS, "score": score, "value": whole, "columns": found}


def _permuted(model: ConfinedModel, values: pd.Series, measured: tuple[Ints, Floats], orders: Ints) -> Floats:
    """Return what is predicted with each order of a column's values.

    Args:
        model: The model.
        values: The column in the records that are measured.
        measured: Numbers of these records, and what is predicted for them.
        orders: Places in the column, shape (repeats, rows).
    """
    import pandas as pd

    numbers, predicted = measured
    codes, _ = pd.factorize(values, use_na_sentinel=False)
    permuted = np.tile(predicted, (len(orders),) + (1,) * predicted.ndim)
    # A record that got the value that it had keeps its prediction: of a rare drug's column that is nearly all of them.
    changed = codes[orders] != codes
    if changed.any():
        # All repeats in one table: most of the time of a small prediction goes into setting it up.
        rows = np.tile(numbers, (len(orders), 1))[changed]
        permuted[changed], _ = model.predictions(rows, (str(values.name), numbers[orders[changed]]))
    return permuted


def _affordable_rows(model: ConfinedModel, rows: int, columns: int) -> int | None:
    """Return how many rows a slow model is measured on; None if it is too slow by any measure."""
    rows = min(_MAX_ROWS, rows)
    least = min(_MIN_ROWS, rows)
    if _predicting_seconds(model, np.arange(least)) > _SLOW_SECONDS / 10:
        return None
    expected = _predicting_seconds(model, np.resize(np.arange(rows), rows * _REPEATS)) * columns
    affordable = int(rows * min(1.0, _SLOW_SECONDS / expected))
    return affordable if affordable >= least else None


def _predicting_seconds(model: ConfinedModel, rows: Ints) -> float:
    # Of the processor: a machine that is busy with other things must not change what the page says.
    return max(model.predictions(rows)[1], 1e-3)


def _sample(task: Task, labels: Labels, rows: int) -> Ints:
    """Return `rows` row numbers, of a binary target with the share of positives of all, in their order."""
    if rows >= len(labels):
        return np.arange(len(labels))
    random = np.random.default_rng(_SEED)
    if task != "binary":
        return np.sort(random.choice(len(labels), rows, replace=False))
    positives, negatives = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    wanted = int(np.clip(round(rows * len(positives) / len(labels)), min(1, len(positives)), len(positives)))
    chosen = [
        random.choice(positives, wanted, replace=False),
        random.choice(negatives, min(rows - wanted, len(negatives)), replace=False),
    ]
    return np.sort(np.concatenate(chosen))


def _score(task: Task, labels: Labels, predicted: Floats) -> float:
    scores = weighted_scores(task, labels, predicted, names=(primary(task),))
    return float(scores.of(np.ones((1, len(labels))))[0, 0])
