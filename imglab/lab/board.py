"""The live board: a queue's keys while the workers work, in a notebook; and the same from a record.

A thread updates one display handle with an HTML table of text. No script, no SVG: the last frame
stays in the saved file, shows in a notebook nobody trusted yet, and can be read aloud.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Any, Self

from imglab.errors import ImglabError
from imglab.lab.draw import RATE, TEXT, Film, draw
from imglab.lab.frame import Camera, Frame, frames
from imglab.queues import RedisTaskQueue


def show_controls(box: Any) -> None:
    """Display a widget with words of its own for where there is no kernel, such as GitHub."""
    from IPython.display import display  # noqa: PLC0415

    bundle = box._repr_mimebundle_()
    bundle["text/plain"] = "(Controls: run this cell to use them.)"
    display(bundle, raw=True)  # type: ignore[no-untyped-call]


class Replay:
    """The frames of a record, with a slider and a play button; see `replay`."""

    def __init__(self, film_of: Sequence[Frame], title: str) -> None:
        import ipywidgets as widgets  # noqa: PLC0415 - only where there is a notebook
        from IPython.display import display  # noqa: PLC0415

        film, self._drawn = Film(), list[str]()
        for frame in film_of:
            film.add(frame)
            self._drawn.append(draw(frame, film, title))
        last = len(film_of) - 1
        # It begins at its end, as the picture does; "play" goes round to the beginning.
        self.play = widgets.Play(last, max=last, interval=1000 // RATE, repeat=True)
        self.slider = widgets.IntSlider(last, max=last, description="frame")
        self.speed = widgets.Dropdown(options=[1, 2, 4, 0.5, 0.25], description="speed")
        widgets.jslink((self.play, "value"), (self.slider, "value"))
        self.slider.observe(self._show, "value")
        self.speed.observe(self._set_speed, "value")
        show_controls(widgets.HBox([self.play, self.slider, self.speed]))
        self._handle = display(  # type: ignore[no-untyped-call]
            self._bundle(last), raw=True, display_id=True
        )

    def _bundle(self, number: int) -> dict[str, str]:
        return {"text/html": self._drawn[number], "text/plain": TEXT}

    def _show(self, _: object) -> None:
        self._handle.update(self._bundle(self.slider.value), raw=True)

    def _set_speed(self, _: object) -> None:
        self.play.interval = int(1000 / RATE / self.speed.value)


def replay(events: Iterable[dict[str, Any]], title: str = "record") -> Replay:
    """A record of events as a film to stop, to wind and to play at any speed; it needs no Redis.

    `list(queue.events())` is a record. ImglabError for one without any event.
    """
    record = list(events)
    if not record:
        raise ImglabError("There is nothing to replay: the record has no events.")
    seconds = (int(record[-1]["at"]) - int(record[0]["at"])) / 1000
    return Replay(list(frames(record, max(1 / RATE, seconds / 1000))), title)


def recorded(name: str) -> list[dict[str, Any]]:
    """The events of a real run that comes with imglab, to `replay` where there is no Redis.

    ImglabError for a name without a record.
    """
    records = {path.stem: path for path in Path(__file__).with_name("records").glob("*.json")}
    if name not in records:
        raise ImglabError(f"There is no record {name!r}; there are {', '.join(sorted(records))}.")
    events: list[dict[str, Any]] = json.loads(records[name].read_text(encoding="utf-8"))
    return events


class Live:
    """A picture of text that a thread draws anew eight times a second until `stop`.

    It goes on while a cell is busy and after it; the last one stays in the notebook. Where there
    is only text, `text` stands for it.
    """

    def __init__(self, picture: Callable[[], str], text: str = TEXT) -> None:
        from IPython.display import display  # noqa: PLC0415 - a terminal needs no notebook

        self.frames, self.text = 0, text
        self._picture, self._stopping = picture, threading.Event()
        self._handle = display(  # type: ignore[no-untyped-call]
            self._bundle(), raw=True, display_id=True
        )
        self._thread = threading.Thread(target=self._play, name="live view", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Draw the last picture, which stays in the notebook; a second call does nothing."""
        if not self._stopping.is_set():
            self._stopping.set()
            self._thread.join()
            self._handle.update(self._bundle(), raw=True)

    def _play(self) -> None:
        while not self._stopping.wait(1 / RATE):
            self._handle.update(self._bundle(), raw=True)

    def _bundle(self) -> dict[str, str]:
        self.frames += 1
        try:
            html = self._picture()
        except ImglabError as error:  # the next picture tries again
            html = escape(str(error))
        return {"text/html": html, "text/plain": self.text}


class Board(Live):
    """A queue, drawn anew eight times a second until `stop`; see `board`."""

    def __init__(self, queue: RedisTaskQueue, title: str = "") -> None:
        self.title = title or queue.namespace + queue.name
        self._camera, self._film = Camera(queue), Film()
        self._last = Frame.empty()
        super().__init__(self._draw)

    def stop(self) -> None:
        """Draw the last frame, which stays in the notebook, and give the connection back."""
        super().stop()
        self._camera.close()

    def _draw(self) -> str:
        note = ""
        try:
            self._last = self._camera.shoot()
            self._film.add(self._last)
        except ImglabError:  # the next frame tries again
            note = "Redis is away"
        return draw(self._last, self._film, self.title, note)


def board(queue: RedisTaskQueue, title: str = "") -> Board:
    """A live view of a queue, eight times a second, while a cell is busy and after it.

    Write `with board(queue): …`, or `view = board(queue)` and later `view.stop()`. It has a
    connection of its own, and says so when Redis is away.
    """
    return Board(queue, title)
