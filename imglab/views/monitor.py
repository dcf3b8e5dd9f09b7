"""A monitor of one's own: a row a second, from a function that says how the queue is."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from imglab.language import tr
from imglab.queues.vocabulary import Status
from imglab.text import short, shown
from imglab.views.html_table import (
    GREY,
    MOST_LETTERS,
    alarm,
    cell,
    column_head,
    fixed_table,
    letters_wide,
    plain,
    row,
    tinted,
)
from imglab.views.live_view import Live
from imglab.views.place_words import PLACE_WORDS

#: Seconds from one look to the next.
EVERY_S = 1.0
#: The looks that are shown, the latest below.
ROWS = 10
#: What a look is: {"at" (ms), "depth" (status → tasks), "busy" (worker → task), "silent" (names)}.
Look = Mapping[str, Any]
#: The heads of the columns.
_HEADS = (
    tr("second"),
    PLACE_WORDS[Status.PENDING],
    PLACE_WORDS[Status.PROCESSING],
    PLACE_WORDS[Status.COMPLETED],
    PLACE_WORDS[Status.FAILED],
    tr("tasks/s"),
    tr("busy"),
    tr("silent"),
)
#: The columns, and the letters of each: its head, and a space before it.
COLUMNS = {head: len(head) + 1 for head in _HEADS}


def rate(before: Look, after: Look) -> float:
    """Tasks completed a second between two looks; 0 without time between, or after a clear."""
    seconds = (after["at"] - before["at"]) / 1000
    done = after["depth"][Status.COMPLETED] - before["depth"][Status.COMPLETED]
    if seconds <= 0 or done <= 0:
        return 0.0
    return float(done / seconds)


@dataclass(frozen=True)
class Row:
    """One look, as it is shown."""

    #: Seconds since the first look.
    second: int
    depth: Mapping[str, int]
    rate: float
    #: Worker → what it works on.
    busy: Mapping[str, str]
    silent: tuple[str, ...]

    @property
    def cells(self) -> list[str]:
        """The figures, one for each column."""
        tasks = (Status.PENDING, Status.PROCESSING, Status.COMPLETED, Status.FAILED)
        depths = [f"{self.depth[status]:,}" for status in tasks]
        return [
            str(self.second),
            *depths,
            f"{self.rate:.1f}",
            str(len(self.busy)),
            str(len(self.silent)),
        ]

    @property
    def words(self) -> str:
        """Which worker has what in hand, and who is silent."""
        parts = [f"{name}: {task}" for name, task in sorted(self.busy.items())]
        parts += [tr("{name}: silent", name=name) for name in self.silent]
        return "   ".join(parts)


class Monitor(Live):
    """What a function says of a queue, once a second; see `monitor`."""

    def __init__(self, look: Callable[[], Look], title: str) -> None:
        self.title = title
        self._look = look
        self._first: Look | None = None
        self._latest: Look | None = None
        #: The latest looks, oldest first.
        self.rows: deque[Row] = deque(maxlen=ROWS)
        super().__init__(self._draw, every=EVERY_S)

    def __str__(self) -> str:
        """The rows as text."""
        lines = [_line(COLUMNS)]
        lines += [_line(each.cells) for each in self.rows]
        return "\n".join(lines)

    def _draw(self) -> str:
        self._take(self._look())
        heads = [column_head(tinted(plain(each), GREY), "text-align:right") for each in COLUMNS]
        rows = [_heading(self.title), row(heads)]
        rows += [_figures(each.cells) for each in self.rows]
        missing = ROWS - len(self.rows)
        rows += [_figures([" "])] * missing  # it keeps its height
        latest = self.rows[-1]
        words = short(shown(latest.words), MOST_LETTERS - len("● ")) or tr("nobody is at work")
        said = alarm(plain(words)) if latest.silent else tinted(plain(words), GREY)
        rows.append(_wide(said))
        rows.append(_wide(" "))  # what stands below keeps its distance
        return fixed_table("monitor", rows, MOST_LETTERS)

    def _take(self, look: Look) -> None:
        """Make a row of one more look."""
        if self._first is None:
            self._first = look
        before = self._latest or look
        self._latest = look
        made = Row(
            second=round((look["at"] - self._first["at"]) / 1000),
            depth=look["depth"],
            rate=rate(before, look),
            busy=look["busy"],
            silent=tuple(look["silent"]),
        )
        self.rows.append(made)


def _heading(title: str) -> str:
    # The first row settles the columns, so it has all of them; its title runs over the others.
    cells = []
    words = f"<b>{plain(title)}</b>"
    for width in COLUMNS.values():
        cells.append(cell(words, f"{letters_wide(width)};overflow:visible"))
        words = ""
    return row(cells)


def _wide(html: str) -> str:
    return row([cell(html, columns=len(COLUMNS))])


def _figures(words: Any) -> str:
    return row(cell(plain(each), "text-align:right") for each in words)


def _line(words: Any) -> str:
    parts = [f"{each:>{width}}" for each, width in zip(words, COLUMNS.values(), strict=True)]
    return "".join(parts)


def monitor(look: Callable[[], Look], title: str = tr("your monitor")) -> Monitor:
    """Show what `look()` says of a queue, once a second: with `with`, or until its `stop()`.

    It returns a dict: "at" (milliseconds of Redis' clock), "depth" (status → tasks), "busy"
    (worker → what it works on) and "silent" (names). The rate is worked out from two looks.
    """
    return Monitor(look, title)
