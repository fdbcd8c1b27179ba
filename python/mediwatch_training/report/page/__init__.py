"""Writes the page from the values: the same values and outcome give the same bytes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from .. import words
from ..values.comparison import HIGHER_IS_BETTER
from . import sentences
from .figures import figures_of

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
