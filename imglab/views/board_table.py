"""A frame as a picture: an HTML table of characters, which no notebook strips and anybody can read.

It knows neither Redis nor notebooks: frames in, HTML out.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imglab.language import tr
from imglab.queues.batches import BatchState
from imglab.queues.bound import fullness
from imglab.queues.inspect import UNKNOWN
from imglab.queues.reasons import reason_in_words
from imglab.queues.vocabulary import PRIORITIES, Event, Status, meaning
from imglab.text import short, shown
from imglab.views.board_sizes import NORMAL_SIZE, WORKER_ROWS, Size
from imglab.views.frames import Frame, Hold
from imglab.views.html_table import (
    BAD,
    COLOURS,
    DONE,
    GREY,
    WAITING,
    alarm,
    cell,
    fixed_table,
    letters_wide,
    plain,
    row,
    row_head,
    tinted,
)
from imglab.views.live_view import FRAMES_A_SECOND
from imglab.views.place_words import PLACE_WORDS

#: Batches with a row of their own; `imglab batch` tells of the others.
BATCH_ROWS = 2
#: Bars of the sparkline.
BARS = 24
#: Milliseconds that a bar stands for.
BAR_MS = 500
#: A calm board says that a lease ends soon when no larger share of it is left. Whoever lives renews
#: it each third.
CALM_LEASE = 0.5
#: The most completed tasks whose worker is remembered.
REMEMBERED = 800

DELAYED = COLOURS[5]
CIRCLES = "①②③④⑤⑥⑦⑧⑨⑩"


class Film:
    """What a frame cannot know by itself: the rate so far, and which row each worker has."""

    def __init__(self) -> None:
        #: (milliseconds, completed tasks) of the latest frames.
        self._seen: deque[tuple[int, int]] = deque(maxlen=FRAMES_A_SECOND * BARS)
        #: Every worker there was, in the order of their coming: rows do not jump.
        self.workers: dict[str, int] = {}
        self._done_by: dict[str, str] = {}

    def add(self, frame: Frame) -> None:
        """Take note of the next frame."""
        self._seen.append((frame.at, frame.total))
        for worker in frame.workers:
            self.workers.setdefault(worker, len(self.workers))
        for event in frame.events:
            if event["event"] == Event.COMPLETED:
                self._done_by[event["task"]] = event.get("worker", UNKNOWN)
        while len(self._done_by) > REMEMBERED:
            oldest = next(iter(self._done_by))
            del self._done_by[oldest]

    def rate(self) -> float:
        """Tasks completed a second, of the last stretch of time."""
        if len(self._seen) < 2:
            return 0.0
        now, _ = self._seen[-1]
        *earlier, previous = list(self._seen)[:-1]
        inside = [each for each in earlier if each[0] >= now - BAR_MS]
        # Frames of a calm board are further apart than a bar is long: then it is since the last.
        first = inside[0] if inside else previous
        return _rate(first, self._seen[-1])

    def rates(self) -> list[float]:
        """Tasks completed a second, of the last stretches of time, oldest first."""
        if len(self._seen) < 2:
            return []
        now, _ = self._seen[-1]
        found = []
        for bar in range(BARS, 0, -1):
            begin = now - bar * BAR_MS
            inside = [each for each in self._seen if begin <= each[0] <= begin + BAR_MS]
            if len(inside) < 2:
                continue
            if inside[-1][0] > inside[0][0]:
                found.append(_rate(inside[0], inside[-1]))
        return found

    def colour(self, worker: str) -> str:
        """The colour a worker has from its first frame to the last."""
        return COLOURS[self.workers.get(worker, 0) % len(COLOURS)]

    def mark(self, worker: str) -> str:
        """The number of a worker, in a circle."""
        number = self.workers.get(worker, len(CIRCLES))
        return CIRCLES[number] if number < len(CIRCLES) else "●"

    def done_by(self, task: str) -> str:
        """Who completed a task; empty when that is too long ago."""
        return self._done_by.get(task, "")


def _rate(first: tuple[int, int], last: tuple[int, int]) -> float:
    """Tasks completed a second between two frames, each as its milliseconds and its total."""
    if last[0] <= first[0]:
        return 0.0
    # A queue that was cleared counts from 0 again: that is no negative rate.
    done = max(0, last[1] - first[1])
    return done * 1000 / (last[0] - first[0])


def board_html(
    frame: Frame,
    film: Film,
    title: str,
    note: str = "",
    size: Size = NORMAL_SIZE,
    *,
    calm: bool = False,
) -> str:
    """A frame as an HTML table that reads as text; `note` is what nobody shall miss.

    `calm` leaves out what moves: the bars of the rate, the numbers that wander, a shrinking lease.
    """
    return _Drawing(frame, film, size, calm).table(title, note)


def sparkline(values: Sequence[float]) -> str:
    """Values as a row of bars, the highest for the largest."""
    top = max(values, default=0) or 1
    return "".join("▁▂▃▄▅▆▇█"[min(7, int(8 * each / top))] for each in values)


@dataclass(frozen=True)
class _Drawing:
    """One frame on its way to be a table."""

    frame: Frame
    film: Film
    size: Size
    calm: bool

    def table(self, title: str, note: str) -> str:
        counts = self.frame.counts
        rows = self._title_rows(title, note)
        for priority in PRIORITIES:
            rows.append(self._count_row(PLACE_WORDS[priority], "■", WAITING, counts[priority]))
        worker_rows = self._worker_rows()
        rows += worker_rows
        rows.append(
            self._count_row(PLACE_WORDS[Status.DELAYED], "■", DELAYED, counts[Status.DELAYED])
        )
        completed = counts[Status.COMPLETED]
        rows.append(self._row(PLACE_WORDS[Status.COMPLETED], self._completed(), f"{completed:,}"))
        rows.append(self._count_row(PLACE_WORDS[Status.FAILED], "✕", BAD, counts[Status.FAILED]))
        cancelled = counts[Status.CANCELLED]
        if cancelled:  # few queues have any: theirs alone have this row
            rows.append(self._count_row(PLACE_WORDS[Status.CANCELLED], "✕", GREY, cancelled))
        batch_rows = [self._batch_row(each) for each in self.frame.batches[:BATCH_ROWS]]
        rows += batch_rows
        size = self.size
        sentences = min(size.sentences, size.rows - len(worker_rows) - len(batch_rows))
        if sentences > 0:
            rows.append(self._sentences_row(sentences))
        return fixed_table("live", rows, size.width, size.line_height, size.letter_px)

    def _row(self, label: str, middle: str, number: str) -> str:
        first, second, third = self.size.columns
        return row(
            [
                row_head(plain(short(shown(label), first - 1)), letters_wide(first)),
                cell(middle, letters_wide(second)),
                cell(plain(number), f"{letters_wide(third)};text-align:right"),
            ]
        )

    def _count_row(self, label: str, symbol: str, colour: str, count: int) -> str:
        return self._row(label, self._squares(count, symbol, colour), f"{count:,}")

    def _batch_row(self, batch: BatchState) -> str:
        """How far a batch is: a square for each share of its tasks."""
        squares = self.size.squares
        failed = math.ceil(squares * batch.failed / batch.tasks)
        others = squares * (batch.ended - batch.failed) // batch.tasks
        others = min(others, squares - failed)
        left = squares - failed - others
        picture = tinted("■" * others, DONE) + tinted("✕" * failed, BAD) + tinted("□" * left, GREY)
        percent = 100 * batch.ended // batch.tasks
        return self._row(tr("batch {name}", name=batch.name), picture, f"{percent} %")

    def _title_rows(self, title: str, note: str) -> list[str]:
        state = note
        if not state:
            state = self._state()
        # The first row settles the columns, so it has all three; its title runs over into the
        # second.
        first, second, third = self.size.columns
        head = row(
            [
                cell(
                    f"<b>{plain(title)}</b>   {alarm(plain(state))}",
                    f"{letters_wide(first)};overflow:visible",
                ),
                cell("", letters_wide(second)),
                cell("", letters_wide(third)),
            ]
        )
        bars = ""
        if not self.calm:
            bars = tinted(sparkline(self.film.rates()), DONE)
        left = tr("{count:,} left", count=self.frame.unfinished)
        # "now": it is that of the last half second, and a timeline tells that of the whole run.
        return [head, self._row(tr("now {rate:,.1f}/s", rate=self.film.rate()), bars, left)]

    def _state(self) -> str:
        """What is unusual about the queue, in a few words; mostly nothing."""
        frame = self.frame
        words = []
        if frame.is_paused:
            words.append(tr("paused"))
        if frame.is_full:
            words.append(fullness(frame.in_line, frame.max_pending))
        return ", ".join(words)

    def _squares(self, count: int, symbol: str, colour: str) -> str:
        """A symbol a task; with too many for the row, one for 10, 100, … of them; it says so."""
        if count <= self.size.squares:
            return tinted(symbol * count, colour)
        room = self.size.squares - 9  # for the note
        each = 10
        while count > each * room:
            each *= 10
        symbols = math.ceil(count / each)
        return tinted(symbol * symbols, colour) + tinted(f" × {each:,}", GREY)

    def _completed(self) -> str:
        """The latest completed tasks, each as the number of its worker; the latest comes first."""
        if self.calm:
            return self._squares(self.frame.counts[Status.COMPLETED], "■", DONE)
        most = self.size.squares // 2 - 3  # a circle may be wider than a letter
        film = self.film
        marks = []
        for task in self.frame.ids[Status.COMPLETED][:most]:
            worker = film.done_by(task)
            marks.append(tinted(film.mark(worker), film.colour(worker)) if worker else "·")
        is_cut = self.frame.counts[Status.COMPLETED] > len(marks)
        more = tinted(" …", GREY) if is_cut else ""
        return " ".join(marks) + more

    def _worker_rows(self) -> list[str]:
        held: dict[str, list[Hold]] = {}
        for hold in self.frame.holds:
            held.setdefault(hold.worker, []).append(hold)
        known = list(self.film.workers)
        if not known:
            return [self._row(tr("no worker yet"), "", "")]
        rows = [self._worker_row(name, held.get(name, [])) for name in known[:WORKER_ROWS]]
        others = known[WORKER_ROWS:]
        if others:
            rows.append(
                self._row(
                    tr("and {count} more", count=len(others)), self._summed_up(others, held), ""
                )
            )
        return rows

    def _summed_up(self, others: list[str], held: Mapping[str, list[Hold]]) -> str:
        """How many workers without a row of their own do what."""
        frame = self.frame
        here = [name for name in others if name in frame.workers and name not in frame.silent]
        busy = sum(name in held for name in here)
        words = tr("{busy} busy, {idle} idle", busy=busy, idle=len(here) - busy)
        silent = sum(name in frame.silent for name in others)
        if silent:
            words += tr(", {silent} silent", silent=silent)
        return words

    def _worker_row(self, name: str, holds: list[Hold]) -> str:
        frame = self.frame
        label = f"{self.film.mark(name)} {name}"
        if name in frame.silent:
            room = self.size.columns[1] - len("● ")
            return self._row(label, alarm(plain(short(shown(frame.silent[name]), room))), "")
        if not holds:
            words = tr("idle") if name in frame.workers else tr("gone")
            return self._row(label, tinted(words, GREY), "")
        first = holds[0]
        notes = []
        if first.attempt > 1:
            notes.append(tr("try {attempt}", attempt=first.attempt))
        if len(holds) > 1:
            notes.append(f"+{len(holds) - 1}")
        room = self.size.notes
        words = f"{short(shown(first.task), 12):12} {short(' '.join(notes), room):{room}}"
        colour = self.film.colour(name)
        lease = self._lease(first, colour)
        # The square has the colour, and not the words: not each of them can be read as letters.
        return self._row(label, f"{tinted('■', colour)} {plain(words)} {lease}", "")

    def _lease(self, hold: Hold, colour: str) -> str:
        """How much of a lease is left, as a bar that gets shorter; in a calm board as a word."""
        if self.calm:
            return tr("lease held") if hold.left > CALM_LEASE else tr("lease ends soon")
        letters = self.size.lease
        filled = round(letters * hold.left)
        bar = tinted("━" * filled, colour) + tinted("╌" * (letters - filled), GREY)
        return tr("lease {bar}", bar=bar)

    def _sentences_row(self, most: int) -> str:
        """The latest events in words; as many lines as ever, so that the board keeps its height."""
        width = self.size.width
        lines = [short(sentence(event), width) for event in self.frame.events[-most:]]
        while len(lines) < most:
            lines.insert(0, " ")
        text = "\n".join(plain(line) for line in lines)
        return row([cell(tinted(text, GREY), columns=3)])


def sentence(event: dict[str, Any]) -> str:
    """What happened, in words; an event of a newer version by its name."""
    known = meaning(event)
    template = known.sentence if known else tr("{task} {event}")
    parts = {"worker": UNKNOWN, "status": UNKNOWN, **event}
    parts["reason"] = reason_in_words(event.get("reason", ""))
    parts["task"] = short(shown(event["task"]), 16)
    words = template.format_map(parts)
    when = _time_of_day(event["at"])
    attempt = int(event.get("attempt", 1))
    if attempt > 1:
        words += tr(" (try {attempt})", attempt=attempt)
    return short(shown(f"{when}  {words}"), NORMAL_SIZE.width)


def _time_of_day(at: object) -> str:
    """Milliseconds as a time of day; a number that is no time stands as it is."""
    try:
        return time.strftime("%H:%M:%S", time.localtime(int(str(at)) / 1000))
    except (OverflowError, ValueError, OSError):
        return f"{at} ms"
