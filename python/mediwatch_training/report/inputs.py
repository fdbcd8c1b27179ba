"""The input of the step as the computations take it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypedDict, cast

from ..errors import without_password

if TYPE_CHECKING:
    from ..contract import (
        Params,
        ReportInput,
        ReportInputChallenger,
        ReportInputChallengerRecorded,
        ReportInputChampion,
        ReportInputLineage,
        ReportOutcome,
        Space,
        Trial,
    )


@dataclass(frozen=True)
class ReportedModel:
    """A version and the scores on the test split that its training recorded.

    `objection` is a sentence that says why it must not be scored on the test split; None: it may be.
    """

    version: str
    uri: str
    metrics: dict[str, float]
    model: str | None = None
    params: Params | None = None
    objection: str | None = None
    recorded: ReportInputChallengerRecorded | None = None
    #: Of Python and packages, as the model declares them; None: it was trained here.
    versions: dict[str, str] | None = None


class ReportedTrial(TypedDict):
    """A trial as the page shows it; only a complete one has a score, `seconds` are its duration (s)."""

    number: int
    state: Literal["running", "complete", "pruned", "failed"]
    params: Params
    score: float | None
    #: The latest score of a pruned trial.
    reached: float | None
    seconds: float | None
    error: str | None


@dataclass(frozen=True)
class Search:
    """The search; trials are in the order of their numbers."""

    trials: list[ReportedTrial]
    metric: str
    direction: Literal["maximize", "minimize"]
    space: Space | None


@dataclass(frozen=True)
class ReportRequest:
    """What the page is about; the fields are those of ``ReportInput``."""

    tracking_uri: str
    run_id: str
    work_dir: str | None
    threads: int
    memory_mb: int
    registered_model: str
    dataset_dir: str | None
    scored: bool
    challenger: ReportedModel
    champion: ReportedModel | None
    search: Search
    lineage: ReportInputLineage
    outcome: ReportOutcome | None


def read_request(input: ReportInput) -> ReportRequest:
    """Return the input without passwords, unknown metrics, and scores of trials that are not complete."""
    champion, search, dataset_dir = input["champion"], input["search"], input["datasetDir"]
    return ReportRequest(
        tracking_uri=input["trackingUri"],
        run_id=input["runId"],
        work_dir=input["workDir"],
        threads=input["threads"],
        memory_mb=input["memoryMb"],
        registered_model=input["registeredModel"],
        dataset_dir=dataset_dir,
        scored=dataset_dir is not None if input["scored"] is None else input["scored"],
        challenger=_model(input["challenger"]),
        champion=None if champion is None else _model(champion),
        search=Search(
            sorted((_trial(trial) for trial in search["trials"]), key=lambda trial: trial["number"]),
            search["metric"],
            search["direction"],
            search["space"],
        ),
        lineage=_without_passwords(input["lineage"]),
        outcome=input["outcome"],
    )


def _model(values: ReportInputChallenger | ReportInputChampion) -> ReportedModel:
    return ReportedModel(
        version=values["version"],
        uri=values["uri"],
        metrics={metric: float(value) for metric, value in values["metrics"].items() if value is not None},
        model=values.get("model"),
        params=values.get("params"),
        objection=values.get("objection"),
        recorded=values.get("recorded"),
        versions=values.get("versions"),
    )


def _reached(trial: Trial) -> float | None:
    reports = trial.get("reports", [])
    return reports[-1]["score"] if trial["state"] == "pruned" and reports else None


def _trial(trial: Trial) -> ReportedTrial:
    return {
        "number": trial["number"],
        "state": trial["state"],
        "params": trial["params"],
        "score": trial.get("score") if trial["state"] == "complete" else None,
        "reached": _reached(trial),
        "seconds": trial.get("seconds"),
        "error": trial.get("error"),
    }


def _without_passwords(lineage: ReportInputLineage) -> ReportInputLineage:
    clean = {name: without_password(value) if isinstance(value, str) else value for name, value in lineage.items()}
    return cast("ReportInputLineage", clean)
