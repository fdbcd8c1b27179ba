"""What the API answers and logs of a prediction, by the kind of target."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias, cast

from msgspec.json import encode

from .arrow import write_stream

if TYPE_CHECKING:
    from ..shapes import Floats, Predicted, Task, Value
    from .model import ServedModel

#: A binary target: the probability of the positive class, and whether it reaches the threshold (1) or not (0). Several
#: classes: the likeliest one, and the probability of each. A regression: the number. Of a model of others that is none
#: of these: what it returns.
Answer: TypeAlias = "dict[str, object]"

#: Columns of the prediction log, the last ones of its header.
LOGGED: dict[Task | None, list[str]] = {
    None: ["prediction"],
    "binary": ["prob", "pred"],
    "multiclass": ["prob", "pred"],
    "regression": ["prediction"],
}


def answers_of(model: ServedModel, predicted: Predicted) -> list[Answer]:
    """Return the answer of each record."""
    if model.task is None:
        return [{"prediction": value} for value in cast("list[object]", predicted)]
    predicted = cast("Floats", predicted)
    if model.task == "regression":
        return [{"prediction": number} for number in predicted.tolist()]
    if model.task == "binary":
        return [{"prob": p, "pred": int(p >= model.threshold)} for p in predicted.tolist()]
    return [
        {
            "prediction": model.classes[int(row.argmax())],
            "probabilities": dict(zip(model.classes, map(float, row), strict=True)),
        }
        for row in predicted
    ]


def logged_of(model: ServedModel, predicted: Predicted) -> list[list[Value]]:
    """Return the columns under `LOGGED`; of several classes, the likeliest one of each record with its probability."""
    if model.task is None:
        return [[_cell(value) for value in cast("list[object]", predicted)]]
    predicted = cast("Floats", predicted)
    if model.task == "regression":
        return [predicted.tolist()]
    if model.task == "binary":
        return [predicted.tolist(), (predicted >= model.threshold).astype(int).tolist()]
    return [predicted.max(axis=1).tolist(), [model.classes[n] for n in predicted.argmax(axis=1)]]


def encode_answers(model: ServedModel, predicted: Predicted, about: Answer, as_columns: bool) -> bytes:
    """Return the body of an answer, as JSON or as an Arrow stream, with what holds for all of its records.

    Raises:
        BadRequest: 406 for what the model returns that no column holds.
    """
    if not as_columns:
        return encode({"predictions": answers_of(model, predicted), **about})
    if model.task in ("binary", "regression"):
        return write_stream(dict(zip(LOGGED[model.task], logged_of(model, predicted), strict=True)), encode(about))
    return write_stream(answers_of(model, predicted), encode(about))


def thresholds_of(model: ServedModel) -> dict[str, float]:
    """Return the field ``threshold`` of an answer: only a binary target has one."""
    return {"threshold": model.threshold} if model.task == "binary" else {}


def target_of(model: ServedModel) -> dict[str, object]:
    """Return what ``/health`` and ``/schema`` say of another target than a binary one, which has a threshold."""
    if model.task in ("binary", None):
        return {}
    return {"task": model.task, **({"classes": model.classes} if model.classes else {})}


def _cell(value: object) -> Value:
    return value if value is None or isinstance(value, str | int | float) else json.dumps(value)
