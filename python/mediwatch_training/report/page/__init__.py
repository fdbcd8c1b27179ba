"""Writes the page from the values: the same values and outcome give the same bytes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ...training.scores import LOWER_IS_BETTER
from .. import plots, words
from . import sentences
from .sentences import class_names

if TYPE_CHECKING:
    from collections.abc import Callable

    from jinja2 import Environment

    from ...contract import ReportOutcome
    from ..plots.svg import Plot
    from ..shapes import DescribedModel, Missing, Role, Score, SearchValues, Values

_FOLDER = Path(__file__).parent


def draw(values: Values, outcome: ReportOutcome | None) -> tuple[str, str]:
    """Return the page, and its gist in one sentence.

    Args:
        values: As `values.compute` returned them.
        outcome: What became of the version; None: undecided.
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
        lower_is_better=LOWER_IS_BETTER,
    )
    return page, sentences.gist(values, outcome)


@cache
def _templates() -> Environment:
    """Templates that escape whatever they print."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: list[Callable[..., object]] = [
        words.number,
        words.signed,
        words.percent,
        words.count,
        words.score_name,
        words.parameter,
        words.plural,
        words.moment,
        words.remark,
    ]
    environment.filters.update({one.__name__: one for one in filters})
    cast("dict[str, object]", environment.globals).update(
        {"score_text": words.score_text, "say": sentences, "reasons": words.REASONS}
    )
    cast("dict[str, object]", environment.tests).update({"link": words.is_link})
    return environment


def figures_of(values: Values) -> dict[str, Plot]:
    """Draw the figures of the page by name; one whose values are missing is not there."""
    return {**_of_scores(values), **_of_columns_and_groups(values), **_of_search(values["search"])}


def _of_scores(values: Values) -> dict[str, Plot]:
    scores = values["comparison"]["scores"]
    curves, calibration, distribution = values["curves"], values["calibration"], values["distribution"]
    errors = values["errors"]
    if not values["comparison"]["computed"]:
        return {}
    found: dict[str, Plot] = {}
    if all(score["difference"] for score in scores.values()):
        found["comparison"] = plots.comparison_plot(scores, values["task"])
    if errors is not None and "models" in errors:
        found["fit"] = plots.fit_plot(errors["models"], values["target"])
        found["errors"] = plots.errors_plot(errors)
    if curves is not None and "models" in curves and values["positives"] is not None and values["rows"]:
        roles = list(curves["models"])
        share = values["positives"] / values["rows"]
        found["roc"] = plots.roc_plot(curves["models"], _of_roles(scores["auc"], roles))
        found["precisionRecall"] = plots.precision_recall_plot(
            curves["models"], _of_roles(scores["average_precision"], roles), share
        )
    if calibration is not None and "models" in calibration:
        found["calibration"] = plots.calibration_plot(calibration["models"])
    if distribution is not None and "models" in distribution:
        described: dict[Role, DescribedModel | None] = {
            "challenger": values["challenger"],
            "champion": values["champion"],
        }
        thresholds: dict[Role, float] = {
            role: model["threshold"] for role, model in described.items() if model and "threshold" in model
        }
        found["distribution"] = plots.distribution_plot(distribution, thresholds, class_names(values["target"]))
    return found


def _of_roles(score: Score, roles: list[Role]) -> dict[Role, float]:
    """Return the values of a score by role."""
    return {role: estimate["value"] for role in roles if (estimate := score[role]) is not None}


def _of_columns_and_groups(values: Values) -> dict[str, Plot]:
    found: dict[str, Plot] = {}
    importance, subgroups = values["importance"], values["subgroups"]
    if "missing" not in importance and importance["columns"]:
        found["importance"] = plots.importance_plot(importance, values["task"])
    if "dimensions" in subgroups and any(
        group["enough"] for dimension in subgroups["dimensions"] for group in dimension["groups"]
    ):
        found["subgroups"] = plots.subgroups_plot(subgroups, values["task"])
    return found


def _of_search(search: SearchValues | Missing) -> dict[str, Plot]:
    found: dict[str, Plot] = {}
    if "history" not in search:
        return found
    if search["history"]:
        found["history"] = plots.history_plot(search)
    if search["axes"]:
        found["parallel"] = plots.parallel_plot(search)
    importance = search["importance"]
    if "missing" not in importance and importance["parameters"]:
        found["searchImportance"] = plots.search_importance_plot(importance["parameters"])
    return found
