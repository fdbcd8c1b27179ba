"""Forest plot of the subgroups."""

from __future__ import annotations

from typing import Any

from .comparison import dot_and_interval
from .svg import COLOR, Plot, place, plot, set_height, shortened, write

_ROW = 24
_HEAD = 30
_GAP = 34
_MEASURES = (("auc", "AUC"), ("sensitivity", "Sensitivity"), ("ratio", "Observed / expected"))


def subgroups_plot(subgroups: dict[str, Any]) -> Plot:
    """Draw AUC, and on wide screens sensitivity and observed over expected too, of each group that is large enough."""
    dimensions = subgroups["dimensions"]
    groups = [group for dimension in dimensions for group in dimension["groups"]]

    def draw(figure: Any, width: int) -> None:
        narrow = width < 600
        left = 138 if narrow else 170
        measures = _MEASURES[:1] if narrow else _MEASURES
        gap = 28
        panel = (width - left - 16 - gap * (len(measures) - 1)) / len(measures)
        height = len(groups) * _ROW + len(dimensions) * _GAP
        set_height(figure, _HEAD + height + 28)
        places = _places(dimensions)
        for number, (measure, label) in enumerate(measures):
            start = left + number * (panel + gap)
            axes = place(figure, start, _HEAD, panel, height)
            write(figure, start, 14, label, fontweight="bold")
            _panel(axes, subgroups, places, measure, height)
        tops = [top for top, _, is_head in places if not is_head]
        for top, group in zip(tops, groups, strict=True):
            if not group["enough"]:
                write(figure, left + 8, _HEAD + top, "too few to tell", color=COLOR["soft"])
        for top, text, is_head in places:
            options = {"fontweight": "bold"} if is_head else {"color": COLOR["ink"]}
            write(figure, 2 if is_head else 12, _HEAD + top, shortened(text, 18 if narrow else 24), **options)

    areas = [group["auc"]["value"] for group in groups if group["enough"]]
    told = f", from {min(areas):.3f} to {max(areas):.3f}" if areas else ""
    sentence = f"The AUC of each group with its 95 % interval{told}; a line marks all records."
    return plot("subgroups", "Performance by subgroup", sentence, draw, wide=True)


def _places(dimensions: list[dict[str, Any]]) -> list[tuple[float, str, bool]]:
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


def _does_worse(estimate: dict[str, Any], whole: float | None, measure: str) -> bool:
    if whole is None or estimate["low"] is None:
        return False
    return estimate["high"] < whole or (measure == "ratio" and estimate["low"] > whole)


def _panel(
    axes: Any, subgroups: dict[str, Any], places: list[tuple[float, str, bool]], measure: str, height: float
) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    groups = [group for dimension in subgroups["dimensions"] for group in dimension["groups"]]
    tops = [top for top, _, is_head in places if not is_head]
    whole = 1.0 if measure == "ratio" else (subgroups["whole"][measure] or {}).get("value")
    if whole is not None:
        axes.axvline(whole, color=COLOR["soft"], linewidth=1, linestyle=(0, (3, 3)))
    for group, top in zip(groups, tops, strict=True):
        estimate = group[measure]
        if group["enough"] and estimate["value"] is not None:
            off = _does_worse(estimate, whole, measure)
            dot_and_interval(axes, estimate, -top, COLOR["alarm" if off else "challenger"], "D" if off else "o")
    axes.set_ylim(-height, 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(axis="x")
