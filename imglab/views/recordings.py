"""A record of events as a film to stop, to wind and to play at any speed; it needs no Redis."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from imglab.errors import ImglabError
from imglab.extras import need
from imglab.language import tr
from imglab.views.board_table import Film, board_html
from imglab.views.frames import Frame, frames
from imglab.views.live_view import FRAMES_A_SECOND, PLAIN_TEXT, show_controls

#: The most frames of a replay: of a long record, each stands for more time.
MOST_FRAMES = 1000


class Replay:
    """Pictures in HTML, with a slider and a play button; see `replay`."""

    def __init__(self, drawn: Sequence[str]) -> None:
        need("lab", "IPython", "ipywidgets")
        import ipywidgets as widgets  # noqa: PLC0415 - only where there is a notebook
        from IPython.display import display  # noqa: PLC0415

        self._drawn = drawn
        last = len(drawn) - 1
        pause_ms = 1000 // FRAMES_A_SECOND
        # It begins at its end, as the picture does; "play" goes round to the beginning.
        self.play = widgets.Play(last, max=last, interval=pause_ms)
        _let_repeat(self.play)
        self.slider = widgets.IntSlider(last, max=last, description=tr("frame"))
        self.speed = widgets.Dropdown(options=[1, 2, 4, 0.5, 0.25], description=tr("speed"))
        widgets.jslink((self.play, "value"), (self.slider, "value"))
        self.slider.observe(self._show, "value")
        self.speed.observe(self._set_speed, "value")
        show_controls(widgets.HBox([self.play, self.slider, self.speed]))
        self._handle = display(  # type: ignore[no-untyped-call]
            self._bundle(last), raw=True, display_id=True
        )

    def _bundle(self, number: int) -> dict[str, str]:
        return {"text/html": self._drawn[number], "text/plain": PLAIN_TEXT}

    def _show(self, _: object) -> None:
        self._handle.update(self._bundle(self.slider.value), raw=True)

    def _set_speed(self, _: object) -> None:
        self.play.interval = int(1000 / FRAMES_A_SECOND / self.speed.value)


def _let_repeat(play: Any) -> None:
    """Let a play button go round to the beginning, with ipywidgets 7 as with 8."""
    if play.has_trait("repeat"):
        play.repeat = True
    else:
        play._repeat = True


def replay(events: Iterable[dict[str, Any]], title: str = tr("record")) -> Replay:
    """Show a record of events as a film to stop, to wind and to play at any speed, without Redis.

    `list(queue.events())` is a record. ImglabError for one without any event.
    """
    record = list(events)
    if not record:
        raise ImglabError(tr("There is nothing to replay: the record has no events."))
    seconds = (int(record[-1]["at"]) - int(record[0]["at"])) / 1000
    every = max(1 / FRAMES_A_SECOND, seconds / MOST_FRAMES)
    return Replay(_drawn(frames(record, every), title))


def _drawn(film_of: Iterable[Frame], title: str) -> list[str]:
    film = Film()
    drawn = []
    for frame in film_of:
        film.add(frame)
        drawn.append(board_html(frame, film, title))
    return drawn


def recorded(name: str) -> list[dict[str, Any]]:
    """The events of a real run that comes with imglab, to `replay` where there is no Redis.

    ImglabError for a name without a record.
    """
    records = {path.stem: path for path in Path(__file__).with_name("records").glob("*.json")}
    if name not in records:
        raise ImglabError(
            tr(
                "There is no record {name!r}; there are {names}.",
                name=name,
                names=", ".join(sorted(records)),
            )
        )
    events: list[dict[str, Any]] = json.loads(records[name].read_text(encoding="utf-8"))
    return events
