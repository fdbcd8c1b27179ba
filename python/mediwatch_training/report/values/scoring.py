"""What both models predict for the same test records."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...dataset import Dataset
from ...errors import ModelChanged, ModelLoadFailed, ModelMismatch
from ...loading.parent import ConfinedModel, confined
from ...steps import Progress
from ..inputs import ReportedModel, ReportRequest

if TYPE_CHECKING:
    import pandas as pd

    from ...shapes import Floats, Labels, Task
    from ..shapes import Role

_DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True)
class Predicted:
    """A model with what it predicts for the test records, a row a record: probabilities or numbers."""

    name: str
    loaded: ConfinedModel | None
    values: Floats
    threshold: float
    threshold_is_default: bool


@dataclass(frozen=True)
class ScoredModel:
    """A model with what it predicts, or with the reason why that is not known.

    Attributes:
        name: What to call it in messages.
        loaded: Its process; None if it could not be loaded.
        values: What it predicts, a row a record; None if it could not be scored.
        threshold: Probability from which a record counts as positive.
        threshold_is_default: Whether neither the model nor its metrics tell a threshold.
        missing: Why it was not scored, in a sentence.
    """

    name: str
    loaded: ConfinedModel | None
    values: Floats | None
    threshold: float
    threshold_is_default: bool
    missing: str | None

    @property
    def predicted(self) -> Predicted | None:
        """The model as one that was scored; None if it was not."""
        if self.values is None:
            return None
        return Predicted(self.name, self.loaded, self.values, self.threshold, self.threshold_is_default)


@dataclass(frozen=True)
class HeldOut:
    """The records that models are scored on, and their labels, shape (rows,)."""

    records: pd.DataFrame
    labels: Labels


@dataclass(frozen=True)
class Scored:
    """Both models on the test split; none where there is nothing to score them on.

    `classes` are the values of the target where there are several.
    """

    test: HeldOut | None
    challenger: ScoredModel
    champion: ScoredModel | None
    task: Task = "binary"
    classes: list[str] | None = None

    @property
    def rows(self) -> int | None:
        """Records in the test split."""
        return None if self.test is None else len(self.test.labels)

    @property
    def positives(self) -> int | None:
        """Records in the test split whose target is positive; None where it is not binary."""
        return None if self.test is None or self.task != "binary" else int(self.test.labels.sum())

    def both(self) -> tuple[Labels, dict[Role, Predicted]] | None:
        """Return the labels, and the models that were scored; None if the challenger was not."""
        challenger = self.challenger.predicted
        if challenger is None or self.test is None:
            return None
        champion = self.champion and self.champion.predicted
        models: dict[Role, Predicted] = {"challenger": challenger}
        if champion is not None:
            models["champion"] = champion
        return self.test.labels, models


def score_models(request: ReportRequest, dataset: Dataset | None, progress: Progress, stack: ExitStack) -> Scored:
    """Load both models and apply them to the test records.

    Args:
        request: Names the models.
        dataset: Has the records; None: there are none.
        progress: Called with the version.
        stack: The processes of the models end with it.

    Raises:
        MlflowUnavailable: The tracking server does not answer (retryable).
    """
    why_not = None
    if dataset is None:
        why_not = "The data set was prepared by a command of the project, so its test records are not at hand here."
    elif not request.scored:
        why_not = "The models of this project are not scored record by record here: only recorded metrics are known."

    def scored(model: ReportedModel) -> ScoredModel:
        objection = why_not or model.objection
        if objection or dataset is None:
            return _unscored(model, objection)
        progress({"stage": "scoring", "version": model.version})
        return _score(model, request, dataset, stack)

    test = None if dataset is None else HeldOut(dataset.test_records, np.asarray(dataset.labels("test")))
    champion = None if request.champion is None else scored(request.champion)
    challenger = scored(request.challenger)
    if dataset is None:
        return Scored(test, challenger, champion)
    return Scored(test, challenger, champion, dataset.meta["task"], dataset.meta["classes"])


def _score(model: ReportedModel, request: ReportRequest, dataset: Dataset, stack: ExitStack) -> ScoredModel:
    try:
        loaded = stack.enter_context(
            confined(
                model.uri,
                request.tracking_uri,
                dataset.test_records,
                (dataset.meta["task"], dataset.meta["classes"]),
                recorded=model.recorded,
                threads=request.threads,
                memory_mib=request.memory_mb,
            )
        )
        values, _ = loaded.predictions()
    except (ModelLoadFailed, ModelMismatch, ModelChanged) as error:
        return _unscored(model, _sentence(error.message))
    threshold, is_default = _threshold(model, loaded)
    return ScoredModel(f"version {model.version}", loaded, values, threshold, is_default, None)


def _unscored(model: ReportedModel, missing: str | None) -> ScoredModel:
    threshold, is_default = _threshold(model, None)
    return ScoredModel(f"version {model.version}", None, None, threshold, is_default, missing)


def _threshold(model: ReportedModel, loaded: ConfinedModel | None) -> tuple[float, bool]:
    told = None if loaded is None else loaded.threshold
    if told is None:
        told = model.metrics.get("threshold")
    return (_DEFAULT_THRESHOLD, True) if told is None else (float(told), False)


def _sentence(text: str) -> str:
    first = text.strip().splitlines()[0]
    return first if first.endswith((".", "!", "?")) else f"{first}."
