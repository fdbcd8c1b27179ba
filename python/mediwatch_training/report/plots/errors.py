"""What a regression predicts against what happened, and how its errors are spread."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from ..words import parameter
from .curves import frame, legend, roles_of, ticks
from .svg import COLOR, NARROW, Plot, place, plot, set_height

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..shapes import Errors, ModelErrors, Role, Target

_HEIGHT = 250


def fit_plot(models: dict[Role, ModelErrors], target: Target | None) -> Plot:
    """Draw the mean of what happened over the mean prediction, in groups of equally many records."""
    bins = [one for model in models.values() for one in model["bins"]]
    ends = [bound for one in bins for bound in (one["low"], one["high"], one["predicted"])]
    low, high = min(ends), max(ends)
    margin = (high - low) * 0.05 or 1.0
    name = target["target"] if target else "the target"

    def draw(figure: Figure, _width: int) -> None:
        axes = frame(figure)
        limits = (low - margin, high + margin)
        axes.plot(limits, limits, color=COLOR["soft"], linewidth=1, linestyle=":")
        for role, line, marker in roles_of(models):
            parts = models[role]["bins"]
            x, y = [one["predicted"] for one in parts], [one["value"] for one in parts]
            axes.vlines(
                x, [one["low"] for one in parts], [one["high"] for one in parts], color=COLOR[role], linewidth=1.5
            )
            axes.plot(
                x, y, line, marker=marker, color=COLOR[role], markersize=7, markeredgecolor=COLOR["card"], label=role,
                linewidth=1.5,
            )  # fmt: skip
        axes.set_xlim(limits)
        axes.set_ylim(limits)
        axes.set_xlabel("Predicted")
        axes.set_ylabel("Actual")
        ticks(axes.xaxis, 4)
        ticks(axes.yaxis, 5)
        axes.grid()
        legend(axes)

    sentence = f"Mean of {name} over the mean prediction, in groups of equally many records; lines hold eight of ten."
    return plot("fit", "Predicted and actual", sentence, draw, wide=False)


def errors_plot(errors: Errors) -> Plot:
    """Draw how the errors of each model are spread."""
    edges, models = errors["edges"], errors["models"]
    middles = [(low + high) / 2 for low, high in itertools.pairwise(edges)]

    def draw(figure: Figure, _width: int) -> None:
        set_height(figure, _HEIGHT + 72)
        axes = place(figure, 12, 28, NARROW - 28, _HEIGHT)
        for role, line, _ in roles_of(models):
            shares = models[role]["shares"]
            axes.fill_between(middles, shares, step="mid", color=COLOR[role], alpha=0.14, linewidth=0)
            axes.step(middles, shares, line, where="mid", color=COLOR[role], linewidth=1.8, label=role)
        axes.axvline(0, color=COLOR["ink"], linewidth=1)
        axes.set_xlim(edges[0], edges[-1])
        axes.set_ylim(bottom=0)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("Predicted minus actual")
        ticks(axes.xaxis, 4)
        legend(axes)

    told = ", ".join(f"{role} {parameter(models[role]['mean'])}" for role, *_ in reversed(roles_of(models)))
    sentence = f"Share of the records by error, predicted minus actual; the mean error: {told}."
    return plot("errors", "Errors", sentence, draw, wide=False)
