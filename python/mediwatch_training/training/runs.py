"""The MLflow run of a training: what is logged to it, and what an earlier attempt has left there."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import pickle
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from ..dataset import Dataset
from ..errors import ExperimentDeleted
from ..jsonio import to_json
from ..tracking import connect, tracking_errors

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.models import ModelSignature
    from sklearn.pipeline import Pipeline

    from ..contract import TrainResult

_KEY_TAG = "mediwatch.train.key"
_RESULT_TAG = "mediwatch.train.result"
PIPELINE_FILE = "model_pipeline.joblib"
_MODEL = "model"
# Longest tag that every server from 2.13 on takes (characters).
_TAG_LENGTH = 5000
# What a machine needs to load the model: naming it spares MLflow three seconds of finding out.
_REQUIREMENTS = ("mlflow", "scikit-learn", "pandas", "numpy")


class LoggedModel(TypedDict):
    """Where a logged model lies; the source is what a model version is registered from."""

    modelUri: str
    modelId: str | None
    source: str


class _Model(TypedDict):
    """How MLflow is to log a model."""

    sk_model: Pipeline
    serialization_format: str
    signature: ModelSignature
    input_example: pd.DataFrame
    pip_requirements: list[str]
    pyfunc_predict_fn: str


class TrainingRun:
    """The one MLflow run that a training step writes to."""

    def __init__(self, uri: str, client: MlflowClient, run: Run) -> None:
        self._uri = uri
        self._client = client
        self._run = run
        self.run_id: str = run.info.run_id

    @classmethod
    def open(cls, uri: str, run_id: str | None, experiment: str) -> TrainingRun:
        """Open the run `run_id`, or make a new run in `experiment` if it is None.

        Raises:
            InvalidInput: The server has no such run.
            MlflowUnavailable: The server does not answer.
        """
        client = connect(uri)
        with tracking_errors(uri, "runId"):
            if run_id is None:
                run_id = client.create_run(_experiment_id(client, experiment)).info.run_id
            return cls(uri, client, client.get_run(run_id))

    def result_of(self, key: str) -> TrainResult | None:
        """Return the result that an earlier attempt left for the same inputs, if one did."""
        tags = self._run.data.tags
        if tags.get(_KEY_TAG) != key or _RESULT_TAG not in tags:
            return None
        return json.loads(tags[_RESULT_TAG])

    @contextmanager
    def active(self) -> Generator[None]:
        """Make this MLflow's active run; it ends as FINISHED, or as FAILED if the block raises."""
        import mlflow

        with tracking_errors(self._uri):
            while mlflow.active_run() is not None:  # left by an attempt that was interrupted
                mlflow.end_run("FAILED")
            with mlflow.start_run(run_id=self.run_id):
                yield

    def log(self, params: Mapping[str, object], metrics: Mapping[str, float], tags: Mapping[str, str]) -> None:
        """Log numbers and tags; a parameter that the run already has is left as it is."""
        from mlflow.entities import Metric, Param, RunTag
        from mlflow.utils.time import get_current_time_millis

        now = get_current_time_millis()
        self._client.log_batch(
            self.run_id,
            metrics=[Metric(name, float(value), now, 0) for name, value in metrics.items()],
            params=[Param(name, str(value)) for name, value in params.items() if name not in self._run.data.params],
            tags=[RunTag(name, value) for name, value in tags.items()],
        )

    def log_pipeline(self, pipeline: Pipeline, dataset: Dataset, work_dir: str | None) -> LoggedModel:
        """Log the model, and the same pipeline as a file for images that carry it.

        Returns:
            Where the model lies; without an id where the server is older than MLflow 3.
        """
        from mlflow.exceptions import MlflowException

        # It warns of every pickle; ours holds what this process has just fitted.
        logging.getLogger("mlflow.sklearn").setLevel(logging.ERROR)
        if work_dir is not None:
            Path(work_dir).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=work_dir) as directory:
            path = Path(directory) / PIPELINE_FILE
            path.write_bytes(pickle.dumps(pipeline, protocol=4))
            self._client.log_artifact(self.run_id, str(path))
        model: _Model = {
            "sk_model": pipeline,
            "serialization_format": "pickle",
            "signature": _signature(dataset),
            "input_example": _example_frame(dataset),
            "pip_requirements": [f"{name}=={importlib.metadata.version(name)}" for name in _REQUIREMENTS],
            "pyfunc_predict_fn": "predict" if dataset.meta["task"] == "regression" else "predict_proba",
        }
        try:
            return self._log_model(model)
        except MlflowException as error:
            # What a server answers that has no logged models, to the first call; nothing has been stored yet.
            if error.error_code != "ENDPOINT_NOT_FOUND":
                raise
            return self._log_model_files(model, work_dir)

    def _log_model(self, model: _Model) -> LoggedModel:
        from mlflow.sklearn import log_model

        info = log_model(name=_MODEL, **model)
        return {"modelUri": info.model_uri, "modelId": info.model_id, "source": info.artifact_path}

    def _log_model_files(self, model: _Model, work_dir: str | None) -> LoggedModel:
        """Keep the model as MLflow 2 does, which is what its servers understand: as files of the run."""
        from mlflow.models import Model
        from mlflow.sklearn import save_model

        description = Model(artifact_path=_MODEL, run_id=self.run_id)
        with tempfile.TemporaryDirectory(dir=work_dir) as directory:
            path = Path(directory) / _MODEL
            save_model(path=str(path), mlflow_model=description, **model)
            self._client.log_artifacts(self.run_id, str(path), _MODEL)
        # By this tag MLflow 2 shows in its lists of runs that this one has a model.
        history = json.dumps([description.get_tags_dict()], default=str)
        if len(history) <= _TAG_LENGTH:
            self._client.set_tag(self.run_id, "mlflow.log-model.history", history)
        artifacts = self._run.info.artifact_uri
        return {"modelUri": f"runs:/{self.run_id}/{_MODEL}", "modelId": None, "source": f"{artifacts}/{_MODEL}"}

    def complete(self, key: str, result: TrainResult) -> None:
        """Remember the result on the run, so that another attempt finds it."""
        self._client.set_tag(self.run_id, _KEY_TAG, key)
        self._client.set_tag(self.run_id, _RESULT_TAG, to_json(result))


def _experiment_id(client: MlflowClient, name: str) -> str:
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return client.create_experiment(name)
    if experiment.lifecycle_stage == "deleted":
        raise ExperimentDeleted(
            f'The experiment "{name}" is deleted. Restore it (mlflow experiments restore --experiment-id '
            f"{experiment.experiment_id}), or name another"
        )
    return experiment.experiment_id


def _signature(dataset: Dataset) -> ModelSignature:
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    numeric = set(_numeric_columns(dataset))
    inputs: list[ColSpec | TensorSpec] = [
        ColSpec("double" if f["name"] in numeric else "string", f["name"], required=False)
        for f in dataset.meta["features"]
    ]
    columns = {"binary": (2,), "multiclass": (len(dataset.meta["classes"] or []),), "regression": ()}
    shape = (-1, *columns[dataset.meta["task"]])
    return ModelSignature(inputs=Schema(inputs), outputs=Schema([TensorSpec(np.dtype("float64"), shape)]))


def _numeric_columns(dataset: Dataset) -> list[str]:
    return [name for name, kind in dataset.meta["columnTypes"].items() if kind == "number"]


def _example_frame(dataset: Dataset) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(dataset.example[:2])
    numeric = _numeric_columns(dataset)
    return frame.astype({name: "float64" for name in numeric})
