"""A frame as a picture: an HTML table of characters, which no notebook strips and anybody can read.

It knows neither Redis nor notebooks: frames in, HTML out.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from imglab.queues.inspect import UNKNOWN
from imglab.queues.vocabulary import PRIORITIES, Event, Status, meaning
from imglab.text import short, shown
from imglab.views.frames import Frame, Hold
from imglab.views.html_table import (
    BAD,
    COLOURS,
    DONE,
    GREY,
    WAITING,
    cell,
    fixed_table,
    plain,
    row,
    tinted,
)
from imglab.views.live_view import FRAMES_A_SECOND

#: Squares in a row; with more tasks, each stands for several.
SQUARES = 40
#: Workers with a row of their own; the others are counted.
WORKER_ROWS = 8
#: Events in words, below.
SENTENCE_ROWS = 4
#: Bars of the sparkline.
BARS = 24
#: Milliseconds that a bar stands for.
BAR_MS = 500
#: Letters of the bar that shows how much of a lease is left.
LEASE_LETTERS = 10
#: Letters of the three columns: name, picture, number.
COLUMNS = (16, SQUARES + 6, 10)

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
        while len(self._done_by) > 20 * SQUARES:
            oldest = next(iter(self._done_by))
            del self._done_by[oldest]

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
            first_at, first_total = inside[0]
            last_at, last_total = inside[-1]
            if last_at > first_at:
                # A queue that was cleared counts from 0 again: that is no negative rate.
                done = max(0, last_total - first_total)
                found.append(done * 1000 / (last_at - first_at))
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


def board_html(frame: Frame, film: Film, title: str, note: str = "") -> str:
    """A frame as an HTML table that reads as text."""
    counts = frame.counts
    rows = _title_rows(frame, film, title, note)
    for priority in PRIORITIES:
        squares = _squares(counts[priority], "■", WAITING)
        rows.append(_row(f"pending {priority}", squares, f"{counts[priority]:,}"))
    rows += _worker_rows(frame, film)
    delayed = _squares(counts[Status.DELAYED], "■", DELAYED)
    rows.append(_row(Status.DELAYED, delayed, f"{counts[Status.DELAYED]:,}"))
    rows.append(_row(Status.COMPLETED, _completed(frame, film), f"{counts[Status.COMPLETED]:,}"))
    failed = _squares(counts[Status.FAILED], "✕", BAD)
    rows.append(_row(Status.FAILED, failed, f"{counts[Status.FAILED]:,}"))
    if counts[Status.CANCELLED]:  # few queues have any: theirs alone have this row
        cancelled = _squares(counts[Status.CANCELLED], "✕", GREY)
        rows.append(_row(Status.CANCELLED, cancelled, f"{counts[Status.CANCELLED]:,}"))
    rows.append(_sentences_row(frame.events))
    return fixed_table("live", rows, sum(COLUMNS))


def _row(label: str, middle: str, number: str) -> str:
    first, second, third = COLUMNS
    return row(
        [
            cell(plain(short(shown(label), 15)), f"width:{first}ch"),
            cell(middle, f"width:{second}ch"),
            cell(plain(number), f"width:{third}ch;text-align:right"),
        ]
    )


def _title_rows(frame: Frame, film: Film, title: str, note: str) -> list[str]:
    state = note
    if not state and frame.is_paused:
        state = "paused"
    # The first row settles the columns, so it has all three; its title runs over into the second.
    first, second, third = COLUMNS
    head = row(
        [
            cell(
                f"<b>{plain(title)}</b>   {tinted(plain(state), BAD)}",
                f"width:{first}ch;overflow:visible",
            ),
            cell("", f"width:{second}ch"),
            cell("", f"width:{third}ch"),
        ]
    )
    rates = film.rates()
    rate = rates[-1] if rates else 0.0
    bars = tinted(sparkline(rates), DONE)
    return [head, _row(f"{rate:,.1f} tasks/s", bars, f"{frame.unfinished:,} left")]


def sparkline(values: Sequence[float]) -> str:
    """Values as a row of bars, the highest for the largest."""
    top = max(values, default=0) or 1
    return "".join("▁▂▃▄▅▆▇█"[min(7, int(8 * each / top))] for each in values)


def _squares(count: int, symbol: str, colour: str) -> str:
    """One symbol a task; with too many for the row, one for 10, 100, … of them, and it says so."""
    if count <= SQUARES:
        return tinted(symbol * count, colour)
    room = SQUARES - 9  # for the note
    each = 10
    while count > each * room:
        each *= 10
    symbols = math.ceil(count / each)
    return tinted(symbol * symbols, colour) + tinted(f" × {each:,}", GREY)


def _completed(frame: Frame, film: Film) -> str:
    """The latest completed tasks, each as the number of its worker; the latest comes first."""
    most = SQUARES // 2 - 3  # a circle may be wider than a letter
    marks = []
    for task in frame.ids[Status.COMPLETED][:most]:
        worker = film.done_by(task)
        marks.append(tinted(film.mark(worker), film.colour(worker)) if worker else "·")
    more = tinted(" …", GREY) if frame.counts[Status.COMPLETED] > len(marks) else ""
    return " ".join(marks) + more


def _worker_rows(frame: Frame, film: Film) -> list[str]:
    held: dict[str, list[Hold]] = {}
    for hold in frame.holds:
        held.setdefault(hold.worker, []).append(hold)
    known = list(film.workers)
    if not known:
        return [_row("no worker yet", "", "")]
    rows = [_worker_row(name, held.get(name, []), frame, film) for name in known[:WORKER_ROWS]]
    others = known[WORKER_ROWS:]
    if others:
        rows.append(_row(f"and {len(others)} more", _summed_up(others, held, frame), ""))
    return rows


def _summed_up(others: list[str], held: Mapping[str, list[Hold]], frame: Frame) -> str:
    """How many workers without a row of their own do what."""
    here = [name for name in others if name in frame.workers and name not in frame.silent]
    busy = sum(name in held for name in here)
    words = f"{busy} busy, {len(here) - busy} idle"
    silent = sum(name in frame.silent for name in others)
    if silent:
        words += f", {silent} silent"
    return words


def _worker_row(name: str, holds: list[Hold], frame: Frame, film: Film) -> str:
    label = f"{film.mark(name)} {name}"
    if name in frame.silent:
        words = short(shown(frame.silent[name]), SQUARES + 6)
        return _row(label, tinted(plain(words), BAD), "")
    if not holds:
        words = "idle" if name in frame.workers else "gone"
        return _row(label, tinted(words, GREY), "")
    first = holds[0]
    notes = []
    if first.attempt > 1:
        notes.append(f"try {first.attempt}")
    if len(holds) > 1:
        notes.append(f"+{len(holds) - 1}")
    colour = film.colour(name)
    what = plain(f"■ {short(shown(first.task), 12):12} {short(' '.join(notes), 9):9}")
    return _row(label, f"{tinted(what, colour)} lease {_lease(first, colour)}", "")


def _lease(hold: Hold, colour: str) -> str:
    """How much of a lease is left, as a bar that gets shorter."""
    filled = round(LEASE_LETTERS * hold.left)
    return tinted("━" * filled, colour) + tinted("╌" * (LEASE_LETTERS - filled), GREY)


def _sentences_row(events: Sequence[dict[str, Any]]) -> str:
    """The latest events in words; as many lines as ever, so that the board keeps its height."""
    lines = [sentence(event) for event in events[-SENTENCE_ROWS:]]
    while len(lines) < SENTENCE_ROWS:
        lines.insert(0, " ")
    text = "\n".join(plain(line) for line in lines)
    return row([cell(tinted(text, GREY), columns=3)])


def sentence(event: dict[str, Any]) -> str:
    """What happened, in words; an event of a newer version by its name."""
    known = meaning(event)
    template = known.sentence if known else "{task} {event}"
    parts = {"worker": UNKNOWN, "reason": "", "status": UNKNOWN, **event}
    parts["task"] = short(shown(event["task"]), 16)
    words = template.format_map(parts)
    when = _time_of_day(event["at"])
    attempt = int(event.get("attempt", 1))
    if attempt > 1:
        words += f" (try {attempt})"
    return short(shown(f"{when}  {words}"), sum(COLUMNS))


def _time_of_day(at: object) -> str:
    """Milliseconds as a time of day; a number that is no time stands as it is."""
    try:
        return time.strftime("%H:%M:%S", time.localtime(int(str(at)) / 1000))
    except (OverflowError, ValueError, OSError):
        return f"{at} ms"
