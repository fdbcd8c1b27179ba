"""Loads models and applies them to raw records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import ModelLoadFailed, ModelMismatch

if TYPE_CHECKING:
    import pandas as pd


def load_model(uri: str, tracking_uri: str) -> Any:
    """Load a model from the registry: as scikit-learn if it is one, else as MLflow's generic `pyfunc`.

    Raises:
        ModelLoadFailed: There is no such model, or it cannot be read here.
        MlflowUnavailable: The server does not answer.
    """
    from .tracking import connect, tracking_errors

    connect(tracking_uri)
    import mlflow
    from mlflow.exceptions import MlflowException

    with tracking_errors(tracking_uri):
        try:
            flavors = mlflow.models.get_model_info(uri).flavors
            return mlflow.sklearn.load_model(uri) if "sklearn" in flavors else mlflow.pyfunc.load_model(uri)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise ModelLoadFailed(
                    f"There is no model {uri} at {tracking_uri}: {error.message}", "models"
                ) from error
            raise
        except (AttributeError, ImportError, EOFError, TypeError, KeyError) as error:
            raise ModelLoadFailed(f"The model {uri} cannot be loaded here: {error}", "models") from error


def expected_columns(model: Any) -> list[str] | None:
    """Return the names of the columns that a model reads, or None if it does not say."""
    names = getattr(model, "feature_names_in_", None)
    if names is not None:
        return [str(name) for name in names]
    metadata = getattr(model, "metadata", None)
    schema = metadata.get_input_schema() if metadata is not None else None
    return schema.input_names() if schema is not None and schema.has_input_names() else None


def predict_records(model: Any, records: pd.DataFrame, name: str) -> np.ndarray:
    """Return the probability of the positive class of each record, shape (rows,).

    Args:
        model: A scikit-learn classifier or an MLflow `pyfunc` model.
        records: Raw records; columns that the model does not read are ignored.
        name: What to call the model in messages.

    Raises:
        ModelMismatch: The records lack columns that the model reads, or it gives no probabilities for them.
    """
    columns = expected_columns(model)
    if columns is not None:
        absent = [column for column in columns if column not in records]
        if absent:
            raise ModelMismatch(
                f"The model {name} reads columns that the data does not have: {', '.join(absent)}", "models"
            )
        records = records[columns]
    try:
        predicted = model.predict_proba(records) if hasattr(model, "predict_proba") else model.predict(records)
        values = np.asarray(predicted, dtype=np.float64)
    except (ValueError, TypeError, KeyError) as error:
        raise ModelMismatch(f"The model {name} does not accept the data: {error}", "models") from error
    values = values[:, 1] if values.ndim == 2 and values.shape[1] == 2 else values.reshape(-1)
    if values.shape != (len(records),) or not np.all((values >= 0) & (values <= 1)):
        raise ModelMismatch(f"The model {name} does not return one probability a record", "models")
    return values
