"""From a matplotlib figure to an SVG element of an HTML page.

Lengths are CSS pixels: the SVG backend draws at 72 units an inch, so a unit is a pixel where the figure has its own
width. Text stays text, in the page's font. Colours are those of the page's style sheet, so that they follow its scheme.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Literal, cast

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter
    from matplotlib.typing import RcKeyType

NARROW, WIDE = 336, 860
FONT = 12

# Stand-ins that matplotlib takes, each for a custom property of the style sheet.
_PROPERTIES = (
    "ink",
    "soft",
    "line",
    "card",
    "challenger",
    "champion",
    "tint",
    "alarm",
    *(f"scale-{step}" for step in range(7)),
)
COLOR = {name: f"#0a0b{number:02x}" for number, name in enumerate(_PROPERTIES)}
SCALE = [COLOR[f"scale-{step}"] for step in range(7)]

_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "mediwatch",
    "font.size": FONT,
    # Foreign names may hold dollar signs.
    "text.parse_math": False,
    "text.color": COLOR["ink"],
    "axes.labelcolor": COLOR["soft"],
    "axes.labelsize": FONT,
    "axes.edgecolor": COLOR["line"],
    "axes.linewidth": 1,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "axes.formatter.useoffset": False,
    "grid.color": COLOR["line"],
    "grid.linewidth": 1,
    "xtick.color": COLOR["line"],
    "ytick.color": COLOR["line"],
    "xtick.labelcolor": COLOR["soft"],
    "ytick.labelcolor": COLOR["soft"],
    "xtick.labelsize": FONT,
    "ytick.labelsize": FONT,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "lines.linewidth": 2,
    "figure.facecolor": "none",
    "legend.frameon": False,
    "legend.fontsize": FONT,
}


@dataclass(frozen=True)
class Plot:
    """A figure in the width of a phone and, where it gains from it, of a desk.

    Attributes:
        narrow: An SVG element.
        wide: Another drawing of the same; None if the narrow one serves everywhere.
        description: What it shows, as text.
    """

    narrow: str
    wide: str | None
    description: str


def plot(name: str, title: str, description: str, draw: Callable[[Figure, int], None], *, wide: bool) -> Plot:
    """Draw a figure.

    Args:
        name: Unique in the page; ids begin with it.
        title: Short name, read by screen readers.
        description: What it shows, in a sentence or two.
        draw: Takes an empty figure and its width, and sets its height.
        wide: Whether there is a drawing for wide screens too.
    """
    # The backend's class, not pyplot: that keeps figures and is for one thread.
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    def element(width: int, suffix: str) -> str:
        with matplotlib.rc_context(cast("dict[RcKeyType, object]", _STYLE)), warnings.catch_warnings():
            # Foreign names in scripts that its own font lacks: the page's fonts draw the text.
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")
            figure = Figure(figsize=(width / 72, 1), dpi=72)
            FigureCanvasSVG(figure)
            draw(figure, width)
            out = io.StringIO()
            figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
        return _inlined(out.getvalue(), f"{name}-{suffix}", title, description)

    return Plot(element(NARROW, "n"), element(WIDE, "w") if wide else None, description)


def place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes at a place in pixels from the figure's upper left corner; the figure's height must be set."""
    whole_width, whole_height = (length * 72 for length in figure.get_size_inches())
    box = (left / whole_width, 1 - (top + height) / whole_height, width / whole_width, height / whole_height)
    return figure.add_axes(box)


def set_height(figure: Figure, height: float) -> None:
    """Set the height of a figure in pixels."""
    figure.set_figheight(height / 72)


def write(
    figure: Figure,
    left: float,
    top: float,
    text: str,
    *,
    color: str = COLOR["ink"],
    bold: bool = False,
    align: Literal["left", "center", "right"] = "left",
    halo: bool = False,
) -> None:
    """Write text at a place in pixels; with a halo it has a ground of its own, over lines."""
    width, height = (length * 72 for length in figure.get_size_inches())
    ground = {"facecolor": COLOR["card"], "edgecolor": "none", "alpha": 0.9, "pad": 1.0} if halo else None
    weight = "bold" if bold else "normal"
    x, y = left / width, 1 - top / height
    figure.text(x, y, text, va="center", ha=align, color=color, fontweight=weight, bbox=ground)


def short_numbers() -> FuncFormatter:
    """Return a formatter of ticks without needless zeros."""
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda value, _: f"{value:g}")


def shortened(text: str, length: int) -> str:
    """Return `text` with no more than `length` characters and no line breaks."""
    plain = " ".join(text.split())
    return plain if len(plain) <= length else f"{plain[: length - 1]}…"


def _inlined(document: str, prefix: str, title: str, description: str) -> str:
    body = document[document.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    # Its rule would hold for the whole page; the page's style sheet says the same of its plots.
    body = re.sub(r"<defs>\s*<style[^>]*>.*?</style>\s*</defs>\s*", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.DOTALL)
    body = _with_own_ids(body, prefix)
    # Two forms, of matplotlib 3.10 and 3.11; the family is the page's.
    body = re.sub(r"font: (?:(bold|\d00) )?([\d.]+px) [^;\"]*", _font, body)
    body = re.sub(r"font-family: [^;\"]*(?:; )?", "", body)
    for name, stand_in in COLOR.items():
        body = body.replace(stand_in, f"var(--{name})")
    found = re.search(r'viewBox="([^"]+)"', body)
    view_box = found[1] if found else f"0 0 {NARROW} {NARROW}"
    width = float(view_box.split()[2])
    opening = (
        f'<svg role="img" aria-labelledby="{prefix}-title {prefix}-desc" viewBox="{view_box}" '
        f'style="--width:{width:g}px" xmlns:xlink="http://www.w3.org/1999/xlink">'
        f'<title id="{prefix}-title">{escape(title)}</title><desc id="{prefix}-desc">{escape(description)}</desc>'
    )
    return re.sub(r"\n\s*", "\n", opening + body[body.index(">") + 1 :]).strip()


def _with_own_ids(body: str, prefix: str) -> str:
    """Drop the ids that nothing refers to, and make the others unique in the page."""
    used = set(re.findall(r'(?:url\(#|xlink:href="#)([^)"]+)', body))
    body = re.sub(r' id="([^"]*)"', lambda found: f' id="{prefix}-{found[1]}"' if found[1] in used else "", body)
    return re.sub(r'(url\(#|xlink:href="#)', rf"\g<1>{prefix}-", body)


def _font(found: re.Match[str]) -> str:
    weight = f"font-weight: {found[1]}; " if found[1] else ""
    return f"{weight}font-size: {found[2]}"
