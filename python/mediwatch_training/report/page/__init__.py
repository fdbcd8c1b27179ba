"""Writes the page from the values: the same values and outcome give the same bytes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from .. import plots, words
from ..values.performance import HIGHER_IS_BETTER
from . import sentences
from .sentences import class_names

_FOLDER = Path(__file__).parent


def draw(values: dict[str, Any], outcome: dict[str, Any] | None) -> tuple[str, str]:
    """Return the page, and its gist in one sentence.

    Args:
        values: As `values.compute` returned them.
        outcome: What became of the version: ``{stage, promoted, reason, approvedBy, deployed}``; None: undecided.
    """
    template = _templates().get_template("page.html")
    page = template.render(
        v=values,
        status=sentences.status(values, outcome),
        outcome=outcome,
        lead=sentences.lead(values),
        warnings=sentences.warnings(values["findings"]),
        figures=figures_of(values),
        style=(_FOLDER / "style.css").read_text(encoding="utf-8"),
        higher_is_better=HIGHER_IS_BETTER,
    )
    return page, sentences.gist(values, outcome)


@cache
def _templates() -> Any:
    """Templates that escape whatever they print."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for filter in (
        words.number,
        words.signed,
        words.percent,
        words.count,
        words.score_name,
        words.parameter,
        words.plural,
        words.moment,
    ):
        environment.filters[filter.__name__] = filter
    environment.globals["score_text"] = words.score_text
    environment.globals["say"] = sentences
    environment.tests["link"] = words.is_link
    return environment


def figures_of(values: dict[str, Any]) -> dict[str, plots.Plot]:
    """Draw the figures of the page by name; one whose values are missing is not there."""
    return {**_of_scores(values), **_of_columns_and_groups(values), **_of_search(values["search"])}


def _of_scores(values: dict[str, Any]) -> dict[str, plots.Plot]:
    scores = values["comparison"]["scores"]
    if not values["comparison"]["computed"]:
        return {}
    curves, calibration = values["curves"]["models"], values["calibration"]["models"]
    thresholds = {role: values[role]["threshold"] for role in curves}
    found = {}
    if all(score["difference"] for score in scores.values()):
        found["comparison"] = plots.comparison_plot(scores, HIGHER_IS_BETTER)
    return {
        **found,
        "roc": plots.roc_plot(curves, {role: scores["auc"][role]["value"] for role in curves}),
        "precisionRecall": plots.precision_recall_plot(
            curves,
            {role: scores["average_precision"][role]["value"] for role in curves},
            values["positives"] / values["rows"],
        ),
        "calibration": plots.calibration_plot(calibration),
        "distribution": plots.distribution_plot(values["distribution"], thresholds, class_names(values["target"])),
    }


def _of_columns_and_groups(values: dict[str, Any]) -> dict[str, plots.Plot]:
    found = {}
    if values["importance"].get("columns"):
        found["importance"] = plots.importance_plot(values["importance"])
    groups = [group for one in values["subgroups"].get("dimensions", ()) for group in one["groups"]]
    if any(group["enough"] for group in groups):
        found["subgroups"] = plots.subgroups_plot(values["subgroups"])
    return found


def _of_search(search: dict[str, Any]) -> dict[str, plots.Plot]:
    found = {}
    if search.get("history"):
        found["history"] = plots.history_plot(search)
    if search.get("axes"):
        found["parallel"] = plots.parallel_plot(search)
    if search.get("importance", {}).get("parameters"):
        found["searchImportance"] = plots.search_importance_plot(search["importance"]["parameters"])
    return found
