"""Curves over thresholds, calibration, and how predictions are spread."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

from ..words import percent, score_text
from .svg import COLOR, NARROW, Plot, place, plot, set_height, short_numbers, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

    from ..shapes import Distribution, ModelCalibration, ModelCurves, Role

_STYLES: dict[Role, tuple[str, str]] = {"champion": ("--", "s"), "challenger": ("-", "o")}
_SIDE = 250


def roc_plot(curves: dict[Role, ModelCurves], areas: dict[Role, float]) -> Plot:
    """Draw the ROC curves; `areas` are by role."""

    def finish(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=COLOR["soft"], linewidth=1, linestyle=":")
        axes.set_xlabel("False positive rate")
        axes.set_ylabel("Sensitivity")
        _square(axes, 1.0, 1.0)

    return _curves("roc", "ROC curves", "Sensitivity against false positive rate. Areas", curves, "roc", areas, finish)


def precision_recall_plot(curves: dict[Role, ModelCurves], areas: dict[Role, float], share: float) -> Plot:
    """Draw the precision-recall curves; `share` of positives is what guessing would reach."""
    top = _precision_top(curves, share)

    def finish(axes: Axes) -> None:
        axes.axhline(share, color=COLOR["soft"], linewidth=1, linestyle=":")
        axes.set_xlabel("Sensitivity (recall)")
        axes.set_ylabel("Precision (PPV)")
        _square(axes, 1.0, top)

    sentence = f"Precision against recall; guessing would reach {percent(share)}. Average precision"
    return _curves("pr", "Precision-recall curves", sentence, curves, "precisionRecall", areas, finish)


def _precision_top(curves: dict[Role, ModelCurves], share: float) -> float:
    # The first few alerts jump between 0 and 1 and would squeeze the rest.
    seen = [
        precision
        for curve in curves.values()
        for recall, precision in zip(curve["precisionRecall"]["x"], curve["precisionRecall"]["y"], strict=True)
        if recall >= 0.02
    ]
    return min(1.0, max([share * 2, *seen]) * 1.12)


def _curves(
    name: str,
    title: str,
    sentence: str,
    curves: dict[Role, ModelCurves],
    kind: Literal["roc", "precisionRecall"],
    areas: dict[Role, float],
    finish: Callable[[Axes], None],
) -> Plot:
    def draw(figure: Figure, _width: int) -> None:
        axes = frame(figure)
        for role in _roles(curves):
            curve, (line, marker) = curves[role][kind], _STYLES[role]
            label = f"{role} {score_text('auc', areas[role])}"
            axes.plot(curve["x"], curve["y"], line, color=COLOR[role], label=label, drawstyle="default")
            x, y = curve["at"]
            if x is not None and y is not None:
                axes.plot(
                    [x], [y], marker, color=COLOR[role], markersize=9, markeredgecolor=COLOR["card"], clip_on=False
                )
        finish(axes)
        legend(axes)

    told = ", ".join(f"{role} {score_text('auc', areas[role])}" for role in _roles(curves)[::-1])
    return plot(name, title, f"{sentence}: {told}. A mark on each curve is the model's threshold.", draw, wide=False)


def calibration_plot(models: dict[Role, ModelCalibration]) -> Plot:
    """Draw observed shares against predicted probabilities, with intervals."""
    bins = [one for model in models.values() for one in model["bins"]]
    top = min(1.0, max([*(one["high"] for one in bins), *(one["predicted"] for one in bins)]) * 1.05) or 1.0

    def draw(figure: Figure, _width: int) -> None:
        axes = frame(figure)
        axes.plot([0, top], [0, top], color=COLOR["soft"], linewidth=1, linestyle=":")
        for role in _roles(models):
            line, marker = _STYLES[role]
            parts = models[role]["bins"]
            x, y = [one["predicted"] for one in parts], [one["value"] for one in parts]
            low, high = [one["low"] for one in parts], [one["high"] for one in parts]
            axes.vlines(x, low, high, color=COLOR[role], linewidth=1.5)
            axes.plot(
                x, y, line, marker=marker, color=COLOR[role], markersize=7, markeredgecolor=COLOR["card"], label=role,
                linewidth=1.5,
            )  # fmt: skip
        axes.set_xlabel("Predicted probability")
        axes.set_ylabel("Observed share")
        _square(axes, top, top)
        legend(axes)

    errors = ", ".join(f"{role} {percent(models[role]['error'], 2)}" for role in _roles(models)[::-1])
    sentence = f"Observed share of positives against the mean predicted probability; mean distance: {errors}."
    return plot("calibration", "Calibration", sentence, draw, wide=False)


def distribution_plot(distribution: Distribution, thresholds: dict[Role, float], names: dict[str, str]) -> Plot:
    """Draw how each class's predictions are spread; `names` of the classes by "positive" and "negative"."""
    edges, models = distribution["edges"], distribution["models"]
    middles = [(low + high) / 2 for low, high in itertools.pairwise(edges)]

    def draw(figure: Figure, _width: int) -> None:
        panels = _roles(models)[::-1]
        height = _SIDE if len(panels) == 1 else 103
        set_height(figure, 46 + (height + 70) * len(panels) - 30)
        for number, role in enumerate(panels):
            axes = place(figure, 12, 40 + number * (height + 70), NARROW - 28, height)
            lines: list[tuple[Literal["negative", "positive"], str, str]] = [
                ("negative", COLOR["soft"], "--"),
                ("positive", COLOR[role], "-"),
            ]
            for kind, color, line in lines:
                label = shortened(names[kind], 22)
                axes.fill_between(middles, models[role][kind], step="mid", color=color, alpha=0.14, linewidth=0)
                axes.step(middles, models[role][kind], line, where="mid", color=color, linewidth=1.8, label=label)
            axes.axvline(thresholds[role], color=COLOR["ink"], linewidth=1)
            axes.set_xlim(edges[0], edges[-1])
            axes.set_ylim(bottom=0)
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
            axes.set_title(role, loc="left", fontsize=12, fontweight="bold", pad=22)
            ticks(axes.xaxis, 4)
            legend(axes)
            if number == len(panels) - 1:
                axes.set_xlabel("Predicted probability")

    sentence = (
        "Share of the positive and of the negative records at each predicted probability; a vertical line is the "
        "threshold. Where both lie over each other, the model cannot tell them apart."
    )
    return plot("distribution", "Distribution of predictions", sentence, draw, wide=False)


def frame(figure: Figure) -> Axes:
    """Give a figure its height and its one pair of axes."""
    set_height(figure, _SIDE + 72)
    return place(figure, 56, 28, NARROW - 56 - 14, _SIDE)


def _roles(models: Mapping[Role, object]) -> list[Role]:
    return [role for role, *_ in roles_of(models)]


def roles_of(models: Mapping[Role, object]) -> list[tuple[Role, str, str]]:
    """Return each role with its line and its marker; the challenger last: it lies on top."""
    return [(role, line, marker) for role, (line, marker) in _STYLES.items() if role in models]


def _square(axes: Axes, right: float, top: float) -> None:
    axes.set_xlim(0, right)
    axes.set_ylim(0, top)
    ticks(axes.xaxis, 4)
    ticks(axes.yaxis, 5)
    axes.grid()


def ticks(axis: Axis, count: int) -> None:
    """Give an axis about so many ticks."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(count))
    axis.set_major_formatter(short_numbers())


def legend(axes: Axes) -> None:
    """Write the names of the lines above the axes."""
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles[::-1],
        labels[::-1],
        handlelength=1.8,
        columnspacing=1.4,
        borderpad=0.2,
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=2,
        borderaxespad=0.0,
    )
