"""The search's history, and its trials in parallel coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...checks import is_number
from ..words import parameter
from .svg import COLOR, SCALE, Plot, place, plot, set_height, shortened, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..shapes import Axis, SearchValues

_MAX_AXES = 8
# Lines beyond these cannot be told apart: the best and a spread of the others.
_MAX_LINES = 200
_MAX_LABELS = 6


def history_plot(search: SearchValues) -> Plot:
    """Draw each trial's score and the best so far; failed trials as crosses below."""
    history = search["history"]
    numbers, scores = [one["number"] for one in history], [one["score"] for one in history]
    failed = [trial["number"] for trial in search["trials"] if trial["state"] == "failed"]

    def draw(figure: Figure, width: int) -> None:
        from matplotlib.ticker import FuncFormatter, MaxNLocator

        height = 230 if width < 600 else 260
        set_height(figure, height + 72)
        axes = place(figure, 62, 30, width - 62 - 14, height)
        best = [one["best"] for one in history]
        axes.step(
            numbers, best, where="post", label="best so far", color=COLOR["champion"], linewidth=1.8, linestyle="--"
        )
        axes.plot(
            numbers, scores, "o", color=COLOR["challenger"], markersize=7, markeredgecolor=COLOR["card"], label="trial"
        )
        low, high = _shown(scores, search["direction"])
        axes.set_ylim(low, high)
        if failed:
            at = [low + (high - low) * 0.03] * len(failed)
            axes.plot(failed, at, "x", color=COLOR["alarm"], markersize=7, markeredgewidth=2, label="failed")
        axes.xaxis.set_major_locator(MaxNLocator(5 if width < 600 else 12, integer=True, min_n_ticks=1))
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}"))
        axes.grid(axis="y")
        axes.set_xlabel("Trial")
        axes.legend(
            loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=3, borderaxespad=0.0, borderpad=0.2, handlelength=1.8,
            columnspacing=1.4,
        )  # fmt: skip

    best = parameter(history[-1]["best"])
    sentence = f"{search['metric']} of {len(history)} trials in their order; the best is {best}."
    if failed:
        sentence += f" {len(failed)} failed."
    return plot("history", "History of the search", sentence, draw, wide=True)


def _shown(scores: list[float], direction: str) -> tuple[float, float]:
    """Return the ends of the axis: a few very bad trials must not press all others into a line."""
    values = np.array(scores)
    quarter, three_quarters = np.quantile(values, [0.25, 0.75])
    reach = 4 * (three_quarters - quarter)
    low, high = float(values.min()), float(values.max())
    if reach > 0 and direction == "maximize":
        low = max(low, float(quarter - reach))
    elif reach > 0:
        high = min(high, float(three_quarters + reach))
    margin = (high - low) * 0.1 or abs(high) * 0.05 or 1.0
    return low - margin, high + margin


def parallel_plot(search: SearchValues) -> Plot:
    """Draw each complete trial as a line over the parameters, coloured by its score.

    Axes stand side by side on wide screens and lie below each other on narrow ones.
    """
    axes = _ordered(search)
    lines = _lines(search)

    def draw(figure: Figure, width: int) -> None:
        _lying(figure, width, axes, lines) if width < 600 else _standing(figure, width, axes, lines)

    shown = ", ".join(axis.name for axis in axes)
    sentence = f"Each line is a trial; the darker, the better its score. Axes: {shown}."
    return plot("parallel", "Trials in parallel coordinates", sentence, draw, wide=True)


def _ordered(search: SearchValues) -> list[_Scale]:
    """The most important parameters first, if that is known."""
    importance = search["importance"]
    known = [] if "missing" in importance else importance["parameters"]
    ranks = {one["name"]: number for number, one in enumerate(known)}
    ordered = sorted(search["axes"], key=lambda axis: ranks.get(axis["name"], len(ranks)))[:_MAX_AXES]
    return [_Scale(axis) for axis in ordered]


def _lines(search: SearchValues) -> list[tuple[str, str, float]]:
    """Return trial number, colour and line width, the best last so that it lies on top."""
    sign = 1 if search["direction"] == "maximize" else -1
    ranked = sorted(search["history"], key=lambda one: (sign * one["score"], -one["number"]))
    if len(ranked) > _MAX_LINES:
        ranked = [ranked[place] for place in np.unique(np.linspace(0, len(ranked) - 1, _MAX_LINES).astype(int))]
    # By rank: one very bad trial would leave all others in one colour.
    steps = [len(SCALE) * number // len(ranked) for number in range(len(ranked))]
    last = len(ranked) - 1
    return [
        (str(one["number"]), SCALE[step], 3.0 if number == last else 1.4)
        for number, (one, step) in enumerate(zip(ranked, steps, strict=True))
    ]


class _Scale:
    """Turns a parameter's values into 0 to 1, and says what is at the ends or at each category.

    A value that a trial lacks lies below the axis, at -0.12.
    """

    absent = -0.12

    def __init__(self, axis: Axis) -> None:
        self.name = axis["name"]
        self._log = axis["log"]
        self._values = axis["values"]
        self._low = self._high = 0.0
        self._categories: list[str] = []
        self.ticks: list[tuple[float, str]] = []
        if axis["kind"] == "number":
            numbers = [value for value in axis["values"].values() if is_number(value)]
            low, high = min(numbers), max(numbers)
            self._low, self._high = self._number(low), self._number(high)
            same = self._low == self._high
            self.ticks = [(0.5, parameter(numbers[0]))] if same else [(0.0, parameter(low)), (1.0, parameter(high))]
        else:
            self._categories = sorted({value for value in axis["values"].values() if isinstance(value, str)})
            last = max(len(self._categories) - 1, 1)
            labelled = self._categories if len(self._categories) <= _MAX_LABELS else self._categories[::last]
            self.ticks = [(self._of_category(one), one) for one in labelled]

    def of(self, number: str) -> float:
        """Return where trial `number` crosses the axis."""
        value = self._values.get(number)
        if value is None:
            return self.absent
        if isinstance(value, str):
            return self._of_category(value)
        return 0.5 if self._low == self._high else (self._number(value) - self._low) / (self._high - self._low)

    def _number(self, value: float) -> float:
        return float(np.log10(value)) if self._log else float(value)

    def _of_category(self, value: str) -> float:
        count = len(self._categories)
        return 0.5 if count == 1 else self._categories.index(value) / (count - 1)


def _standing(figure: Figure, width: int, axes: list[_Scale], lines: list[tuple[str, str, float]]) -> None:
    height = 250
    set_height(figure, height + 96)
    canvas = _canvas(figure, 70, 52, width - 140, height)
    places = list(range(len(axes))) if len(axes) > 1 else [0, 1]
    canvas.set_xlim(places[0], places[-1])
    canvas.set_ylim(-0.16, 1.03)
    for number, color, line_width in lines:
        crossed = [axis.of(number) for axis in axes]
        canvas.plot(places, crossed if len(axes) > 1 else crossed * 2, color=color, linewidth=line_width, clip_on=False)
    step = (width - 140) / max(len(axes) - 1, 1)
    for at, axis in zip(places, axes, strict=False):
        canvas.plot([at, at], [0, 1], color=COLOR["soft"], linewidth=1, clip_on=False)
        middle = 70 + at * step
        write(figure, middle, 14, shortened(axis.name, int(step / 7.2) + 4), align="center", bold=True)
        for height_share, text in axis.ticks:
            y = 52 + (1.03 - height_share) / 1.19 * height
            outside = {0.0: y + 14, 1.0: y - 12}.get(height_share)
            text = shortened(text, 12)
            if outside is not None:
                write(figure, middle, outside, text, align="center", color=COLOR["soft"])
            else:
                write(figure, middle + 6, y, text, color=COLOR["ink"])
    _key(figure, 70, height + 82)


def _lying(figure: Figure, width: int, axes: list[_Scale], lines: list[tuple[str, str, float]]) -> None:
    row = 68
    height = row * max(len(axes) - 1, 1)
    set_height(figure, height + 92)
    left, span = 16, width - 32
    canvas = _canvas(figure, left, 30, span, height)
    canvas.set_ylim(max(len(axes) - 1, 1), 0)
    canvas.set_xlim(-0.12, 1)
    places = list(range(len(axes))) if len(axes) > 1 else [0, 1]
    for number, color, line_width in lines:
        crossed = [axis.of(number) for axis in axes]
        canvas.plot(crossed if len(axes) > 1 else crossed * 2, places, color=color, linewidth=line_width, clip_on=False)
    for at, axis in zip(places, axes, strict=False):
        canvas.plot([0, 1], [at, at], color=COLOR["soft"], linewidth=1, clip_on=False)
        y = 30 + at * row
        start = left + 0.12 / 1.12 * span
        ticks = axis.ticks
        write(figure, start, y - 12, shortened(axis.name, 28), bold=True, halo=True)
        if len(ticks) > 1:
            write(figure, start, y + 12, shortened(ticks[0][1], 14), color=COLOR["soft"], halo=True)
            write(
                figure, left + span, y + 12, shortened(ticks[-1][1], 14), align="right", color=COLOR["soft"], halo=True
            )
        elif ticks:
            write(figure, (start + left + span) / 2, y + 12, shortened(ticks[0][1], 24), align="center", halo=True)
    _key(figure, left, height + 74)


def _canvas(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    canvas = place(figure, left, top, width, height)
    canvas.set_axis_off()
    return canvas


def _key(figure: Figure, left: float, top: float) -> None:
    """The scale of colours with its ends named."""
    from matplotlib.patches import Rectangle

    width, height = (length * 72 for length in figure.get_size_inches())
    write(figure, left, top, "worst", color=COLOR["soft"])
    start = left + 44
    for number, color in enumerate(SCALE):
        box = Rectangle(
            ((start + number * 18) / width, 1 - (top + 5) / height), 17 / width, 10 / height, color=color, linewidth=0
        )
        box.set_transform(figure.transFigure)
        figure.add_artist(box)
    write(figure, start + len(SCALE) * 18 + 8, top, "best", color=COLOR["soft"])
