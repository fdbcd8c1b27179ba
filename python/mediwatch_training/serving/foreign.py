"""Lets a model that another trainer has logged answer as ours do; its files say what it reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar, cast

import numpy as np

from ..checks import is_list, is_object
from ..errors import ModelLoadFailed, ModelMismatch, StepError, described
from ..models import FACTS, Predicting, ServedFacts, facts_of

if TYPE_CHECKING:
    import pandas as pd

    from ..contract import PrepareResultFeature
    from ..shapes import Floats, Record

#: Gives a file of the model by its path, or None.
Read: TypeAlias = "Callable[[str], bytes | None]"
Said = TypeVar("Said")

# Types of MLflow's signatures, as NumPy calls them.
_NUMBERS = {"integer": "int32", "long": "int64", "float": "float32", "double": "float64"}
_OWN_API = "give the project an API of its own: deployment.command"


class _Classifier(Protocol):
    classes_: list[object]

    def predict_proba(self, data: object) -> Floats: ...


class ForeignModel:
    """A model with the interface of ours: it takes raw records as a data frame, and says what it reads.

    Args:
        model: A scikit-learn model, or one of MLflow's `pyfunc` flavour.
        description: Its MLmodel file.
        read: Gives its other files.

    Raises:
        ModelLoadFailed: It does not say what it reads, or reads what records cannot hold.
    """

    def __init__(self, model: object, description: dict[str, object], read: Read) -> None:
        self._model = model
        self._columns = _columns_of(description, model)
        self._raw = _raw_of(model)
        names = [name for name, _ in self._columns.named]
        self.feature_names_in_ = names
        example = _example_of(description, read, names)
        facts: ServedFacts = {"features": self._columns.features()}
        # Without one of its own, values of the right types: whether it takes them, only it knows.
        facts["example"] = [example if example is not None else self._columns.sample()]
        classifier = self._classifier()
        if classifier is not None:
            # Only what has it is asked for it.
            self.predict_proba = lambda records: self._asked(classifier.predict_proba, records)
        classes = None if classifier is None else [str(one) for one in classifier.classes_]
        if classes is not None and len(classes) == 2:
            facts["task"], facts["threshold"], facts["positive"] = "binary", 0.5, classes[1]
        elif classes is not None:
            facts["task"], facts["classes"] = "multiclass", classes
        elif self._is_regressor():
            facts["task"] = "regression"
        setattr(self, FACTS, facts)

    def predict(self, records: pd.DataFrame) -> list[object]:
        """Return what the model says of each record: a number, or whatever it is, as JSON has it.

        Raises:
            ModelMismatch: It does not take the records.
        """
        said = self._asked(cast("Callable[[object], object]", cast("Predicting", self._model).predict), records)
        return _one_each(said, len(records))

    def _asked(self, ask: Callable[[object], Said], records: pd.DataFrame) -> Said:
        try:
            return ask(self._columns.frame(records))
        except StepError:
            raise
        except Exception as error:  # whatever foreign code raises
            raise ModelMismatch(f"The model does not accept the data: {described(error)}", "models") from error

    def _classifier(self) -> _Classifier | None:
        classes = getattr(self._raw, "classes_", None)
        has_proba = callable(getattr(self._raw, "predict_proba", None))
        return cast("_Classifier", self._raw) if has_proba and classes is not None and len(classes) > 1 else None

    def _is_regressor(self) -> bool:
        kind = getattr(self._raw, "_estimator_type", None)
        return kind == "regressor" or type(self._raw).__name__.endswith("Regressor") or _says_regressor(self._raw)


def _says_regressor(model: object) -> bool:
    """Ask scikit-learn, which has changed how an estimator says it."""
    from sklearn.base import is_regressor

    try:
        return bool(is_regressor(model))
    except Exception:  # no estimator of its
        return False


class _Columns:
    """What a model reads: columns with their types, by name, or by their place where they have none."""

    def __init__(self, named: list[tuple[str, str | None]], tensor: str | None, by_name: bool) -> None:
        self.named = named
        #: Kind of the numbers of one array; None: a table.
        self._tensor = tensor
        #: Each column is an array of its own.
        self._by_name = by_name

    def features(self) -> list[PrepareResultFeature]:
        return [
            {"name": name, "kind": "numeric" if kind in _NUMBERS or self._tensor is not None else "unknown"}
            for name, kind in self.named
        ]

    def sample(self) -> Record:
        """Return a record of values of the right types, for a model without an example of its own."""
        empty = {"string": "", "boolean": False, "datetime": "2024-01-01"}
        return {name: empty.get(kind or "", 0.0 if kind not in ("integer", "long") else 0) for name, kind in self.named}

    def frame(self, records: pd.DataFrame) -> object:
        """Return the records as the model takes them."""
        import pandas as pd

        names = [name for name, _ in self.named]
        if self._by_name:
            return {name: np.asarray(records[name].tolist(), dtype=self._tensor) for name in names}
        if self._tensor is not None:
            return np.asarray(records[names].to_numpy().tolist(), dtype=self._tensor)
        columns = {name: _typed(records[name], kind) for name, kind in self.named}
        return pd.DataFrame(columns, index=records.index).infer_objects()


def _typed(column: pd.Series, kind: str | None) -> pd.Series:
    import pandas as pd

    if kind == "datetime":
        return pd.to_datetime(column, format="ISO8601")
    if kind == "boolean" and column.notna().all():
        return column.map(lambda value: str(value).lower() == "true").astype(bool)
    if kind not in _NUMBERS:
        return column
    numbers = pd.to_numeric(column)
    # No whole number stands for one that is missing.
    return pd.Series(numbers.to_numpy(dtype=_NUMBERS[kind] if numbers.notna().all() else "float64"), numbers.index)


def adapt(model: object, description: object, read: Read) -> object:
    """Return a model of this package as it is, and another one as a `ForeignModel`."""
    return model if facts_of(model) or not is_object(description) else ForeignModel(model, description, read)


def _raw_of(model: object) -> object:
    """Return the model of the library, which knows its classes, from within MLflow's wrapper."""
    unwrap = getattr(model, "get_raw_model", None)
    if not callable(unwrap):
        return model
    try:
        return unwrap()
    except Exception:  # a flavour that has none
        return model


def _columns_of(description: dict[str, object], model: object) -> _Columns:
    signature = description.get("signature")
    inputs = _json(signature.get("inputs")) if is_object(signature) else None
    specs = [one for one in inputs if is_object(one)] if is_list(inputs) else []
    if specs and all(one.get("type") == "tensor" for one in specs):
        return _tensors_of(specs)
    if specs and all(isinstance(one.get("name"), str) for one in specs):
        return _Columns([(str(one["name"]), str(one.get("type"))) for one in specs], None, False)
    names = getattr(_raw_of(model), "feature_names_in_", None)
    if names is not None:
        return _Columns([(str(name), None) for name in names], None, False)
    count = getattr(_raw_of(model), "n_features_in_", None)
    if isinstance(count, int) and count > 0:
        return _Columns([(str(number), "double") for number in range(count)], "float64", False)
    raise ModelLoadFailed(
        "The model does not say which columns it reads: log it with a signature (infer_signature), or " + _OWN_API
    )


def _tensors_of(specs: list[dict[str, object]]) -> _Columns:
    tensors = [cast("dict[str, object]", one.get("tensor-spec") or {}) for one in specs]
    shapes = [cast("list[int]", one.get("shape") or []) for one in tensors]
    kind = str(tensors[0].get("dtype", "float64"))
    named = [one.get("name") for one in specs]
    if len(specs) == 1 and named[0] is None and len(shapes[0]) == 2 and shapes[0][1] > 0:
        return _Columns([(str(number), "double") for number in range(shapes[0][1])], kind, False)
    if all(isinstance(name, str) for name in named) and all(len(shape) == 1 for shape in shapes):
        return _Columns([(str(name), "double") for name in named], kind, True)
    raise ModelLoadFailed(
        f"The model reads arrays of shape {shapes[0]}, which no record of values can hold: {_OWN_API}"
    )


def _example_of(description: dict[str, object], read: Read, names: list[str]) -> Record | None:
    """Return the first record of the example that was logged with the model, if it has all columns."""
    info = description.get("saved_input_example_info")
    path = info.get("artifact_path") if is_object(info) else None
    content = read(path) if isinstance(path, str) else None
    example = _json(content.decode("utf-8", "replace")) if content is not None else None
    record: dict[str, object] = {}
    if is_object(example) and is_list(example.get("data")):
        rows = cast("list[object]", example["data"])
        columns = example.get("columns")
        first = rows[0] if rows else None
        keys = [str(one) for one in columns] if is_list(columns) else names
        record = dict(zip(keys, first, strict=False)) if is_list(first) else {}
    elif is_object(example) and is_list(example.get("inputs")):
        first = cast("list[object]", example["inputs"])[:1]
        record = dict(zip(names, first[0], strict=False)) if first and is_list(first[0]) else {}
    elif is_object(example):
        record = {name: value[0] if is_list(value) and value else value for name, value in example.items()}
    return cast("Record", {name: record[name] for name in names}) if all(name in record for name in names) else None


def _one_each(said: object, count: int) -> list[object]:
    """Return what was said of each record, as JSON has it."""
    import pandas as pd

    if isinstance(said, pd.DataFrame):
        rows = cast("list[dict[str, object]]", said.to_dict(orient="records"))
        return [_plain(next(iter(row.values())) if len(row) == 1 else row) for row in rows]
    if is_object(said):
        columns = {str(name): _one_each(values, count) for name, values in said.items()}
        if len(columns) == 1:
            return next(iter(columns.values()))
        return [{name: values[row] for name, values in columns.items()} for row in range(count)]
    toarray = getattr(said, "toarray", None)
    values = np.asarray(toarray() if callable(toarray) else said)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 0 or len(values) != count:
        raise ModelMismatch(f"The model returns {values.size} values for {count} records", "models")
    return [_plain(value) for value in values]


def _plain(value: object) -> object:
    """Return a value as JSON has it: no type of NumPy or pandas, no number that is none."""
    if isinstance(value, np.ndarray):
        return [_plain(one) for one in cast("list[object]", list(value))]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in cast("dict[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in cast("list[object]", value)]
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else str(value)


def _json(text: object) -> object:
    try:
        return json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None
