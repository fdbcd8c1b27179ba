"""Loads models and applies them to raw records."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypedDict, cast

import numpy as np

from .checks import is_object
from .errors import ModelLoadFailed, ModelMismatch, described

if TYPE_CHECKING:
    import pandas as pd

    from .contract import PrepareResultFeature
    from .shapes import Floats, Record, Task


class Predicting(Protocol):
    """A model of MLflow's `pyfunc` flavour."""

    def predict(self, data: pd.DataFrame) -> object:
        """Return what the model says of records."""
        ...


# How many columns a message names.
_NAMED = 5
# Attribute of a pipeline of this package that holds what a server must know of it.
FACTS = "mediwatch_"


class ServedFacts(TypedDict, total=False):
    """What a server must know of a model, as `train` leaves it on the pipeline; a script may leave less."""

    #: What it predicts; a model that was made before there was another is for a binary target.
    task: Task
    #: Probability from which a record counts as positive, for a binary target.
    threshold: float
    features: list[PrepareResultFeature]
    #: A few raw training records.
    example: list[Record]
    target: str
    positive: str
    #: Values of the target in the order of the probabilities, for several classes.
    classes: list[str]
    run_id: str


def facts_of(model: object) -> ServedFacts:
    """Return what a model of this package says of itself; nothing of another's."""
    facts = getattr(model, FACTS, None)
    return cast("ServedFacts", facts) if is_object(facts) else {}


def task_of(model: object) -> Task | None:
    """Return what a model of this package predicts; None of another's."""
    facts = facts_of(model)
    return facts.get("task", "binary") if facts else None


def classes_of(model: object) -> list[str] | None:
    """Return the classes that a model tells apart, in the order of its probabilities; None if it does not say."""
    classes = facts_of(model).get("classes") or getattr(model, "classes_", None)
    return None if classes is None else [str(one) for one in classes]


def loader_of(folder: str) -> Callable[[], object]:
    """Return what loads the model in a folder: as scikit-learn if it is one, else as MLflow's generic `pyfunc`.

    What it needs of libraries is imported at once.

    Raises:
        ModelLoadFailed: The folder does not describe a model.
    """
    import yaml

    try:
        description: object = yaml.safe_load((Path(folder) / "MLmodel").read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ModelLoadFailed(f"It has no MLmodel file that can be read: {error}", "models") from error
    flavors = description.get("flavors") if is_object(description) else None
    flavor = flavors.get("sklearn") if is_object(flavors) else None
    pickled = pickled_file(flavor)
    if pickled is not None:
        return lambda: pickle.loads((Path(folder) / pickled).read_bytes())
    if flavor is not None:
        from mlflow.sklearn import load_model as load_pipeline

        return lambda: load_pipeline(folder)
    from mlflow.pyfunc import load_model as load_any

    return lambda: load_any(folder)


def pickled_file(flavor: object) -> str | None:
    """Return the one file of a scikit-learn model that needs nothing of MLflow; None if it is no such model."""
    if not is_object(flavor) or flavor.get("code"):
        return None
    file = flavor.get("pickled_model")
    return file if flavor.get("serialization_format") in ("pickle", "cloudpickle") and isinstance(file, str) else None


def expected_columns(model: object) -> list[str] | None:
    """Return the names of the columns that a model reads, or None if it does not say."""
    names = getattr(model, "feature_names_in_", None)
    if names is not None:
        return [str(name) for name in names]
    metadata = getattr(model, "metadata", None)
    schema = metadata.get_input_schema() if metadata is not None else None
    return [str(name) for name in schema.input_names()] if schema is not None and schema.has_input_names() else None


def read_records(model: object, records: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return records as a model of this package reads them, by the kinds and formats of its own training data.

    Args:
        model: Of another one's model the records are returned as they are.
        records: As `prepare` has written them, from a table whose columns may be of other kinds by now.
        name: What to call the model in messages.

    Raises:
        ModelMismatch: Columns hold something else than when the model was trained; it would see nothing in them.
    """
    from .training.cells import is_of_kind, read_column
    from .training.encoder import known_categories

    seen = known_categories(model)
    columns: dict[str, pd.Series] = {}
    changed: list[str] = []
    for feature in facts_of(model).get("features", []):
        column = feature["name"]
        if column not in records:
            continue
        columns[column] = read_column(records[column], feature)
        if not is_of_kind(records[column], columns[column], feature, seen.get(column, [])):
            changed.append(f"{column} ({feature['kind']})")
    if changed:
        more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
        raise ModelMismatch(
            f"The model {name} was trained when these columns held values of another kind than now: "
            f"{', '.join(changed[:_NAMED])}{more}",
            "models",
        )
    return records.assign(**columns)


def predict_records(model: object, records: pd.DataFrame, name: str, task: Task = "binary") -> Floats:
    """Return what a model predicts for each record.

    That is the probability of the positive class, shape (rows,); those of all classes, shape (rows, classes); or
    numbers, shape (rows,).

    Args:
        model: A model of scikit-learn, or an MLflow `pyfunc` model.
        records: Raw records; columns that the model does not read are ignored.
        name: What to call the model in messages.
        task: What it is asked for.

    Raises:
        ModelMismatch: The records lack columns that the model reads, or it does not predict this for them.
    """
    columns = expected_columns(model)
    if columns is not None:
        absent = [column for column in columns if column not in records]
        if absent:
            raise ModelMismatch(
                f"The model {name} reads columns that the data does not have: {', '.join(absent)}", "models"
            )
        records = records[columns]
    probabilities = None if task == "regression" else getattr(model, "predict_proba", None)
    try:
        values = np.asarray((probabilities or cast("Predicting", model).predict)(records), dtype=np.float64)
    except (ValueError, TypeError, KeyError) as error:
        raise ModelMismatch(f"The model {name} does not accept the data: {described(error)}", "models") from error
    if task == "multiclass":
        fits = values.ndim == 2 and values.shape[1] > 1
    else:
        values = values[:, 1] if task == "binary" and values.shape[1:] == (2,) else values.reshape(-1)
        fits = values.ndim == 1
    if not fits or len(values) != len(records) or not are_predictions(task, values):
        raise ModelMismatch(f"The model {name} does not return {WHAT[task]}", "models")
    return values


#: What a model must return.
WHAT: dict[Task, str] = {
    "binary": "one probability a record",
    "multiclass": "a probability for each class of each record",
    "regression": "one number a record",
}


def are_predictions(task: Task, values: Floats) -> bool:
    """Whether all values are numbers of a regression, or probabilities."""
    return bool(np.all(np.isfinite(values)) and (task == "regression" or np.all((values >= 0) & (values <= 1))))
