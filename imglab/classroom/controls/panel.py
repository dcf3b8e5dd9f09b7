"""The control room: one screen for a live demo, on which every button makes it happen for real.

A click only gives an order. One thread carries the orders out, so the notebook's own thread stays
free, and whatever goes wrong ends as a sentence. What the buttons do stands in `buttons`.
"""

from __future__ import annotations

import queue as lines
import threading
import time
from base64 import b64encode
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from html import escape
from io import BytesIO
from typing import Any

from imglab import server
from imglab.classroom.controls.actions import SETTINGS, Controls
from imglab.classroom.controls.buttons import OPEN, ROWS, Knob, perform
from imglab.errors import ImglabError
from imglab.queues import PRIORITIES, RedisTaskQueue
from imglab.views import charts
from imglab.views.boards import board
from imglab.views.live_view import show_controls
from imglab.views.runs import Runs

#: Seconds that the charts look back, and between two drawings.
LATEST, EVERY = 60, 2.0


class ControlRoom:
    """The panel, with its board and charts; see `control_room`."""

    def __init__(self, size: int, before: Iterable[ControlRoom]) -> None:
        from IPython.display import display  # noqa: PLC0415 - only where there is a notebook

        here = server.ensure()
        queue = RedisTaskQueue(url=here.url, namespace="control:", settings=SETTINGS)
        queue.forget_workers(0)  # of a kernel that was killed: the board would show them
        self.controls, self._closing = Controls(queue, size, server.own_home()), threading.Event()
        self._orders = lines.SimpleQueue[tuple[Knob, dict[str, Any]] | None]()
        self._panel = self._build(here)
        self._order([], OPEN, None)
        show_controls(self._panel)
        self._board = board(queue, "control room")
        self._charts = display(PLACE, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        self._threads = [
            threading.Thread(target=self._work, args=[before], daemon=True),
            threading.Thread(target=self._draw, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop workers, board and charts; the tasks stay in Redis. A second call does nothing."""
        self._closing.set()
        self._orders.put(None)
        for thread in self._threads:
            thread.join()

    def _build(self, here: server.RedisServer) -> Any:
        import ipywidgets as widgets  # noqa: PLC0415 - only where there is a notebook

        where = (
            f"the project's own, port {here.port}" if here.owned else "IMGLAB_REDIS_URL: left alone"
        )
        self.inputs: dict[str, Any] = {
            "count": widgets.BoundedIntText(
                50, min=1, max=500, tooltip="How many", layout={"width": "86px"}
            ),
            "priority": widgets.Dropdown(
                options=PRIORITIES, value="normal", tooltip="Priority", layout={"width": "100px"}
            ),
            "queue": widgets.Label(
                self.controls.queue.namespace + self.controls.queue.name, layout={"width": "190px"}
            ),
            "worker": widgets.Dropdown(
                options=["worker-1"], tooltip="Which worker", layout={"width": "190px"}
            ),
            "size": widgets.Label(layout={"width": "190px"}),
            "redis": widgets.Label(where, layout={"width": "190px"}),
            "status": widgets.HTML(layout={"height": "44px"}),
        }
        panel = []
        for title, (names, knobs) in ROWS.items():
            row = [
                widgets.HTML(f"<b>{title}</b>", layout={"width": "60px"}),
                *(self.inputs[each] for each in names),
            ]
            for knob in knobs:
                button = widgets.Button(
                    description=knob.label,
                    tooltip=knob.tooltip,
                    disabled=title == "Redis" and not here.owned,
                    layout={"width": "138px" if len(knob.label) > 1 else "36px"},
                )
                button.on_click(partial(self._order, names, knob))
                row.append(button)
            panel.append(widgets.HBox(row))
        return widgets.VBox([*panel, self.inputs["status"]])

    def _order(self, names: Iterable[str], knob: Knob, _: object) -> None:
        values = {name: self.inputs[name].value for name in names}
        self._say(f"… {knob.meanwhile.format(**values)}")
        self._orders.put((knob, values))

    def _say(self, sentence: str) -> None:
        self.inputs["status"].value = f"<b>{time.strftime('%H:%M:%S')}  {escape(sentence)}</b>"

    def _work(self, before: Iterable[ControlRoom]) -> None:
        for room in before:
            room.close()
        while order := self._orders.get():
            sentence, size = perform(self.controls, *order), self.controls.pool.size
            worker, chosen = self.inputs["worker"], self.inputs["worker"].index
            with worker.hold_sync():  # new options forget the choice; the browser shall not see it
                worker.options = [f"worker-{number}" for number in range(1, max(1, size) + 1)]
                worker.index = min(chosen, len(worker.options) - 1)
            self.inputs["size"].value = f"workers: {size}"
            self._say(sentence)
        self.controls.close()
        self._board.stop()
        self._panel.children = [self.inputs["status"]]
        self._say("Closed. The workers are gone; the tasks stay in Redis.")

    def _draw(self) -> None:
        latest = None
        while not self._closing.wait(EVERY):
            with suppress(ImglabError):  # nothing to draw yet, or Redis is away: the picture stays
                events = list(self.controls.queue.events())
                if events[-1:] != latest:
                    self._charts.update(picture(events) if events else PLACE, raw=True)
                    latest = events[-1:]


#: The charts in inches, the pixels of an inch, and what keeps their place until there are any.
WIDTH, HEIGHT, DPI = 8.6, 2.3, 100
PLACE = {
    "text/html": f"<div style='height:{HEIGHT * DPI:.0f}px'>No task was claimed yet.</div>",
    "text/plain": "No task was claimed yet.",
}


def picture(events: list[dict[str, Any]]) -> dict[str, str]:
    """Timeline and rate of the latest events, for a notebook; in words, too."""
    from matplotlib import rc_context  # noqa: PLC0415 - only where something is drawn

    runs = Runs.of(e for e in events if e["at"] > events[-1]["at"] - 1000 * LATEST)
    grey: Any = ("text.color", "axes.labelcolor", "xtick.color", "ytick.color")
    with rc_context(dict.fromkeys(grey, charts.INK)):  # legible on white and on black
        drawn, buffer = charts.figure(WIDTH, HEIGHT, columns=2), BytesIO()
        charts.timeline(drawn.axes[0], runs)
        charts.throughput(drawn.axes[1], runs)
        drawn.savefig(buffer, format="png", dpi=DPI, transparent=True)
    words = f"{charts.timeline_text(runs)}\n{charts.throughput_text(runs)}"
    # As HTML, for of a bare PNG JupyterLab reads no alternative text to anybody.
    source = f"data:image/png;base64,{b64encode(buffer.getvalue()).decode()}"
    size = f"width={WIDTH * DPI:.0f} height={HEIGHT * DPI:.0f}"
    return {"text/html": f'<img src="{source}" alt="{escape(words)}" {size}>', "text/plain": words}


_rooms: list[ControlRoom] = []


def control_room(workers: int = 3) -> ControlRoom:
    """The panel with its board and charts, and a pool of so many workers; `close()` ends it.

    It returns at once. Opened again, it closes the one before first.
    """
    room = ControlRoom(workers, list(_rooms))
    _rooms[:] = [room]
    return room
