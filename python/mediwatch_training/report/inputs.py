"""Reads the input of the step."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidInput
from ..fields import Fields, is_number

_FIELDS = (
    "trackingUri",
    "runId",
    "workDir",
    "threads",
    "registeredModel",
    "datasetDir",
    "scored",
    "challenger",
    "champion",
    "search",
    "lineage",
    "outcome",
)
_MODEL = ("version", "uri", "metrics")
_SEARCH = ("trials", "metric", "direction", "space")
_LINEAGE = (
    "workflowId",
    "workflowUrl",
    "runUrl",
    "trigger",
    "startedAt",
    "data",
    "datasetSha256",
    "seed",
    "codeRevision",
    "release",
    "driftReport",
)
_OUTCOME = ("stage", "promoted", "reason", "approvedBy", "deployed")
_STATES = ("running", "complete", "failed")


@dataclass(frozen=True)
class ReportedModel:
    """A version and the scores on the test split that its training recorded.

    `objection` is a sentence that says why it must not be scored on the test split; None: it may be.
    """

    version: str
    uri: str
    metrics: dict[str, float]
    model: str | None = None
    params: dict[str, Any] | None = None
    objection: str | None = None


@dataclass(frozen=True)
class ReportRequest:
    """What the page is about; the fields are those of ``ReportInput``."""

    tracking_uri: str
    run_id: str
    work_dir: str | None
    threads: int
    registered_model: str
    dataset_dir: str | None
    scored: bool
    challenger: ReportedModel
    champion: ReportedModel | None
    search: dict[str, Any]
    lineage: dict[str, Any]
    outcome: dict[str, Any] | None


def read_request(input: dict[str, Any]) -> ReportRequest:
    """Check the input.

    Only ``trackingUri``, ``runId`` and ``challenger`` with ``version`` and ``uri`` are needed: what else is left out is
    said to be unknown on the page.

    Raises:
        InvalidInput: A field is missing or of another kind.
    """
    fields = Fields("report", input, _FIELDS)
    challenger = fields.mapping("challenger")
    champion = fields.mapping("champion", None)
    dataset_dir = fields.text("datasetDir", None)
    return ReportRequest(
        tracking_uri=fields.text("trackingUri"),
        run_id=fields.text("runId"),
        work_dir=fields.text("workDir", None),
        threads=fields.integer("threads", 1, low=1, high=1024),
        registered_model=fields.text("registeredModel", "model"),
        dataset_dir=dataset_dir,
        scored=_flag(input, "scored", dataset_dir is not None),
        challenger=_model("challenger", challenger, (*_MODEL, "model", "params")),
        champion=None if champion is None else _model("champion", champion, (*_MODEL, "objection")),
        search=_search(fields.mapping("search", {})),
        lineage=_lineage(fields.mapping("lineage", {})),
        outcome=_outcome(fields.mapping("outcome", None)),
    )


def _model(name: str, values: dict[str, Any], known: tuple[str, ...]) -> ReportedModel:
    fields = Fields(name, values, known)
    metrics = fields.mapping("metrics", {})
    return ReportedModel(
        version=fields.text("version"),
        uri=fields.text("uri"),
        metrics={str(metric): float(value) for metric, value in metrics.items() if is_number(value)},
        model=fields.text("model", None) if "model" in known else None,
        params=fields.mapping("params", None) if "params" in known else None,
        objection=fields.text("objection", None) if "objection" in known else None,
    )


def _search(values: dict[str, Any]) -> dict[str, Any]:
    fields = Fields("search", values, _SEARCH)
    trials = sorted((_trial(trial) for trial in fields.objects("trials", [])), key=lambda trial: trial["number"])
    return {
        "trials": trials,
        "metric": fields.text("metric", "score"),
        "direction": fields.choice("direction", ("maximize", "minimize"), "maximize"),
        "space": fields.mapping("space", None),
    }


def _trial(trial: dict[str, Any]) -> dict[str, Any]:
    if not is_number(trial.get("number")) or trial.get("state") not in _STATES:
        raise InvalidInput(f"each trial needs a number and a state, one of {', '.join(_STATES)}", "search")
    params = trial.get("params")
    score = trial.get("score")
    seconds = trial.get("seconds")
    error = trial.get("error")
    return {
        "number": int(trial["number"]),
        "state": trial["state"],
        "params": params if isinstance(params, dict) else {},
        "score": float(score) if is_number(score) and trial["state"] == "complete" else None,
        "seconds": float(seconds) if is_number(seconds) else None,
        "error": None if error is None else str(error),
    }


def _lineage(values: dict[str, Any]) -> dict[str, Any]:
    fields = Fields("lineage", values, _LINEAGE)
    texts = {name: fields.text(name, None) for name in _LINEAGE if name != "seed"}
    known = {name: None if text is None else without_password(text) for name, text in texts.items()}
    return {**known, "seed": fields.integer("seed", None)}


def _outcome(values: dict[str, Any] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    fields = Fields("outcome", values, _OUTCOME)
    return {
        "stage": fields.choice("stage", ("Production", "Staging", "None"), "None"),
        "promoted": _flag(values, "promoted", False),
        "reason": fields.text("reason", None),
        "approvedBy": fields.text("approvedBy", None),
        "deployed": _flag(values, "deployed", False),
    }


def _flag(values: dict[str, Any], name: str, default: bool) -> bool:
    value = values.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise InvalidInput(f"{name} must be true or false", name)
    return value


def without_password(text: str) -> str:
    """Return `text` with the user and password of each URL in it taken out: pages are passed on."""
    return re.sub(r"(?<=://)[^/\s]*@", "", text)
