"""The charts of the control room: who did what in the latest minute, and how many a second."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from io import BytesIO
from typing import Any

from imglab.errors import ImglabError
from imglab.language import tr
from imglab.views import charts
from imglab.views.runs import Runs

#: Seconds that the charts look back.
LOOK_BACK = 60
#: Inches of both charts together, across and down.
WIDTH = 8.0
HEIGHT = 2.1
#: Pixels of an inch.
DPI = 100
#: What stands in the place of the charts when there is nothing to draw.
NOTHING = tr("The charts come here, some seconds after the first task.")
NOTHING_LATELY = tr(
    "No task was claimed in the latest {seconds} seconds of the history.", seconds=LOOK_BACK
)


def words_only(words: str) -> dict[str, str]:
    """Words, for a notebook, that keep the place of the charts."""
    html = f"<div style='height:{HEIGHT * DPI:.0f}px'>{words}</div>"
    return {"text/html": html, "text/plain": words}


def warm_up() -> None:
    """Draw something that nobody sees: the first drawing takes seconds while workers work."""
    charts.figure(WIDTH, HEIGHT, columns=2).savefig(BytesIO(), format="png", dpi=DPI)


def hidden() -> dict[str, str]:
    """Nothing, for a notebook, which takes no room."""
    return {"text/html": "<span></span>", "text/plain": ""}


def picture(events: list[dict[str, Any]]) -> dict[str, str]:
    """Timeline and rate of the latest events, for a notebook; in words, too."""
    if not events:
        return words_only(NOTHING)
    begin = events[-1]["at"] - 1000 * LOOK_BACK
    try:
        runs = Runs.of(event for event in events if event["at"] > begin)
    except ImglabError:  # no claim in it
        return words_only(NOTHING_LATELY)
    return _drawn(runs)


def _drawn(runs: Runs) -> dict[str, str]:
    # Black on white in either theme, as in the lessons: no one grey is read well on both.
    drawn = charts.figure(WIDTH, HEIGHT, columns=2)
    left, right = drawn.axes
    charts.timeline(left, runs)
    charts.throughput(right, runs)
    buffer = BytesIO()
    drawn.savefig(buffer, format="png", dpi=DPI)
    words = f"{charts.timeline_text(runs)}\n{charts.throughput_text(runs)}"
    # As HTML, for of a bare PNG JupyterLab reads no alternative text to anybody.
    source = f"data:image/png;base64,{b64encode(buffer.getvalue()).decode()}"
    size = f"width={WIDTH * DPI:.0f} height={HEIGHT * DPI:.0f}"
    return {"text/html": f'<img src="{source}" alt="{escape(words)}" {size}>', "text/plain": words}
