"""Line charts as small inline SVG, with a title and a description for screen readers."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import numpy as np

_WIDTH, _HEIGHT = 420, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 14, 46
# More points than this cannot be told apart at the size of the chart.
_MAX_POINTS = 300


@dataclass(frozen=True)
class Series:
    """One line or set of dots: `x` and `y` of the same length."""

    name: str
    x: np.ndarray
    y: np.ndarray
    style: str = "main"
    dots: bool = False


def line_chart(
    title: str,
    description: str,
    x_label: str,
    y_label: str,
    series: list[Series],
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
) -> str:
    """Return an SVG element.

    Args:
        title: Short name, read by screen readers.
        description: What the chart shows, in a sentence.
        x_label: Name of the horizontal axis.
        y_label: Name of the vertical axis.
        series: What to draw, in drawing order.
        x_range: Ends of the horizontal axis; those of the data if None.
        y_range: Ends of the vertical axis; those of the data if None.
    """
    x_low, x_high = x_range or _range([s.x for s in series])
    y_low, y_high = y_range or _range([s.y for s in series])

    def to_x(value: float) -> float:
        return _LEFT + (value - x_low) / (x_high - x_low) * (_WIDTH - _LEFT - _RIGHT)

    def to_y(value: float) -> float:
        return _HEIGHT - _BOTTOM - (value - y_low) / (y_high - y_low) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" preserveAspectRatio="xMidYMid meet">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
    ]
    for value in _ticks(x_low, x_high):
        parts.append(_line(to_x(value), _TOP, to_x(value), _HEIGHT - _BOTTOM, "grid"))
        parts.append(_text(to_x(value), _HEIGHT - _BOTTOM + 16, _number(value), "middle"))
    for value in _ticks(y_low, y_high):
        parts.append(_line(_LEFT, to_y(value), _WIDTH - _RIGHT, to_y(value), "grid"))
        parts.append(_text(_LEFT - 6, to_y(value) + 4, _number(value), "end"))
    parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 8, x_label, "middle"))
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    parts.append(_text(14, middle, y_label, "middle", f' transform="rotate(-90 14 {middle:.0f})"'))
    for one in series:
        points = [(to_x(x), to_y(y)) for x, y in _thinned(one)]
        if one.dots:
            parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" class="{one.style}"/>' for x, y in points]
        else:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            parts.append(f'<polyline points="{path}" class="{one.style}"/>')
    parts.append("</svg>")
    return "".join(parts)


def _thinned(series: Series) -> list[tuple[float, float]]:
    keep = np.unique(np.linspace(0, len(series.x) - 1, min(len(series.x), _MAX_POINTS)).astype(int))
    return list(zip(series.x[keep].tolist(), series.y[keep].tolist(), strict=True))


def _range(arrays: list[np.ndarray]) -> tuple[float, float]:
    values = np.concatenate(arrays)
    low, high = float(values.min()), float(values.max())
    margin = (high - low) * 0.08 or abs(high) * 0.05 or 1.0
    return low - margin, high + margin


def _ticks(low: float, high: float) -> list[float]:
    rough = (high - low) / 4
    magnitude = 10 ** np.floor(np.log10(rough))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= rough * 0.999)
    first = np.ceil(low / step - 1e-9) * step
    return [float(v) for v in np.arange(first, high + step * 1e-6, step)]


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".") if value else "0"


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{style}"/>'


def _text(x: float, y: float, text: str, anchor: str, extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{escape(text)}</text>'
