"""The widgets of the control room: buttons in rows, inputs, and the line that answers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from imglab import server
from imglab.classroom.controls.buttons import KEEP_ADDING, ROWS, STOP_ALL, Knob
from imglab.classroom.controls.status import Status
from imglab.language import tr
from imglab.queues.vocabulary import NORMAL, PRIORITIES

#: The row of the buttons that change what is seen.
VIEW = "View"
#: The rows that stand beside each other on one line of the panel.
LINES = (("Tasks",), ("Worker",), ("Pool", VIEW), ("Queue", "Redis"))


class View(NamedTuple):
    """A button that changes what is seen."""

    #: The words on it.
    label: str
    #: What it is for, when the pointer rests on it.
    tooltip: str


#: The buttons that change what is seen, and nothing else.
BIG = "Big letters"
CALM = "Calm"
CHARTS = "Charts"
VIEWS = {
    BIG: View(tr("Big letters"), tr("Letters that can be read from the last row")),
    CALM: View(
        tr("Calm"),
        tr("A board that changes every two seconds, without anything that moves"),
    ),
    CHARTS: View(tr("Charts"), tr("Who did what in the last minute, below the board")),
}
#: How many photographs a click adds at first, and the most that it may.
COUNT = 50
MOST = 500
#: The worker that is offered while there is none.
FIRST = "worker-1"
#: Two sizes of letters; all else follows from them. JupyterLab's own sizes are variables in CSS.
CSS = """<style>
.imglab-room {--jp-widgets-inline-margin: 1px; --jp-widgets-inline-height: 28px; overflow: hidden}
.imglab-room.imglab-big {--jp-widgets-font-size: 20px; --jp-widgets-inline-height: 36px}
.imglab-room .widget-hbox {flex-flow: row wrap; overflow: visible}
.imglab-room .widget-button, .imglab-room .widget-toggle-button {width: auto; padding: 0 8px}
.imglab-room .widget-html-content b {line-height: inherit}
/* To be heard, not seen: there is no room for it. */
.imglab-room .widget-text .widget-label {position: absolute; width: 1px; clip-path: inset(50%)}
.imglab-room .imglab-title {min-width: 4.4em; margin-left: 0}
.imglab-room .imglab-title:not(:first-child) {min-width: 0; margin-left: 14px}
.imglab-room .imglab-status {height: 40px; line-height: 20px; overflow: hidden}
.imglab-room.imglab-big .imglab-status {height: 52px; line-height: 26px; font-size: 20px}
.imglab-room .imglab-status .widget-html-content {line-height: inherit; font-size: inherit}
</style>"""


class Panel:
    """The widgets, what stands in them, and what they say. Any thread may change them."""

    def __init__(
        self, here: server.RedisServer, order: Callable[[Knob], None], *, big: bool, calm: bool
    ) -> None:
        import ipywidgets as widgets  # noqa: PLC0415 - only where there is a notebook

        self._widgets = widgets
        self._status = Status()
        #: What it says.
        self.line = widgets.HTML()
        self.line.add_class("imglab-status")
        self.inputs = self._make_inputs(here)
        self.buttons: dict[tuple[str, str], Any] = {}
        self.views = self._make_views({BIG: big, CALM: calm, CHARTS: not big})
        boxes = [self._box(names, here, order) for names in LINES]
        self.box = widgets.VBox([widgets.HTML(CSS), *boxes, self.line])
        self.box.add_class("imglab-room")
        self._resize()

    # What the room asks

    @property
    def is_big(self) -> bool:
        """Whether the letters are to be large."""
        return bool(self.views[BIG].value)

    @property
    def is_calm(self) -> bool:
        """Whether little is to move."""
        return bool(self.views[CALM].value)

    @property
    def has_charts(self) -> bool:
        """Whether the charts are to be seen."""
        return bool(self.views[CHARTS].value)

    def on_view(self, changed: Callable[[], None]) -> None:
        """Call this whenever somebody changes what is to be seen."""

        def follow(_change: object) -> None:
            self._resize()
            changed()

        for button in self.views.values():
            button.observe(follow, "value")

    # What the room says

    def ordered(self, meanwhile: str) -> None:
        """Say that somebody clicked."""
        self._status.ordered(meanwhile)
        self._say()

    def answered(self, sentence: str) -> None:
        """Say what came of the first of the orders."""
        self._status.answered(sentence)
        self._say()

    def end(self, sentence: str) -> None:
        """Take all buttons away, and say why."""
        self.box.children = [self.line]
        self._status.answered(sentence)
        self._say()

    def begin_anew(self) -> None:
        """Set the inputs as they were at first, and forget what was said."""
        self._status.begin_anew()
        self.inputs["count"].value = COUNT
        self.inputs["priority"].value = NORMAL
        self.inputs["worker"].index = 0

    def show(self, workers: list[str], *, is_adding: bool) -> None:
        """Offer these workers, and light the buttons of what is the case."""
        self._offer(workers or [FIRST])
        size = str(len(workers)) if workers else STOP_ALL
        for (row, key), button in self.buttons.items():
            is_lit = row == "Pool" and key == size
            if key == KEEP_ADDING:
                is_lit = is_adding
            button.button_style = "info" if is_lit else ""

    def _offer(self, workers: list[str]) -> None:
        worker = self.inputs["worker"]
        chosen = worker.value
        with worker.hold_sync():  # new options forget the choice; the browser shall not see it
            worker.options = workers
            worker.value = chosen if chosen in workers else workers[-1]

    def _say(self) -> None:
        self.line.value = self._status.html()

    # What it is made of

    def _make_inputs(self, here: server.RedisServer) -> dict[str, Any]:
        widgets = self._widgets
        where = tr("IMGLAB_REDIS_URL: left alone")
        if here.owned:
            where = tr("port {port}", port=here.port)
        layout = {"width": "5em"}
        count = widgets.IntText(COUNT, description=tr("How many photographs"), layout=layout)
        count.observe(self._correct, "value")
        narrow = {"width": "auto"}
        priority = widgets.Dropdown(options=PRIORITIES, value=NORMAL, layout=narrow)
        worker = widgets.Dropdown(options=[FIRST], layout=narrow)
        # Not among the arguments: ipywidgets 7 knows tooltips of buttons alone.
        count.tooltip = tr("How many, 1 to {most}", most=MOST)
        priority.tooltip = tr("Priority")
        worker.tooltip = tr("Which worker")
        where_it_is = widgets.Label(where)
        return {"count": count, "priority": priority, "worker": worker, "redis": where_it_is}

    def _correct(self, change: dict[str, Any]) -> None:
        """Bring a number that is out of bounds back, and say so."""
        asked = change["new"]
        allowed = min(max(asked, 1), MOST)
        if allowed != asked:
            self.inputs["count"].value = allowed
            self._status.remark(
                tr(
                    "A click adds 1 to {most} photographs: {asked} became {allowed}.",
                    most=MOST,
                    asked=asked,
                    allowed=allowed,
                )
            )
            self._say()

    def _make_views(self, at_first: dict[str, bool]) -> dict[str, Any]:
        return {
            key: self._widgets.ToggleButton(
                at_first[key], description=view.label, tooltip=view.tooltip
            )
            for key, view in VIEWS.items()
        }

    def _box(
        self, names: tuple[str, ...], here: server.RedisServer, order: Callable[[Knob], None]
    ) -> Any:
        parts = []
        for name in names:
            if name == VIEW:
                parts.append(self._title(tr("View")))
                parts += self.views.values()
                continue
            row = ROWS[name]
            parts.append(self._title(row.title))
            parts += [self.inputs[each] for each in row.widgets]
            for knob in row.knobs:
                button = self._button(knob, order)
                button.disabled = name == "Redis" and not here.owned
                self.buttons[name, knob.key] = button
                parts.append(button)
        return self._widgets.HBox(parts)

    def _title(self, words: str) -> Any:
        title = self._widgets.HTML(f"<b>{words}</b>")
        title.add_class("imglab-title")
        return title

    def _button(self, knob: Knob, order: Callable[[Knob], None]) -> Any:
        button = self._widgets.Button(description=knob.label, tooltip=knob.tooltip)
        button.on_click(partial(_pressed, order, knob))
        return button

    def _resize(self) -> None:
        if self.is_big:
            self.box.add_class("imglab-big")
        else:
            self.box.remove_class("imglab-big")


def _pressed(order: Callable[[Knob], None], knob: Knob, _button: object) -> None:
    order(knob)
