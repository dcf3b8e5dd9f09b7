"""How long tasks wait at which load: a table that fills while it runs, and a chart with theory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from imglab.language import tr
from imglab.queues import BaseQueue
from imglab.views.figures import INK, legend_beside, spread
from imglab.views.html_table import (
    COLOURS,
    GREY,
    WAITING,
    cell,
    column_head,
    fixed_table,
    letters_wide,
    plain,
    row,
    tinted,
)
from imglab.views.live_view import Live
from imglab.views.load_points import LoadPoint, wait_in_theory

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

#: The columns with figures, and the letters of each.
COLUMNS = {tr("busy"): 7, tr("half"): 9, "95 %": 9, tr("mean"): 9, tr("theory"): 9}
#: Letters of the longest bar, and the space before it.
BAR_LETTERS = 27
BAR_SPACE = 2
#: Letters of the whole.
WIDTH = sum(COLUMNS.values()) + BAR_SPACE + BAR_LETTERS
#: Points of theory's curve, so many that its bend looks round; and where it ends: it has no end.
CURVE_POINTS = 200
CURVE_ENDS = 0.99
#: How high the axes are, in longest waits.
HEADROOM = 1.1


class _Line(NamedTuple):
    """A line of the chart: within how many ms a share of the tasks was taken."""

    label: str
    share: float
    #: How matplotlib draws it.
    style: str


LINES = (
    _Line(tr("half of the tasks within"), 0.5, "o-"),
    _Line(tr("95 % of the tasks within"), 0.95, "s-"),
)


class LoadTable(Live):
    """A row for each load, with a bar; see `load_table`."""

    def __init__(self, queue: BaseQueue, service: float, loads: int, title: str) -> None:
        self.title = title
        #: What was measured so far, in its order.
        self.points: list[LoadPoint] = []
        self._queue = queue
        self._service = service
        self._loads = loads
        super().__init__(self._draw, of=("load table", queue))

    def __str__(self) -> str:
        return waits_text(self.points)

    def add(self, point: LoadPoint) -> None:
        """Show one more point, in the row of its own that waits for it."""
        self.points = [*self.points, point]  # another thread may be drawing the old list

    def _draw(self) -> str:
        points = self.points
        longest = max((point.within(0.95) for point in points), default=0.0)
        rows = [_heading(self.title), _heads()]
        for point in points:
            bar = _bar(point.within(0.95), longest)
            rows.append(_row(_figures(point), bar))
        if len(points) < self._loads:
            waiting = self._queue.get_stats().pending
            squares = tinted("■" * min(waiting, BAR_LETTERS), WAITING)
            rows.append(
                _wide(
                    tr(
                        "now running, in line: {waiting:4}  {squares}",
                        waiting=waiting,
                        squares=squares,
                    )
                )
            )
            rows += [_wide(" ")] * (self._loads - len(points) - 1)  # it keeps its height
        note = tr(
            "a task takes {service:.1f} ms; theory: the mean wait after a long time",
            service=self._service,
        )
        rows.append(_wide(tinted(plain(note), GREY)))
        return fixed_table("waits", rows, WIDTH)


def load_table(
    queue: BaseQueue, service: float, loads: int, title: str = tr("wait against load")
) -> LoadTable:
    """Show a live table of waits, a row for each of so many loads; stop it, or use `with`.

    `service` is how long a task takes, in milliseconds. `add` each point as it is measured;
    meanwhile it shows how many tasks are in line.
    """
    return LoadTable(queue, service, loads, title)


def waits(ax: Axes, points: Sequence[LoadPoint], service: float) -> list[Artist]:
    """Draw the waits against utilisation, with what theory says of their mean behind them.

    Theory's curve takes `service` milliseconds for a task, and ends where the axes do: at 100 %
    there is no limit any more.
    """
    points = sorted(points, key=attrgetter("utilisation"))  # a busy machine may turn two of them
    busy = [100 * point.utilisation for point in points]
    artists = list[Any]()
    for line, colour in zip(LINES, COLOURS, strict=False):
        values = [point.within(line.share) for point in points]
        artists += ax.plot(busy, values, line.style, color=colour, label=line.label)
    means = [point.mean for point in points]
    artists += ax.plot(busy, means, "^", color=COLOURS[2], label=tr("mean"))
    top = HEADROOM * max(point.within(0.95) for point in points)
    xs = [x for x in spread(0, CURVE_ENDS, CURVE_POINTS) if wait_in_theory(service, x) <= top]
    curve = [wait_in_theory(service, x) for x in xs]
    artists += ax.plot([100 * x for x in xs], curve, "--", color=INK, label=tr("theory, mean"))
    artists.append(ax.axvline(100, color=INK, linestyle=":", label=tr("all of its time")))
    ax.set_xlabel(tr("work that comes, as % of what one worker can do"))
    ax.set_ylabel(tr("wait in ms"))
    ax.set_ylim(0, top)
    legend_beside(ax)
    return artists


def waits_text(points: Sequence[LoadPoint]) -> str:
    """A line for each point: half and 95 % of the tasks waited no longer, the mean, theory's."""
    lines = [_text_line(list(COLUMNS))]
    lines += [_text_line(_figures(point)) for point in points]
    return "\n".join(lines)


def _figures(point: LoadPoint) -> list[str]:
    """The figures of a point, one for each column."""
    theory = wait_in_theory(point.service, point.utilisation)
    words = tr("no limit") if math.isinf(theory) else _ms(theory)
    return [
        f"{point.utilisation:.0%}".replace("%", " %"),
        _ms(point.within(0.5)),
        _ms(point.within(0.95)),
        _ms(point.mean),
        words,
    ]


def _ms(value: float) -> str:
    return f"{value:,.0f} ms"


def _bar(value: float, longest: float) -> str:
    letters = round(BAR_LETTERS * value / longest) if longest else 0
    return tinted("█" * letters, COLOURS[1])


def _text_line(words: Sequence[str]) -> str:
    pairs = zip(words, COLUMNS.values(), strict=True)
    return "".join(f"{word:>{width}}" for word, width in pairs)


def _heading(title: str) -> str:
    # The first row settles the columns, so it has all of them; its title runs over the others.
    cells = []
    words = f"<b>{plain(title)}</b>"
    for width in (*COLUMNS.values(), BAR_SPACE + BAR_LETTERS):
        cells.append(cell(words, f"{letters_wide(width)};overflow:visible"))
        words = ""
    return row(cells)


def _heads() -> str:
    cells = [column_head(tinted(plain(each), GREY), "text-align:right") for each in COLUMNS]
    words = tinted(tr("95 % within, as a bar"), GREY)
    return row([*cells, column_head(words, f"padding-left:{BAR_SPACE}ch")])


def _row(words: Sequence[str], bar: str) -> str:
    cells = [cell(plain(word), "text-align:right") for word in words]
    return row([*cells, cell(bar, f"padding-left:{BAR_SPACE}ch")])


def _wide(html: str) -> str:
    return row([cell(html, columns=len(COLUMNS) + 1)])
