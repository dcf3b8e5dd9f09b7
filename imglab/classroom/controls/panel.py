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
from imglab.queues import RedisTaskQueue
from imglab.queues.vocabulary import NORMAL, PRIORITIES
from imglab.views import charts
from imglab.views.boards import board
from imglab.views.html_table import plain
from imglab.views.live_view import show_controls
from imglab.views.runs import Runs

#: Seconds that the charts look back.
CHARTS_LOOK_BACK = 60
#: Seconds between two drawings of the charts.
CHARTS_PAUSE = 2.0
#: Inches of both charts together, across and down.
CHARTS_WIDTH = 8.6
CHARTS_HEIGHT = 2.3
#: Pixels of an inch.
DPI = 100
#: What keeps the place of the charts until there are any.
NO_CHARTS = {
    "text/html": f"<div style='height:{CHARTS_HEIGHT * DPI:.0f}px'>No task was claimed yet.</div>",
    "text/plain": "No task was claimed yet.",
}
#: The widths of the panel's widgets, as CSS has them.
WIDE = {"width": "190px"}
TITLE = {"width": "60px"}
BUTTON = {"width": "138px"}
DIGIT_BUTTON = {"width": "36px"}

#: A button, and the values of the inputs at the click; None ends the room.
Click = tuple[Knob, dict[str, Any]] | None


class ControlRoom:
    """The panel, with its board and charts; see `control_room`."""

    def __init__(self, size: int, before: Iterable[ControlRoom]) -> None:
        from IPython.display import display  # noqa: PLC0415 - only where there is a notebook

        here = server.ensure()
        queue = RedisTaskQueue(url=here.url, namespace="control:", settings=SETTINGS)
        queue.forget_workers(0)  # of a kernel that was killed: the board would show them
        self.controls = Controls(queue, size, server.own_home())
        self._closing = threading.Event()
        self._orders = lines.SimpleQueue[Click]()
        self.inputs = self._make_inputs(here)
        self._panel = self._build(here)
        self._order(OPEN)
        show_controls(self._panel)
        self._board = board(queue, "control room")
        self._charts = display(NO_CHARTS, raw=True, display_id=True)  # type: ignore[no-untyped-call]
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

    def _make_inputs(self, here: server.RedisServer) -> dict[str, Any]:
        import ipywidgets as widgets  # noqa: PLC0415 - only where there is a notebook

        queue = self.controls.queue
        where = "IMGLAB_REDIS_URL: left alone"
        if here.owned:
            where = f"the project's own, port {here.port}"
        return {
            "count": widgets.BoundedIntText(
                50, min=1, max=500, tooltip="How many", layout={"width": "86px"}
            ),
            "priority": widgets.Dropdown(
                options=PRIORITIES, value=NORMAL, tooltip="Priority", layout={"width": "100px"}
            ),
            "queue": widgets.Label(queue.namespace + queue.name, layout=WIDE),
            "worker": widgets.Dropdown(options=["worker-1"], tooltip="Which worker", layout=WIDE),
            "size": widgets.Label(layout=WIDE),
            "redis": widgets.Label(where, layout=WIDE),
            "status": widgets.HTML(layout={"height": "44px"}),
        }

    def _build(self, here: server.RedisServer) -> Any:
        import ipywidgets as widgets  # noqa: PLC0415 - only where there is a notebook

        panel = []
        for title, row in ROWS.items():
            parts = [widgets.HTML(f"<b>{title}</b>", layout=TITLE)]
            parts += [self.inputs[name] for name in row.widgets]
            for knob in row.knobs:
                button = widgets.Button(
                    description=knob.label,
                    tooltip=knob.tooltip,
                    disabled=title == "Redis" and not here.owned,
                    layout=BUTTON if len(knob.label) > 1 else DIGIT_BUTTON,
                )
                button.on_click(partial(self._order, knob))
                parts.append(button)
            panel.append(widgets.HBox(parts))
        return widgets.VBox([*panel, self.inputs["status"]])

    def _order(self, knob: Knob, _button: object = None) -> None:
        values = {name: self.inputs[name].value for name in knob.inputs}
        self._say(f"… {knob.meanwhile.format(**values)}")
        self._orders.put((knob, values))

    def _say(self, sentence: str) -> None:
        self.inputs["status"].value = f"<b>{time.strftime('%H:%M:%S')}  {plain(sentence)}</b>"

    def _work(self, before: Iterable[ControlRoom]) -> None:
        for room in before:
            room.close()
        while order := self._orders.get():
            knob, values = order
            sentence = perform(self.controls, knob, values)
            self._show_size(self.controls.pool.size)
            self._say(sentence)
        self.controls.close()
        self._board.stop()
        self._panel.children = [self.inputs["status"]]
        self._say("Closed. The workers are gone; the tasks stay in Redis.")

    def _show_size(self, size: int) -> None:
        worker = self.inputs["worker"]
        chosen = worker.index
        with worker.hold_sync():  # new options forget the choice; the browser shall not see it
            worker.options = [f"worker-{number}" for number in range(1, max(1, size) + 1)]
            worker.index = min(chosen, len(worker.options) - 1)
        self.inputs["size"].value = f"workers: {size}"

    def _draw(self) -> None:
        latest: list[Any] | None = None
        while not self._closing.wait(CHARTS_PAUSE):
            with suppress(ImglabError):  # nothing to draw yet, or Redis is away: the picture stays
                events = list(self.controls.queue.events())
                if events[-1:] != latest:
                    shown = picture(events) if events else NO_CHARTS
                    self._charts.update(shown, raw=True)
                    latest = events[-1:]


def picture(events: list[dict[str, Any]]) -> dict[str, str]:
    """Timeline and rate of the latest events, for a notebook; in words, too."""
    from matplotlib import rc_context  # noqa: PLC0415 - only where something is drawn

    begin = events[-1]["at"] - 1000 * CHARTS_LOOK_BACK
    runs = Runs.of(event for event in events if event["at"] > begin)
    letters: Any = ("text.color", "axes.labelcolor", "xtick.color", "ytick.color")
    with rc_context(dict.fromkeys(letters, charts.INK)):  # legible on white and on black
        drawn = charts.figure(CHARTS_WIDTH, CHARTS_HEIGHT, columns=2)
        left, right = drawn.axes
        charts.timeline(left, runs)
        charts.throughput(right, runs)
        buffer = BytesIO()
        drawn.savefig(buffer, format="png", dpi=DPI, transparent=True)
    words = f"{charts.timeline_text(runs)}\n{charts.throughput_text(runs)}"
    # As HTML, for of a bare PNG JupyterLab reads no alternative text to anybody.
    source = f"data:image/png;base64,{b64encode(buffer.getvalue()).decode()}"
    size = f"width={CHARTS_WIDTH * DPI:.0f} height={CHARTS_HEIGHT * DPI:.0f}"
    return {"text/html": f'<img src="{source}" alt="{escape(words)}" {size}>', "text/plain": words}


_rooms: list[ControlRoom] = []


def control_room(workers: int = 3) -> ControlRoom:
    """Open the panel with its board and charts, and a pool of so many workers; `close()` ends it.

    It returns at once. Opened again, it closes the one before first.
    """
    room = ControlRoom(workers, list(_rooms))
    _rooms[:] = [room]
    return room
