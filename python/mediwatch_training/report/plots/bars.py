"""What is drawn line by line: both models' scores, the importance of columns and parameters, and the subgroups."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from ...training.scores import LOWER_IS_BETTER
from ..words import percent, score_name, signed
from .svg import COLOR, Plot, place, plot, set_height, short_numbers, shortened, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...shapes import Task
    from ..shapes import Dimension, Estimate, Importance, Measured, ParameterShare, Score, Share, Subgroups

# A name, a value, and a spread around it.
_Bar: TypeAlias = "tuple[str, float, float | None]"

_SCORE_ROW = 84
_NARROW_SCORE_ROW = 158


def comparison_plot(scores: dict[str, Score], task: Task) -> Plot:
    """Draw every score that has an interval; `scores` as `values.comparison` returns them."""

    def draw(figure: Figure, width: int) -> None:
        narrow = width < 600
        row, head = (_NARROW_SCORE_ROW, 4) if narrow else (_SCORE_ROW, 30)
        set_height(figure, head + row * len(scores) + 6)
        if not narrow:
            write(figure, 170, 12, "Value", color=COLOR["soft"])
            write(figure, 540, 12, "Challenger minus champion", color=COLOR["soft"])
        for number, (name, score) in enumerate(scores.items()):
            top = head + number * row
            if narrow:
                write(figure, 2, top + 10, score_name(name, task), bold=True)
                _values(place(figure, 80, top + 24, width - 96, 42), score)
                write(figure, 2, top + 104, "difference", color=COLOR["soft"])
                _difference(place(figure, 80, top + 92, width - 96, 24), score, name not in LOWER_IS_BETTER)
            else:
                write(figure, 2, top + 24, score_name(name, task), bold=True)
                _values(place(figure, 250, top + 2, 250, 46), score)
                _difference(place(figure, 540, top + 2, width - 550, 46), score, name not in LOWER_IS_BETTER)

    told = "; ".join(
        f"{score_name(name, task)}: {signed(score['difference']['value'], 4)}"
        for name, score in scores.items()
        if score["difference"]
    )
    description = "Each score of the challenger and the champion with its 95 % interval, and their difference."
    return plot(
        "comparison", "Scores of both models", f"{description} {told}" if told else description, draw, wide=True
    )


def _values(axes: Axes, score: Score) -> None:
    shown = [(0, "champion", "s", score["champion"]), (1, "challenger", "o", score["challenger"])]
    known = [(height, role, marker, estimate) for height, role, marker, estimate in shown if estimate]
    for height, role, marker, estimate in known[::-1]:
        dot_and_interval(axes, estimate, height, COLOR[role], marker)
    axes.set_ylim(-0.6, 1.6)
    axes.set_yticks([height for height, *_ in known], [role for _, role, *_ in known])
    axes.tick_params(axis="y", pad=6)
    _quiet(axes)


def _difference(axes: Axes, score: Score, higher_is_better: bool) -> None:
    difference = score["difference"]
    if difference is None:
        return
    dot_and_interval(axes, difference, 0, COLOR["ink"], "D")
    axes.axvline(0, color=COLOR["soft"], linewidth=1, linestyle=(0, (3, 3)))
    low, high = axes.get_xlim()
    ends = [0.0, *(end for end in (difference["low"], difference["high"]) if end is not None)]
    margin = (max(ends) - min(ends)) * 0.15 or 0.001
    low, high = min(ends) - margin, max(ends) + margin
    axes.set_xlim(low, high)
    axes.axvspan(*((0, high) if higher_is_better else (low, 0)), color=COLOR["tint"], linewidth=0, zorder=0)
    axes.set_ylim(-0.8, 0.8)
    axes.set_yticks([])
    _quiet(axes)


def dot_and_interval(axes: Axes, estimate: Estimate | Share, height: float, color: str, marker: str) -> None:
    """Draw a value at a height, with a line over its interval."""
    low, high, value = estimate["low"], estimate["high"], estimate["value"]
    if low is not None and high is not None:
        axes.plot([low, high], [height] * 2, color=color, linewidth=2.5, solid_capstyle="round")
    if value is None:
        return
    axes.plot([value], [height], marker, color=color, markersize=8, markeredgecolor=COLOR["card"])


def _quiet(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(3))
    axes.grid(axis="x")


_SHOWN = 15
_ROW = 24


def importance_plot(importance: Importance, task: Task) -> Plot:
    """Draw the drop of the score with the most important columns, with its spread."""
    columns = importance["columns"][:_SHOWN]
    rows: list[_Bar] = [(column["name"], column["drop"], column["spread"]) for column in columns]
    first, called = columns[0], score_name(importance["score"], task)
    sentence = (
        f"By how much the {called} falls when a column is shuffled, of the {len(columns)} most important columns; "
        f"{first['name']} leads with {first['drop']:.4f}. Lines are one standard deviation either way."
    )
    return _bars("importance", "Importance of columns", sentence, rows, f"Drop of {called}")


def search_importance_plot(parameters: list[ParameterShare]) -> Plot:
    """Draw which share of the score's variance each parameter explains."""
    rows: list[_Bar] = [(one["name"], one["share"], None) for one in parameters[:_SHOWN]]
    sentence = f"Share of the score's variance that each parameter explains; {rows[0][0]}: {percent(rows[0][1], 0)}."
    return _bars("search-importance", "Importance of parameters", sentence, rows, "Share of variance")


def _bars(name: str, title: str, sentence: str, rows: list[_Bar], label: str) -> Plot:
    def draw(figure: Figure, width: int) -> None:
        from matplotlib.ticker import MaxNLocator

        narrow = width < 600
        left = 142 if narrow else 230
        set_height(figure, _ROW * len(rows) + 44)
        axes = place(figure, left, 4, width - left - 16, _ROW * len(rows))
        heights = list(range(len(rows)))[::-1]
        axes.barh(heights, [value for _, value, _ in rows], height=0.62, color=COLOR["challenger"])
        spreads = [(height, value, spread) for height, (_, value, spread) in zip(heights, rows, strict=True) if spread]
        axes.hlines(
            [height for height, _, _ in spreads],
            [value - spread for _, value, spread in spreads],
            [value + spread for _, value, spread in spreads],
            color=COLOR["ink"],
            linewidth=1.5,
        )
        axes.set_yticks(heights, [shortened(row[0], 20 if narrow else 34) for row in rows], color=COLOR["ink"])
        axes.set_ylim(-0.6, len(rows) - 0.4)
        axes.axvline(0, color=COLOR["soft"], linewidth=1)
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(3 if narrow else 6))
        axes.xaxis.set_major_formatter(short_numbers())
        axes.grid(axis="x")
        axes.set_xlabel(label)

    return plot(name, title, sentence, draw, wide=True)


_HEAD = 30
_GAP = 34
_OF_ALERTS = {"sensitivity": "Sensitivity", "ratio": "Observed / expected"}


def subgroups_plot(subgroups: Subgroups, task: Task) -> Plot:
    """Draw the first score, and on wide screens all that is known, of each group that is large enough."""
    dimensions = subgroups["dimensions"]
    groups = [group for dimension in dimensions for group in dimension["groups"]]
    first = subgroups["measures"][0]
    labels = {name: score_name(name, task) for name in subgroups["measures"]}
    if task == "binary":
        labels |= _OF_ALERTS

    def draw(figure: Figure, width: int) -> None:
        narrow = width < 600
        left = 138 if narrow else 170
        measures = [first] if narrow else list(labels)
        gap = 28
        panel = (width - left - 16 - gap * (len(measures) - 1)) / len(measures)
        height = len(groups) * _ROW + len(dimensions) * _GAP
        set_height(figure, _HEAD + height + 28)
        places = _places(dimensions)
        for number, measure in enumerate(measures):
            start = left + number * (panel + gap)
            axes = place(figure, start, _HEAD, panel, height)
            write(figure, start, 14, labels[measure], bold=True)
            _panel(axes, subgroups, places, measure, height)
        tops = [top for top, _, is_head in places if not is_head]
        for top, group in zip(tops, groups, strict=True):
            if not group["enough"]:
                write(figure, left + 8, _HEAD + top, "too few to tell", color=COLOR["soft"])
        for top, text, is_head in places:
            write(figure, 2 if is_head else 12, _HEAD + top, shortened(text, 18 if narrow else 24), bold=is_head)

    values = [group["scores"][first]["value"] for group in groups if group["enough"]]
    told = f", from {min(values):.3f} to {max(values):.3f}" if values else ""
    sentence = f"The {labels[first]} of each group with its 95 % interval{told}; a line marks all records."
    return plot("subgroups", "Performance by subgroup", sentence, draw, wide=True)


def _measured(group: Measured, measure: str) -> Estimate | Share | None:
    return {"sensitivity": group["sensitivity"], "ratio": group["ratio"]}.get(measure, group["scores"].get(measure))


def _places(dimensions: list[Dimension]) -> list[tuple[float, str, bool]]:
    """Return the middle of each line of text from the top (pixels), its text, and whether it is a heading."""
    places: list[tuple[float, str, bool]] = []
    top = 0.0
    for dimension in dimensions:
        places.append((top + _GAP - 14, dimension["name"], True))
        top += _GAP
        for group in dimension["groups"]:
            places.append((top + _ROW / 2, group["name"], False))
            top += _ROW
    return places


def _does_worse(estimate: Estimate | Share, whole: float | None, measure: str) -> bool:
    low, high = estimate["low"], estimate["high"]
    if whole is None or low is None or high is None:
        return False
    is_below, is_above = high < whole, low > whole
    if measure == "ratio":
        return is_below or is_above
    return is_above if measure in LOWER_IS_BETTER else is_below


def _panel(
    axes: Axes, subgroups: Subgroups, places: list[tuple[float, str, bool]], measure: str, height: float
) -> None:
    from matplotlib.ticker import MaxNLocator

    groups = [group for dimension in subgroups["dimensions"] for group in dimension["groups"]]
    tops = [top for top, _, is_head in places if not is_head]
    measured = _measured(subgroups["whole"], measure)
    whole = 1.0 if measure == "ratio" else measured and measured["value"]
    if whole is not None:
        axes.axvline(whole, color=COLOR["soft"], linewidth=1, linestyle=(0, (3, 3)))
    for group, top in zip(groups, tops, strict=True):
        estimate = _measured(group, measure)
        if estimate is not None and estimate["value"] is not None:
            off = _does_worse(estimate, whole, measure)
            dot_and_interval(axes, estimate, -top, COLOR["alarm" if off else "challenger"], "D" if off else "o")
    axes.set_ylim(-height, 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(short_numbers())
    axes.grid(axis="x")
