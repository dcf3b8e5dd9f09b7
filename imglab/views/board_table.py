"""A frame as a picture: an HTML table of characters, which no notebook strips and anybody can read.

It knows neither Redis nor notebooks: frames in, HTML out.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from html import escape
from typing import Any

from imglab.queues import PRIORITIES
from imglab.text import short
from imglab.views.frames import Frame, Hold

#: Frames a second.
RATE = 8
#: Squares in a row; with more tasks, each stands for several.
WIDTH = 40
#: Workers with a row of their own; the others are counted.
ROWS = 8
#: Events in words, below.
WORDS = 4
#: Bars of the sparkline, and the seconds of each.
BARS, SECONDS = 24, 0.5

#: Okabe and Ito's colours, which differ for colour-blind eyes, dark enough on white and light
#: enough on black; a worker is known by its number, too.
COLOURS = ("#2080C8", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#B8860B", "#7B68C8", "#808080")
GREY, WAITING, DONE, BAD = "#8a8a8a", "#6d87a8", "#2e9e6b", "#c4453c"
CIRCLES = "①②③④⑤⑥⑦⑧⑨⑩"
#: What an event is called in a sentence.
SENTENCES = {
    "added": "{task} added",
    "claimed": "{worker} claimed {task}",
    "completed": "{worker} completed {task}",
    "failed": "{task} failed: {reason}",
    "delayed": "{task} waits to be tried again: {reason}",
    "promoted": "{task} is due, back in its line",
    "released": "{task} given back",
    "expired": "{worker} lost {task}",
    "requeued": "{task} gets a fresh start",
}
TEXT = "<live queue view>"


class Film:
    """The frames so far, as far as the next one needs them: rates, and rows that stay."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, int]] = deque(maxlen=RATE * BARS)
        #: Every worker there was, in the order of their coming: rows do not jump.
        self.workers: dict[str, int] = {}
        self._done_by: dict[str, str] = {}

    def add(self, frame: Frame) -> None:
        """The next frame."""
        self._seen.append((frame.at, frame.total))
        for worker in frame.workers:
            self.workers.setdefault(worker, len(self.workers))
        for event in frame.events:
            if event["event"] == "completed":
                self._done_by[event["task"]] = event["worker"]
        while len(self._done_by) > 20 * WIDTH:
            del self._done_by[next(iter(self._done_by))]

    def rates(self) -> list[float]:
        """Tasks completed a second, of the last stretches of time, oldest first."""
        if len(self._seen) < 2:
            return []
        end, step, found = self._seen[-1][0], int(SECONDS * 1000), []
        for bar in range(BARS, 0, -1):
            inside = [
                (at, total)
                for at, total in self._seen
                if end - bar * step <= at <= end - (bar - 1) * step
            ]
            if len(inside) > 1 and inside[-1][0] > inside[0][0]:
                (begin, before), (stop, after) = inside[0], inside[-1]
                found.append(max(0, after - before) * 1000 / (stop - begin))
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


def draw(frame: Frame, film: Film, title: str, note: str = "") -> str:
    """A frame as an HTML table that reads as text."""
    rows = [_title(frame, film, title, note)]
    for priority in PRIORITIES:
        squares = _squares(frame.counts[priority], "■", WAITING)
        rows.append(_row(f"pending {priority}", squares, frame.counts[priority]))
    rows += _worker_rows(frame, film)
    rows.append(
        _row("delayed", _squares(frame.counts["delayed"], "■", COLOURS[5]), frame.counts["delayed"])
    )
    rows.append(_row("completed", _completed(frame, film), frame.counts["completed"]))
    rows.append(_row("failed", _squares(frame.counts["failed"], "✕", BAD), frame.counts["failed"]))
    rows.append(_words(frame.events))
    return f'<table class="imglab-live" style="{TABLE}">{"".join(rows)}</table>'


#: Columns of fixed width, whatever is in them: nothing jumps.
COLUMNS = (16, WIDTH + 6, 10)
TABLE = (
    "table-layout:fixed;border-collapse:collapse;border:none;margin:0;"
    f"font-family:monospace;font-size:13px;line-height:1.45;width:{sum(COLUMNS)}ch"
)
CELL = "text-align:left;padding:1px 0;white-space:pre;overflow:hidden;border:none"


def _row(label: str, middle: str, count: int | str) -> str:
    number = f"{count:,}" if isinstance(count, int) else escape(count)
    first, second, third = (f"{CELL};width:{each}ch" for each in COLUMNS)
    return (
        f'<tr style="background:transparent"><td style="{first}">{escape(short(label, 15))}</td>'
        f'<td style="{second}">{middle}</td>'
        f'<td style="{third};text-align:right">{number}</td></tr>'
    )


def _wide(html: str) -> str:
    return f'<tr style="background:transparent"><td colspan="3" style="{CELL}">{html}</td></tr>'


def tinted(html: str, value: str) -> str:
    """The same in a colour; nothing for nothing."""
    return f'<span style="color:{value}">{html}</span>' if html else ""


def _title(frame: Frame, film: Film, title: str, note: str) -> str:
    rates = film.rates()
    rate = rates[-1] if rates else 0.0
    bars = tinted(sparkline(rates), DONE)
    state = note or ("paused" if frame.is_paused else "")
    # The first row settles the columns, so it has all three; its title runs over into the second.
    first, second, third = (f"{CELL};width:{each}ch" for each in COLUMNS)
    head = (
        f'<tr style="background:transparent"><td style="{first};overflow:visible">'
        f"<b>{escape(title)}</b>   {tinted(escape(state), BAD)}</td>"
        f'<td style="{second}"></td><td style="{third}"></td></tr>'
    )
    return head + _row(f"{rate:,.1f} tasks/s", bars, f"{frame.unfinished:,} left")


def sparkline(values: Sequence[float]) -> str:
    """Values as a row of bars, the highest for the largest."""
    top = max(values, default=0) or 1
    return "".join("▁▂▃▄▅▆▇█"[min(7, int(8 * each / top))] for each in values)


def _squares(count: int, symbol: str, colour: str) -> str:
    """One symbol a task; with too many for the row, one for 10, 100, … of them, and it says so."""
    each, room = 1, WIDTH
    while count > each * room:
        each, room = each * 10, WIDTH - 9
    note = f" × {each:,}" if each > 1 else ""
    return tinted(symbol * -(-count // each), colour) + tinted(note, GREY)


def _completed(frame: Frame, film: Film) -> str:
    """The latest completed tasks, each as the number of its worker; the latest comes first."""
    marks = []
    for task in frame.ids["completed"][: WIDTH // 2 - 3]:  # a circle may be wider than a letter
        worker = film.done_by(task)
        marks.append(tinted(film.mark(worker), film.colour(worker)) if worker else "·")
    more = frame.counts["completed"] > len(marks)
    return " ".join(marks) + (tinted(" …", GREY) if more else "")


def _worker_rows(frame: Frame, film: Film) -> list[str]:
    held: dict[str, list[Hold]] = {}
    for hold in frame.holds:
        held.setdefault(hold.worker, []).append(hold)
    known = list(film.workers)
    rows = [_worker(name, held.get(name, []), name in frame.workers, film) for name in known[:ROWS]]
    if rest := known[ROWS:]:
        busy = sum(name in held for name in rest)
        here = sum(name in frame.workers for name in rest)
        rows.append(_row(f"and {len(rest)} more", f"{busy} busy, {here - busy} idle", ""))
    return rows or [_row("no worker yet", "", "")]


def _worker(name: str, holds: list[Hold], is_here: bool, film: Film) -> str:
    label = f"{film.mark(name)} {name}"
    if not holds:
        return _row(label, tinted("idle" if is_here else "gone", GREY), "")
    first = holds[0]
    notes = [f"try {first.attempt}"] * (first.attempt > 1) + [f"+{len(holds) - 1}"] * (
        len(holds) > 1
    )
    filled = round(10 * first.left)
    lease = tinted("━" * filled, film.colour(name)) + tinted("╌" * (10 - filled), GREY)
    what = escape(f"■ {short(first.task, 12):12} {short(' '.join(notes), 9):9}")
    return _row(label, f"{tinted(what, film.colour(name))} lease {lease}", "")


def _words(events: Sequence[dict[str, Any]]) -> str:
    lines = [sentence(event) for event in events[-WORDS:]]
    lines = [" "] * (WORDS - len(lines)) + lines
    return _wide(tinted("\n".join(escape(line) for line in lines), GREY))


def sentence(event: dict[str, Any]) -> str:
    """What happened, in words."""
    parts = {"worker": "?", "reason": "", **event, "task": short(str(event["task"]), 16)}
    when = time.strftime("%H:%M:%S", time.localtime(int(event["at"]) / 1000))
    words = SENTENCES.get(event["event"], "{task} " + str(event["event"])).format(**parts)
    attempt = int(event.get("attempt", 1))
    words += f" (try {attempt})" if attempt > 1 else ""
    return short(f"{when}  {words}", sum(COLUMNS))
