"""Models of this package in a form that answers in microseconds.

A pipeline's own call costs as much for one record as for thirty: scikit-learn and pandas check and copy the records
some fifty times. A compiled model looks up what the pipeline makes of each value, and joins the trees as tables.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, cast

import numpy as np

from ...errors import described
from ...models import facts_of, predict_records
from . import fitted
from .encoding import Encoding
from .trees import Unsupported, compile_trees

if TYPE_CHECKING:
    from ...shapes import Columns, Floats, Task, Value

__all__ = ["CompiledModel", "Unsupported", "compile_model"]

# A difference is one of rounding: sums are made in another order.
_TOLERANCE = 1e-12
_CHECKED_ROWS = 200
# What no training data hold, at the ends of what can be told apart, and dates that pandas cannot hold.
_STRANGE: dict[str, list[Value]] = {
    "numeric": [0.0, -1.0, 0.5, 1e30, -1e30],
    "date": ["1969-12-31", "2024-02-29T23:59:59", "0001-01-01", "9999-12-31T12:00:00"],
    "text": ["", "words of no other text", "x" * 1000],
}
_STRANGE_CATEGORIES: list[Value] = ["", "no such value", "-1", "250.83", "1e400", "NaN ", "1_0"]


class CompiledModel:
    """A pipeline of `training.train`, compiled.

    Args:
        pipeline: A fitted one.
        task: What it predicts.

    Raises:
        Unsupported: It has a part that is not compiled.
    """

    def __init__(self, pipeline: object, task: Task) -> None:
        steps = fitted.steps_of(pipeline)
        if len(steps) != 2 or not hasattr(steps[0], "transformers_"):
            raise Unsupported("other steps than an encoder and an estimator")
        encoder, estimator = cast("fitted.Columns", steps[0]), steps[1]
        width = max(place.stop for place in encoder.output_indices_.values())
        self._trees = compile_trees(estimator, task, width)
        self.encoding = Encoding(encoder, self._trees)

    def predict(self, columns: Columns) -> Floats:
        """Return what `models.predict_records` does, of values as `values.read_value` makes them."""
        return self._trees.predict(self.encoding.encode(columns))


def compile_model(pipeline: object, task: Task, seed: int = 0) -> CompiledModel:
    """Compile a model of this package, and compare it with the pipeline on its examples and on rows that are made up.

    Raises:
        Unsupported: It has a part that is not compiled, or does not predict what the pipeline does.
    """
    try:
        compiled = CompiledModel(pipeline, task)
        columns = sample_columns(pipeline, compiled, _CHECKED_ROWS, seed)
        differs = difference(pipeline, compiled, columns, task)
    except Unsupported:
        raise
    except Exception as error:  # whatever another version of scikit-learn has otherwise
        raise Unsupported(described(error)) from error
    if not differs <= _TOLERANCE:
        raise Unsupported(f"predictions that differ from the pipeline's by {differs:.1e}")
    return compiled


def difference(pipeline: object, compiled: CompiledModel, columns: Columns, task: Task) -> float:
    """Return by how much a compiled model's predictions differ from the pipeline's at most, relative above 1."""
    import pandas as pd

    expected = predict_records(pipeline, pd.DataFrame(columns, dtype=object), "compiled", task)
    return float(np.max(np.abs(compiled.predict(columns) - expected) / np.maximum(1, np.abs(expected))))


def sample_columns(pipeline: object, compiled: CompiledModel, rows: int, seed: int) -> dict[str, list[Value]]:
    """Return the examples of a model and rows that are made up: of values of training, strange, and missing ones."""
    facts, choose = facts_of(pipeline), random.Random(seed)
    columns: dict[str, list[Value]] = {}
    for feature in facts.get("features", []):
        name = feature["name"]
        usual = compiled.encoding.values(name) or [None]
        strange = _STRANGE.get(feature["kind"], _STRANGE_CATEGORIES)
        columns[name] = [example.get(name) for example in facts.get("example", [])]
        columns[name] += [choose.choice(choose.choices((usual, strange, [None]), (8, 1, 1))[0]) for _ in range(rows)]
    return columns
