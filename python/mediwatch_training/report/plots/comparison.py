"""Both models' scores as dots with intervals, and their difference."""

from __future__ import annotations

from typing import Any

from ..words import SCORE_NAMES, signed
from .svg import COLOR, Plot, place, plot, set_height, write

_ROW = 84
_NARROW_ROW = 158


def comparison_plot(scores: dict[str, Any], higher_is_better: dict[str, bool]) -> Plot:
    """Draw every score that has an interval; `scores` as `values.comparison` returns them."""

    def draw(figure: Any, width: int) -> None:
        narrow = width < 600
        row, head = (_NARROW_ROW, 4) if narrow else (_ROW, 30)
        set_height(figure, head + row * len(scores) + 6)
        if not narrow:
            write(figure, 170, 12, "Value", color=COLOR["soft"])
            write(figure, 540, 12, "Challenger minus champion", color=COLOR["soft"])
        for number, (name, score) in enumerate(scores.items()):
            top = head + number * row
            if narrow:
                write(figure, 2, top + 10, SCORE_NAMES[name], fontweight="bold")
                _values(place(figure, 80, top + 24, width - 96, 42), score)
                write(figure, 2, top + 104, "difference", color=COLOR["soft"])
                _difference(place(figure, 80, top + 92, width - 96, 24), score, higher_is_better[name])
            else:
                write(figure, 2, top + 24, SCORE_NAMES[name], fontweight="bold")
                _values(place(figure, 250, top + 2, 250, 46), score)
                _difference(place(figure, 540, top + 2, width - 550, 46), score, higher_is_better[name])

    told = "; ".join(
        f"{SCORE_NAMES[name]}: {signed(score['difference']['value'], 4)}"
        for name, score in scores.items()
        if score["difference"]
    )
    description = "Each score of the challenger and the champion with its 95 % interval, and their difference."
    return plot(
        "comparison", "Scores of both models", f"{description} {told}" if told else description, draw, wide=True
    )


def _values(axes: Any, score: dict[str, Any]) -> None:
    for height, role, marker in ((1, "challenger", "o"), (0, "champion", "s")):
        if score[role]:
            dot_and_interval(axes, score[role], height, COLOR[role], marker)
    axes.set_ylim(-0.6, 1.6)
    roles = [role for role in ("champion", "challenger") if score[role]]
    axes.set_yticks([("champion", "challenger").index(role) for role in roles], roles)
    axes.tick_params(axis="y", pad=6)
    _quiet(axes)


def _difference(axes: Any, score: dict[str, Any], higher_is_better: bool) -> None:
    difference = score["difference"]
    dot_and_interval(axes, difference, 0, COLOR["ink"], "D")
    axes.axvline(0, color=COLOR["soft"], linewidth=1, linestyle=(0, (3, 3)))
    low, high = axes.get_xlim()
    ends = [0.0, *(difference[end] for end in ("low", "high") if difference[end] is not None)]
    margin = (max(ends) - min(ends)) * 0.15 or 0.001
    low, high = min(ends) - margin, max(ends) + margin
    axes.set_xlim(low, high)
    axes.axvspan(*((0, high) if higher_is_better else (low, 0)), color=COLOR["tint"], linewidth=0, zorder=0)
    axes.set_ylim(-0.8, 0.8)
    axes.set_yticks([])
    _quiet(axes)


def dot_and_interval(axes: Any, estimate: dict[str, Any], height: float, color: str, marker: str) -> None:
    """Draw a value at a height, with a line over its interval."""
    if estimate["low"] is not None:
        axes.plot([estimate["low"], estimate["high"]], [height] * 2, color=color, linewidth=2.5, solid_capstyle="round")
    axes.plot([estimate["value"]], [height], marker, color=color, markersize=8, markeredgecolor=COLOR["card"])


def _quiet(axes: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.grid(axis="x")
