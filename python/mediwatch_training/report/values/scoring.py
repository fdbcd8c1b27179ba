"""Probabilities of both models for the same test records."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...dataset import Dataset
from ...errors import ModelLoadFailed, ModelMismatch, StepError
from ...models import load_model, predict_records
from ...steps import Progress
from ...training.estimators import limited_threads
from ..inputs import ReportedModel, ReportRequest

_log = logging.getLogger("mediwatch_training")
_DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True)
class ScoredModel:
    """A model with its probabilities, or with the reason why there are none.

    Attributes:
        name: What to call it in messages.
        loaded: Takes raw records; None if it could not be loaded.
        probabilities: Of the positive class, shape (rows,); None if it could not be scored.
        threshold: Probability from which a record counts as positive.
        threshold_is_default: Whether neither the model nor its metrics tell a threshold.
        missing: Why there are no probabilities, in a sentence.
    """

    name: str
    loaded: Any
    probabilities: np.ndarray | None
    threshold: float
    threshold_is_default: bool
    missing: str | None


@dataclass(frozen=True)
class Scored:
    """Both models on the test split; no labels where there is nothing to score them on."""

    dataset: Dataset | None
    labels: np.ndarray | None
    challenger: ScoredModel
    champion: ScoredModel | None

    @property
    def rows(self) -> int | None:
        """Records in the test split."""
        return None if self.labels is None else len(self.labels)

    @property
    def positives(self) -> int | None:
        """Records in the test split whose target is positive."""
        return None if self.labels is None else int(self.labels.sum())

    def both(self) -> dict[str, ScoredModel]:
        """Return the models that have probabilities, by role."""
        models = {"challenger": self.challenger, "champion": self.champion}
        return {role: model for role, model in models.items() if model and model.probabilities is not None}


def score_models(request: ReportRequest, dataset: Dataset | None, progress: Progress) -> Scored:
    """Load both models and apply them to the test records.

    Raises:
        MlflowUnavailable: The tracking server does not answer (retryable).
    """
    labels = None if dataset is None else np.asarray(dataset.labels("test"))
    why_not = None
    if dataset is None:
        why_not = "The data set was prepared by a command of the project, so its test records are not at hand here."
    elif not request.scored:
        why_not = "The models of this project are not scored record by record here: only recorded metrics are known."

    def scored(model: ReportedModel) -> ScoredModel:
        if why_not is not None or model.objection:
            return _unscored(model, why_not or model.objection)
        progress({"stage": "scoring", "version": model.version})
        return _score(model, request, dataset)

    champion = None if request.champion is None else scored(request.champion)
    return Scored(dataset, labels, scored(request.challenger), champion)


def _score(model: ReportedModel, request: ReportRequest, dataset: Dataset) -> ScoredModel:
    loaded = None
    try:
        loaded = load_model(model.uri, request.tracking_uri)
        with limited_threads(request.threads):
            probabilities = predict_records(loaded, dataset.test_records, model.uri)
    except (ModelLoadFailed, ModelMismatch) as error:
        return _unscored(model, _sentence(error.message))
    except StepError:
        raise
    except Exception as error:  # whatever loading foreign bytes and calling foreign code raises
        _log.warning("The report cannot score %s", model.uri, exc_info=True)
        return _unscored(model, _sentence(f"Version {model.version} cannot be scored here: {_reason(error)}"))
    threshold, is_default = _threshold(model, loaded)
    return ScoredModel(f"version {model.version}", loaded, probabilities, threshold, is_default, None)


def _unscored(model: ReportedModel, missing: str) -> ScoredModel:
    threshold, is_default = _threshold(model, None)
    return ScoredModel(f"version {model.version}", None, None, threshold, is_default, missing)


def _threshold(model: ReportedModel, loaded: Any) -> tuple[float, bool]:
    known = getattr(loaded, "mediwatch_", None)
    told = known.get("threshold") if isinstance(known, dict) else None
    told = model.metrics.get("threshold") if told is None else told
    return (_DEFAULT_THRESHOLD, True) if told is None else (float(told), False)


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


def _sentence(text: str) -> str:
    first = text.strip().splitlines()[0]
    return first if first.endswith((".", "!", "?")) else f"{first}."
