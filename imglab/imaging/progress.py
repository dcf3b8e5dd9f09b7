"""How far a batch is: a bar in a terminal, a line of text in a notebook, whose file keeps it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from imglab.language import tr
from imglab.notebook import running_ipython

Outcome = TypeVar("Outcome")

#: What is being done, in front of the bar or of the numbers.
TITLE = tr("Filtering")
#: Seconds between two updates of the line: each is a message to the browser.
UPDATE_INTERVAL_S = 0.1


def follow(outcomes: Iterable[Outcome], total: int) -> Iterable[Outcome]:
    """The same outcomes, and while somebody goes through them it is shown how many there were."""
    notebook = _notebook()
    if notebook:
        return _with_line(outcomes, total, notebook)
    from rich.progress import track  # noqa: PLC0415 - slow, and seldom wanted

    return track(outcomes, TITLE, total=total)


def _notebook() -> Any:
    """IPython, when this runs in a notebook; else None. What has to be there is not imported."""
    if not hasattr(running_ipython(), "kernel"):
        return None
    return sys.modules["IPython"]


def _with_line(outcomes: Iterable[Outcome], total: int, ipython: Any) -> Iterator[Outcome]:
    """Not rich's bar: in a notebook that is a widget, of which the saved file keeps nothing."""
    line = ipython.display.display(_text(0, total), raw=True, display_id=True)
    done = 0
    shown_at = time.monotonic()
    try:
        for outcome in outcomes:
            yield outcome
            done += 1
            if time.monotonic() - shown_at >= UPDATE_INTERVAL_S:
                line.update(_text(done, total), raw=True)
                shown_at = time.monotonic()
    finally:
        line.update(_text(done, total), raw=True)


def _text(done: int, total: int) -> dict[str, str]:
    return {"text/plain": tr("{title}: {done} of {total}", title=TITLE, done=done, total=total)}
