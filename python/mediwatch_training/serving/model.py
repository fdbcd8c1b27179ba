"""The model that the API serves: where it comes from and what is known of it."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ..errors import ModelLoadFailed, StepError
from ..training.encoder import known_categories
from .records import RecordReader
from .settings import Settings

if TYPE_CHECKING:
    from ..contract import PrepareResultFeature
    from ..shapes import Columns, Predicted, Record, Task
    from .compiled import CompiledModel
    from .foreign import ForeignModel

_log = logging.getLogger("mediwatch_training.serving")

# Of a model that does not say from which probability a record counts as positive.
_DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True)
class ServedModel:
    """A loaded model.

    Attributes:
        pipeline: Takes raw records as a data frame.
        version: Of the registered model, or the label of a local one.
        stage: Stage it was found by; None for a local or pinned one.
        run_id: Run that trained it, if known.
        task: What it predicts; None: nobody knows.
        classes: Values of the target in the order of their probabilities, for several classes.
        threshold: Probability from which a record counts as positive, for a binary target.
        features: ``{name, kind}`` of each column that the model reads.
        example: A raw record, or None.
        reader: Reads records as the pipeline takes them.
        compiled: Predicts what the pipeline does, in less time; None: it is not compiled, or not yet.
        warning: Why it is not compiled, if that was tried.
        loaded_at: Unix seconds.
    """

    pipeline: object
    version: str
    stage: str | None
    run_id: str | None
    task: Task | None
    classes: list[str]
    threshold: float
    features: list[PrepareResultFeature]
    example: Record | None
    reader: RecordReader
    compiled: CompiledModel | None = None
    warning: str | None = None
    loaded_at: float = field(default_factory=time.time)

    def predictions(self, columns: Columns) -> Predicted:
        """Return what `predict_records` does for each record, of the values of each feature."""
        if self.compiled is not None:
            try:
                return self.compiled.predict(columns)
            except Exception:
                # What the pipeline does not take either, it says in its own words.
                _log.debug("The compiled model does not take these records", exc_info=True)
        import pandas as pd

        from ..models import predict_records

        frame = pd.DataFrame({name: list(values) for name, values in columns.items()}, dtype=object)
        if self.task is None:
            return cast("ForeignModel", self.pipeline).predict(frame)
        return predict_records(self.pipeline, frame, self.version, self.task)

    def warm_up(self) -> None:
        """Predict once, which sets up what later predictions find ready.

        Raises:
            StepError: The model takes not even its own example.
        """
        from .foreign import ForeignModel

        example = self.example or {}
        try:
            self.predictions({f["name"]: [example.get(f["name"])] for f in self.features})
        except StepError:
            # What another trainer's model is shown may be made up.
            if not isinstance(self.pipeline, ForeignModel):
                raise

    def in_less_time(self) -> ServedModel:
        """Return this model compiled, or with the warning that says why it cannot be; another trainer's as it is."""
        from .compiled import Unsupported, compile_model
        from .foreign import ForeignModel

        if self.task is None or isinstance(self.pipeline, ForeignModel):
            return self
        try:
            return replace(self, compiled=compile_model(self.pipeline, self.task))
        except Unsupported as reason:
            return replace(self, warning=f"Predictions take longer, as the model cannot be compiled: it has {reason}")


def load_served_model(settings: Settings) -> ServedModel:
    """Load the model that the settings name.

    Raises:
        StepError: It cannot be loaded; the message says why and what to do.
    """
    if settings.source == "local":
        return _local(settings)
    return _registered(settings)


def _local(settings: Settings) -> ServedModel:
    path = Path(settings.model_path)
    if not path.is_file():
        raise ModelLoadFailed(
            f"There is no model file {path}: build the image with one, or set MODEL_PATH, or set MODEL_SOURCE=mlflow"
        )
    import joblib

    try:
        pipeline = joblib.load(path)
    except Exception as error:  # whatever unpickling foreign bytes raises
        raise ModelLoadFailed(f"The model file {path} cannot be read: {type(error).__name__}: {error}") from error
    return describe(pipeline, settings.local_version, None, None)


def _registered(settings: Settings) -> ServedModel:
    from .registry import RegistryClient

    client = RegistryClient(settings.tracking_uri)
    if settings.pinned_version is not None:
        version, stage = client.version(settings.model_name, settings.pinned_version), None
    else:
        version, stage = client.latest(settings.model_name, settings.model_stage), settings.model_stage
    try:
        pipeline = client.load(settings.model_name, version)
    except StepError:
        raise
    except Exception as error:  # whatever unpickling foreign bytes raises
        what = f"Version {version['version']} of {settings.model_name}"
        package = missing_package(error)
        if package is not None:
            raise MissingPackage(
                f"{what} needs the package {package}, which is not installed here: set deployment.environment to "
                '"model", which installs what the model names, or install it'
            ) from error
        raise ModelLoadFailed(f"{what} cannot be loaded here: {type(error).__name__}: {error}") from error
    return describe(pipeline, version["version"], stage, version["run_id"] or None)


class MissingPackage(ModelLoadFailed):
    """The model imports what is not installed; trying again does not help."""


def missing_package(error: BaseException | None) -> str | None:
    """Return the package that was not found, as the innermost cause of an error says."""
    while error is not None:
        if isinstance(error, ModuleNotFoundError) and error.name:
            return error.name.partition(".")[0]
        error = error.__cause__ or error.__context__
    return None


def describe(pipeline: object, version: str, stage: str | None, run_id: str | None) -> ServedModel:
    """Find out what a model reads; models of this package say it themselves.

    Raises:
        ModelLoadFailed: It does not say which columns it reads.
    """
    from ..models import facts_of
    from .foreign import ForeignModel

    known = facts_of(pipeline)
    features = known.get("features") or _features(pipeline)
    if not features:
        raise ModelLoadFailed("The model does not say which columns it reads: log it with a signature")
    examples = known.get("example", [])
    return ServedModel(
        pipeline=pipeline,
        version=version,
        stage=stage,
        run_id=run_id or known.get("run_id"),
        task=known.get("task", None if isinstance(pipeline, ForeignModel) else "binary"),
        classes=known.get("classes", []),
        threshold=known.get("threshold", _DEFAULT_THRESHOLD),
        features=features,
        example=examples[0] if examples else None,
        reader=RecordReader(features, known_categories(pipeline)),
    )


def _features(pipeline: object) -> list[PrepareResultFeature]:
    from ..models import expected_columns

    return [{"name": name, "kind": "unknown"} for name in expected_columns(pipeline) or []]
