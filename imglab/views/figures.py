"""An empty figure in the style of the lessons, and how a drawn one gets into the notebook."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from imglab.extras import need
from imglab.language import tr
from imglab.text import short, shown
from imglab.views.html_table import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Lines: seen on white and on black.
INK = "#808080"
#: Points of a curve, so many that it looks round.
CURVE_POINTS = 61
#: The most letters of a name beside a chart.
LABEL_LETTERS = 32
_STYLE: dict[Any, Any] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.axisbelow": True,
    "font.size": 10,
}


def figure(width: float = 7.5, height: float = 2.8, columns: int = 1) -> Figure:
    """An empty figure in the style of the lessons, in inches; `figure.axes` are its axes."""
    need("lab", "matplotlib")
    from matplotlib import rc_context  # noqa: PLC0415 - only where something is drawn
    from matplotlib.figure import Figure  # noqa: PLC0415

    with rc_context(_STYLE):
        made = Figure(figsize=(width, height), layout="constrained", facecolor="white")
        made.subplots(1, columns)
    return made


def spread(low: float, high: float, points: int = CURVE_POINTS) -> Sequence[float]:
    """Points at equal distances from one number to another."""
    last = points - 1
    return [low + number * (high - low) / last for number in range(points)]


def legend_beside(ax: Axes) -> None:
    """Put the legend beside the axes, where it hides nothing."""
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)


def as_label(text: object) -> str:
    """A text as matplotlib shall draw it: a dollar begins no formula, a long name is cut."""
    return short(shown(text), LABEL_LETTERS).replace("$", r"\$")


def show(picture: Figure, alt: str, numbers: str = "") -> None:
    """Put a figure into the notebook: with a sentence for it, and its numbers to unfold."""
    need("lab", "IPython")
    from IPython.display import display  # noqa: PLC0415

    buffer = BytesIO()
    with warnings.catch_warnings():
        # A box stands for a letter that the font has not; no red lines above the chart for that.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        picture.savefig(buffer, format="png", dpi=110)
    display(  # type: ignore[no-untyped-call]
        {"image/png": buffer.getvalue(), "text/plain": tr("<chart>")},
        raw=True,
        metadata={"image/png": {"alt": shown(alt)}},
    )
    if numbers:
        text = "\n".join(map(plain, numbers.splitlines()))
        head = tr("The numbers")
        folded = f"<summary>{head}</summary><pre>{text}</pre>"
        display(  # type: ignore[no-untyped-call]
            {
                "text/html": f'<details class="imglab-numbers">{folded}</details>',
                "text/plain": tr("<numbers of the chart>"),
            },
            raw=True,
        )
