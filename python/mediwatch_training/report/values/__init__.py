"""Computes everything that the page says, as JSON: no words of it are made elsewhere from numbers that are not here.

A section that cannot be computed is ``{"missing": "why, in a sentence"}``.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING

from ...dataset import Dataset, open_dataset
from ...errors import DataInvalid, DataNotFound
from ...jsonio import to_json
from ...steps import Progress
from ..inputs import ReportedModel, ReportRequest
from .classes import classes
from .data import lineage, profile
from .errors import errors
from .findings import findings
from .importance import importance
from .performance import calibration, comparison, curves, decisions, distribution
from .scoring import ScoredModel, score_models
from .search import search
from .subgroups import subgroups

if TYPE_CHECKING:
    from ..shapes import DescribedModel, Target, Values

# A change of what is computed must not be drawn from values that lack it.
_FORMAT = 3
_ELSEWHERE = ("tracking_uri", "work_dir", "threads", "memory_mb", "dataset_dir", "outcome")


def key_of(request: ReportRequest) -> str:
    """Return the digest of everything that the values depend on: not of the outcome, nor of where files lie."""
    inputs = {name: value for name, value in asdict(request).items() if name not in _ELSEWHERE}
    dataset = _dataset(request)
    meta = None if dataset is None else dataset.meta
    return hashlib.sha256(to_json([_FORMAT, inputs, meta]).encode()).hexdigest()


def compute(request: ReportRequest, experiment_id: str, key: str, progress: Progress) -> Values:
    """Return all values of a page.

    Raises:
        DataNotFound: There is no dataset in the directory.
        MlflowUnavailable: The tracking server does not answer (retryable).
    """
    dataset = _dataset(request)
    with ExitStack() as stack:
        scored = score_models(request, dataset, progress, stack)
        progress({"stage": "bootstrap"})
        compared = comparison(scored, request)
        important = importance(scored, progress)
    progress({"stage": "subgroups"})
    grouped = subgroups(scored)
    progress({"stage": "search"})
    values: Values = {
        "key": key,
        "task": scored.task,
        "registeredModel": request.registered_model,
        "challenger": _described(request.challenger, scored.challenger),
        "champion": _described(request.champion, scored.champion) if request.champion else None,
        "target": _target(dataset),
        "rows": scored.rows,
        "positives": scored.positives,
        "comparison": compared,
        "curves": curves(scored),
        "calibration": calibration(scored),
        "distribution": distribution(scored),
        "decisions": decisions(scored),
        "classes": classes(scored),
        "errors": errors(scored),
        "importance": important,
        "subgroups": grouped,
        "search": search(request.search),
        "profile": profile(dataset, important),
        "lineage": lineage(request, experiment_id),
        "findings": [],
    }
    values["findings"] = findings(values)
    return values


def _dataset(request: ReportRequest) -> Dataset | None:
    """Return the data set; None where there is none, or where a command made one of another form."""
    if request.dataset_dir is None:
        return None
    try:
        return open_dataset(request.dataset_dir)
    except (DataNotFound, DataInvalid):
        if request.scored:
            raise
        return None


def _described(model: ReportedModel, scored: ScoredModel | None) -> DescribedModel:
    described: DescribedModel = {
        "version": model.version,
        "uri": model.uri,
        "model": model.model,
        "params": model.params,
        "metrics": model.metrics,
    }
    if scored is not None:
        described["threshold"] = scored.threshold
        described["thresholdIsDefault"] = scored.threshold_is_default
        described["missing"] = scored.missing
    return described


def _target(dataset: Dataset | None) -> Target | None:
    if dataset is None:
        return None
    meta = dataset.meta
    return {
        "target": meta["target"],
        "positive": meta["positive"],
        "classes": meta["classes"],
        "group": meta["group"],
    }
