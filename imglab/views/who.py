"""Who did what: all workers of a queue at a glance, however many machines they are on.

The board has a row for each of a few workers. A class has thirty: here each has a name, a bar and a
number, in two columns if need be, so that everybody finds their own from the last row.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from imglab.errors import ImglabError
from imglab.language import tr
from imglab.queues import RedisTaskQueue
from imglab.queues.inspect import FIRST_MARK, UNKNOWN
from imglab.queues.vocabulary import Event, Status
from imglab.text import short, shown
from imglab.views.frames import Camera, Frame
from imglab.views.html_table import (
    BAD,
    COLOURS,
    DONE,
    GREY,
    LETTER_PX,
    alarm,
    cell,
    fixed_table,
    letters_wide,
    plain,
    row,
    row_head,
    tinted,
)
from imglab.views.live_view import Live

#: Seconds between two looks.
EVERY_S = 0.25
#: Height of the letters that can be read from the last row, in pixels.
BIG_PX = 20
#: Lines to a letter's height.
LINE_HEIGHT = 1.25
#: Letters of the whole: with big letters, no wider than a small projector.
WIDTH = 62
#: Workers in one column; with more of them there are two.
ONE_COLUMN = 12
#: Rows of workers; those of whom no row is left are counted.
MOST_ROWS = 16
#: Letters of a number at the end of a worker's bar.
NUMBER_LETTERS = 5
#: Letters of a name with its mark: in one column, and in each of two.
NAME_LETTERS = (22, 16)
#: What a worker does: a sign, the words for it, and a colour; never a colour alone.
SIGNS = {
    "work": ("●", tr("at work")),
    "idle": ("○", tr("idle")),
    "away": ("✕", tr("not heard of")),
    "left": ("–", tr("has left")),
}
#: What stands below: the signs and their words.
LEGEND = "   ".join(f"{sign} {words}" for sign, words in SIGNS.values())
#: The colour of each of these signs.
SIGN_COLOURS = {"work": DONE, "idle": GREY, "away": BAD, "left": GREY}


@dataclass(frozen=True)
class Share:
    """What one worker did and does."""

    worker: str
    #: Tasks that it completed.
    done: int
    #: work, idle, away or left: a key of SIGNS.
    state: str

    def __str__(self) -> str:
        sign, words = SIGNS[self.state]
        return f"{sign} {shown(self.worker):<24} {self.done:>5}  {words}"


class Tally:
    """How many tasks each worker completed, counted from the queue's own events as they come."""

    def __init__(self, queue: RedisTaskQueue) -> None:
        self._queue = queue
        self._mark = FIRST_MARK
        self._done = Counter[str]()
        #: Everybody who was here, in the order of their coming: rows do not jump.
        self._workers: dict[str, None] = {}
        self._total = 0

    def shares(self, frame: Frame) -> list[Share]:
        """The share of each worker, with what it does in this frame."""
        if frame.total < self._total:  # somebody cleared the queue
            self._done.clear()
            self._workers.clear()
        self._total = frame.total
        self._mark, news = self._queue.events_after(self._mark)
        for event in news:
            if event["event"] == Event.COMPLETED:
                self._done[event.get("worker", UNKNOWN)] += 1
        self._workers.update(dict.fromkeys([*frame.workers, *self._done]))
        busy = {hold.worker for hold in frame.holds}
        return [self._share(name, frame, busy) for name in self._workers]

    def _share(self, name: str, frame: Frame, busy: set[str]) -> Share:
        state = "idle"
        if name in frame.silent:
            state = "away"
        elif name not in frame.workers:
            state = "left"
        elif name in busy:
            state = "work"
        return Share(name, self._done[name], state)


class Who(Live):
    """Who did what in a queue, drawn anew until `stop`; see `who`. `str()` has it as text."""

    def __init__(self, queue: RedisTaskQueue, title: str, *, big: bool) -> None:
        self.title = title
        self.big = big
        self._camera = Camera(queue)
        self._tally = Tally(self._camera.queue)
        self._frame = Frame.empty()
        #: What each worker did, as far as the last picture knows.
        self.shares: list[Share] = []
        super().__init__(self._draw, of=("who", queue), every=EVERY_S)

    def __str__(self) -> str:
        lines = [self._sum()]
        lines += [str(share) for share in self.shares]
        return "\n".join(lines)

    def stop(self) -> None:
        """Draw the last picture, which stays in the notebook, and give the connection back."""
        super().stop()
        self._camera.close()

    def begin_anew(self) -> None:
        """Forget what was counted, after the queue was cleared."""
        self._tally = Tally(self._camera.queue)

    def _draw(self) -> str:
        note = ""
        try:
            self._frame = self._camera.shoot()
            self.shares = self._tally.shares(self._frame)
        except ImglabError:  # the next picture tries again
            note = tr("Redis is away")
        if self._frame.is_paused:
            note = note or tr("paused")
        table = _Table(self.shares)
        rows = [
            table.settling(f"<b>{plain(self.title)}</b>   {alarm(plain(note))}"),
            table.wide(plain(self._sum())),
            *table.rows(),
            table.wide(tinted(LEGEND, GREY)),
        ]
        letters = BIG_PX if self.big else LETTER_PX
        return fixed_table("live", rows, WIDTH, LINE_HEIGHT, letters)

    def _sum(self) -> str:
        counts = self._frame.counts
        words = tr(
            "{left:,} left · {done:,} done",
            left=self._frame.unfinished,
            done=counts[Status.COMPLETED],
        )
        if counts[Status.FAILED]:
            words += tr(" · {failed:,} failed", failed=counts[Status.FAILED])
        here = sum(share.state in ("work", "idle") for share in self.shares)
        return words + tr(" · {here} workers here", here=here)


class _Table:
    """The rows of some shares: a worker in each of them, or two beside each other."""

    def __init__(self, shares: Sequence[Share]) -> None:
        self._shares = shares
        self._columns = 1
        if len(shares) > ONE_COLUMN:
            self._columns = 2
        self._name = NAME_LETTERS[self._columns - 1]
        self._bar = WIDTH // self._columns - self._name - NUMBER_LETTERS
        self._most = max((share.done for share in shares), default=0)

    def settling(self, html: str) -> str:
        """The first row, which settles the columns; its title runs over all of them."""
        cells = []
        for width in [self._name, self._bar, NUMBER_LETTERS] * self._columns:
            cells.append(cell(html, f"{letters_wide(width)};overflow:visible"))
            html = ""
        return row(cells)

    def wide(self, html: str) -> str:
        """A row of one sentence."""
        return row([cell(html, columns=3 * self._columns)])

    def rows(self) -> list[str]:
        """All workers; those of whom no row is left are counted."""
        if not self._shares:
            return [self.wide(tr("nobody has come yet"))]
        room = MOST_ROWS * self._columns
        height = min(MOST_ROWS, math.ceil(len(self._shares) / self._columns))
        rows = []
        for number in range(height):
            cells = []
            for place in range(number, min(room, len(self._shares)), height):
                cells += self._cells(place)
            rows.append(row(cells))
        others = self._shares[room:]
        if others:
            done = sum(share.done for share in others)
            rows.append(
                self.wide(tr("and {count} more, with {done:,} tasks", count=len(others), done=done))
            )
        return rows

    def _cells(self, place: int) -> list[str]:
        """Name, bar and number of one worker; the longest bar is that of whoever did most."""
        share = self._shares[place]
        sign, _ = SIGNS[share.state]
        letters = 0
        if self._most:
            letters = round((self._bar - 1) * share.done / self._most)
        name = plain(short(shown(share.worker), self._name - 3))
        return [
            row_head(f"{tinted(sign, SIGN_COLOURS[share.state])} {name}"),
            cell(tinted("█" * letters, COLOURS[place % len(COLOURS)])),
            cell(f"{share.done:,}", "text-align:right;padding-right:1ch"),
        ]


def who(queue: RedisTaskQueue, title: str = tr("Who did what"), *, big: bool = False) -> Who:
    """Show who did how many tasks of a queue, until `stop()`; `big` for the last row of a class.

    Everybody counts who works on this queue, on whichever machine.
    """
    return Who(queue, title, big=big)
