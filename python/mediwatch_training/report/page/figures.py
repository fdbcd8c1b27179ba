"""The figures for which there are values."""

from __future__ import annotations

from typing import Any

from .. import plots
from ..values.comparison import HIGHER_IS_BETTER
from .sentences import class_names


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
