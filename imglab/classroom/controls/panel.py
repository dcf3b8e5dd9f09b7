"""The control room: one screen for a live demo, on which every button makes it happen for real.

A click only gives an order. One thread carries the orders out, so the notebook's own thread stays
free, and whatever goes wrong ends as a sentence. What the buttons do stands in `buttons`.
"""

from __future__ import annotations

import queue as lines
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from imglab import server
from imglab.classroom.controls.actions import SETTINGS, Controls
from imglab.classroom.controls.buttons import OPEN, Knob, perform
from imglab.classroom.controls.pictures import hidden, picture, warm_up
from imglab.classroom.controls.widgets import Panel
from imglab.classroom.seats import leave_seat, sit_down
from imglab.errors import ImglabError
from imglab.extras import need
from imglab.language import tr
from imglab.queues import RedisTaskQueue
from imglab.views.boards import board
from imglab.views.live_view import show_controls, wants_calm

#: What stands in front of every key of the room.
NAMESPACE = "control:"
#: Seconds between two drawings of the charts.
CHARTS_PAUSE = 2.0

#: A button, and the values of the inputs at the click; None ends the room.
Click = tuple[Knob, dict[str, Any]] | None


class ControlRoom:
    """The panel, with its board and charts; see `control_room`."""

    def __init__(self, size: int, before: Iterable[ControlRoom], *, big: bool, calm: bool) -> None:
        need("lab", "IPython", "ipywidgets", "matplotlib")
        from IPython.display import display  # noqa: PLC0415 - only where there is a notebook

        here = sit_down(NAMESPACE, tr("a control room"))
        self._here = here
        queue = RedisTaskQueue(url=here.url, namespace=NAMESPACE, settings=SETTINGS)
        queue.forget_workers(0)  # of a kernel that was killed: the board would show them
        self.controls = Controls(queue, size, server.own_home(), owns_redis=here.owned)
        self._closing = threading.Event()
        self._orders = lines.SimpleQueue[Click]()
        self.panel = Panel(here, self._order, big=big, calm=calm)
        self._order(OPEN)
        show_controls(self.panel.box)
        self._board = board(queue, big=big, calm=calm)
        self._redraw = threading.Event()
        self._charts = display(  # type: ignore[no-untyped-call]
            hidden(), raw=True, display_id=True
        )
        self.panel.on_view(self._change_view)
        self._threads = [
            threading.Thread(target=self._work, args=[before], daemon=True),
            threading.Thread(target=self._draw, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop workers, board and charts; the tasks stay in Redis. A second call does nothing."""
        self._closing.set()
        self._redraw.set()
        self._orders.put(None)
        for thread in self._threads:
            thread.join()

    def _order(self, knob: Knob) -> None:
        values = {name: self.panel.inputs[name].value for name in knob.inputs}
        self.panel.ordered(knob.meanwhile.format(**values))
        self._orders.put((knob, values))

    def _work(self, before: Iterable[ControlRoom]) -> None:
        for room in before:
            room.close()
        while order := self._orders.get():
            knob, values = order
            sentence = perform(self.controls, knob, values)
            if knob.begins_anew:
                self._begin_anew()
            self.panel.show(self.controls.pool.names, is_adding=self.controls.is_adding)
            self.panel.answered(sentence)
        self.controls.close()
        self._board.stop()
        leave_seat(NAMESPACE, self._here)
        self.panel.end(tr("Closed. The workers are gone; the tasks stay in Redis."))

    def _begin_anew(self) -> None:
        self.panel.begin_anew()
        self._board.begin_anew()
        self._redraw.set()

    def _change_view(self) -> None:
        self._board.big = self.panel.is_big
        self._board.calm = self.panel.is_calm
        self._redraw.set()

    def _draw(self) -> None:
        latest: object = None
        warm_up()
        while not self._closing.is_set():
            self._redraw.clear()
            with suppress(ImglabError):  # Redis is away: the picture stays
                latest = self._draw_news(latest)
            self._redraw.wait(CHARTS_PAUSE)

    def _draw_news(self, latest: object) -> object:
        """Draw the charts if there is something new; return what is the latest now."""
        if not self.panel.has_charts:
            if latest != "hidden":
                self._charts.update(hidden(), raw=True)
            return "hidden"
        events = list(self.controls.queue.events())
        if events[-1:] != latest:
            self._charts.update(picture(events), raw=True)
        return events[-1:]


_rooms: list[ControlRoom] = []


def control_room(workers: int = 3, *, big: bool = False, calm: bool | None = None) -> ControlRoom:
    """Open the panel with its board and charts, and a pool of so many workers; `close()` ends it.

    It returns at once. Opened again, it closes the one before first. `big` begins with letters that
    can be read from the last row of a class, `calm` with a board on which little moves (by itself
    it does what IMGLAB_CALM says); buttons of the panel change both.
    """
    if calm is None:
        calm = wants_calm()
    room = ControlRoom(workers, list(_rooms), big=big, calm=calm)
    _rooms[:] = [room]
    return room
