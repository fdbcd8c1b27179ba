"""Bars of importance: of columns, and of the search's parameters."""

from __future__ import annotations

from typing import Any

from ..words import percent
from .svg import COLOR, Plot, place, plot, set_height, shortened

_SHOWN = 15
_ROW = 24


def importance_plot(importance: dict[str, Any]) -> Plot:
    """Draw the drop of AUC of the most important columns, with its spread."""
    columns = importance["columns"][:_SHOWN]
    rows = [(column["name"], column["drop"], column["spread"]) for column in columns]
    first = columns[0]
    sentence = (
        f"By how much the AUC falls when a column is shuffled, of the {len(columns)} most important columns; "
        f"{first['name']} leads with {first['drop']:.4f}. Lines are one standard deviation either way."
    )
    return _bars("importance", "Importance of columns", sentence, rows, "Drop of AUC")


def search_importance_plot(parameters: list[dict[str, Any]]) -> Plot:
    """Draw which share of the score's variance each parameter explains."""
    rows = [(one["name"], one["share"], None) for one in parameters[:_SHOWN]]
    sentence = f"Share of the score's variance that each parameter explains; {rows[0][0]}: {percent(rows[0][1], 0)}."
    return _bars("search-importance", "Importance of parameters", sentence, rows, "Share of variance")


def _bars(name: str, title: str, sentence: str, rows: list[tuple[str, float, float | None]], label: str) -> Plot:
    def draw(figure: Any, width: int) -> None:
        from matplotlib.ticker import FuncFormatter, MaxNLocator

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
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.grid(axis="x")
        axes.set_xlabel(label)

    return plot(name, title, sentence, draw, wide=True)
