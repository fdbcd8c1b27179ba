"""Which columns the new version relies on: permutation importance (Breiman 2001) on the test split."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...steps import Progress
from ...training.scores import WeightedScores
from .scoring import Scored

if TYPE_CHECKING:
    import pandas as pd

    from ...loading.parent import ConfinedModel
    from ...shapes import Floats, Ints
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
    """Return by how much the AUC falls when a column's values change places between records.

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
    sample = _sample(test.labels, rows)
    labels, records = test.labels[sample], records.iloc[sample].reset_index(drop=True)
    probabilities = model.probabilities[sample]
    whole = _auc(labels, probabilities)
    if not np.isfinite(whole):
        return {"missing": "The test split holds records of one class only."}
    random = np.random.default_rng(_SEED)
    found: list[ColumnImportance] = []
    for number, name in enumerate(columns):
        progress({"stage": "importance", "column": name, "done": number, "of": len(columns)})
        orders = np.stack([random.permutation(len(records)) for _ in range(_REPEATS)])
        drops = whole - _permuted_aucs(model.loaded, records[name], (sample, labels, probabilities), orders)
        found.append({"name": name, "drop": float(drops.mean()), "spread": float(drops.std(ddof=1))})
    found.sort(key=lambda column: (-column["drop"], column["name"]))
    return {"rows": len(sample), "repeats": _REPEATS, "auc": whole, "columns": found}


def _permuted_aucs(
    model: ConfinedModel, values: pd.Series, measured: tuple[Ints, Ints, Floats], orders: Ints
) -> Floats:
    """Return the AUC of each order of a column's values.

    Args:
        model: The model.
        values: The column in the records that are measured.
        measured: Numbers, labels and probabilities of these records.
        orders: Places in the column, shape (repeats, rows).
    """
    import pandas as pd

    numbers, labels, probabilities = measured
    codes, _ = pd.factorize(values, use_na_sentinel=False)
    permuted = np.tile(probabilities, (len(orders), 1))
    # A record that got the value that it had keeps its prediction: of a rare drug's column that is nearly all of them.
    changed = codes[orders] != codes
    if changed.any():
        # All repeats in one table: most of the time of a small prediction goes into setting it up.
        rows = np.tile(numbers, (len(orders), 1))[changed]
        permuted[changed], _ = model.probabilities(rows, (str(values.name), numbers[orders[changed]]))
    return np.array([_auc(labels, part) for part in permuted])


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
    return max(model.probabilities(rows)[1], 1e-3)


def _sample(labels: Ints, rows: int) -> Ints:
    """Return `rows` row numbers with the share of positives of all, in their order."""
    if rows >= len(labels):
        return np.arange(len(labels))
    random = np.random.default_rng(_SEED)
    positives, negatives = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    wanted = int(np.clip(round(rows * len(positives) / len(labels)), min(1, len(positives)), len(positives)))
    chosen = [
        random.choice(positives, wanted, replace=False),
        random.choice(negatives, min(rows - wanted, len(negatives)), replace=False),
    ]
    return np.sort(np.concatenate(chosen))


def _auc(labels: Ints, probabilities: Floats) -> float:
    return float(WeightedScores(labels, probabilities, 0.5, ("auc",)).of(np.ones((1, len(labels))))[0, 0])
