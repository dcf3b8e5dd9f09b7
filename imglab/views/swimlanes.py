"""Lanes: a row for each thread or process, a block for each task, while they work."""

from __future__ import annotations

from html import escape

from imglab.errors import ImglabError
from imglab.queues import BaseQueue
from imglab.text import short
from imglab.views.board_table import CELL, COLOURS, GREY, tinted
from imglab.views.live_view import Live
from imglab.views.runs import Run, Runs

#: Letters in a lane, and the fewest milliseconds that one of them stands for.
WIDTH, SLOT = 60, 20
#: Two blocks in turn: neighbours are told apart without a colour.
BLOCKS = "█▓"


def lanes(queue: BaseQueue) -> Live:
    """A live view of who runs what when, for either kind of queue; stop it, or use `with`.

    It reads the queue's events, so begin with one that was cleared.
    """
    return Live(lambda: draw(queue))


def draw(queue: BaseQueue) -> str:
    """The lanes so far, as an HTML table that reads as text."""
    try:
        runs = Runs.of(queue.events())
    except ImglabError:
        return _table([("nobody yet", "", "0 tasks")])
    slot = max(SLOT / 1000, runs.seconds / WIDTH)
    mine = {name: [run for run in runs.runs if run.worker == name] for name in runs.workers}
    rows = [
        (name, tinted(_lane(tasks, slot), COLOURS[row % len(COLOURS)]), f"{len(tasks)} tasks")
        for row, (name, tasks) in enumerate(mine.items())
    ]
    return _table([*rows, ("", tinted(f"each letter: {slot * 1000:.0f} ms", GREY), "")])


def _lane(runs: list[Run], slot: float) -> str:
    letters = [" "] * WIDTH
    for number, run in enumerate(runs):
        first, last = int(run.claimed / slot), max(int(run.claimed / slot), int(run.ended / slot))
        for place in range(first, min(last + 1, WIDTH)):
            letters[place] = BLOCKS[number % 2]
    return "".join(letters).rstrip()


def _table(rows: list[tuple[str, str, str]]) -> str:
    widths = (14, WIDTH + 2, 10)
    lines = [
        "".join(
            f'<td style="{CELL};width:{width}ch">{each}</td>'
            for width, each in zip(widths, (escape(short(name, 13)), lane, count), strict=True)
        )
        for name, lane, count in rows
    ]
    body = "".join(f'<tr style="background:transparent">{line}</tr>' for line in lines)
    style = "table-layout:fixed;border-collapse:collapse;border:none;margin:0;line-height:1.3"
    style += f";font-family:monospace;font-size:13px;width:{sum(widths)}ch"
    return f'<table class="imglab-lanes" style="{style}">{body}</table>'
