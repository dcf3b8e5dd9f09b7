"""Lanes: a row for each thread or process, a block for each task, while they work."""

from __future__ import annotations

from functools import partial

from imglab.errors import ImglabError
from imglab.language import tr, tr_count
from imglab.queues import BaseQueue
from imglab.text import short, shown
from imglab.views.html_table import (
    COLOURS,
    GREY,
    MOST_LETTERS,
    cell,
    fixed_table,
    letters_wide,
    plain,
    row,
    row_head,
    tinted,
)
from imglab.views.live_view import Live
from imglab.views.runs import Run, Runs

#: Letters of the name, and of the number of tasks.
NAME_LETTERS = 13
COUNT_LETTERS = 11
#: Letters in a lane, with two between it and the number.
LANE_LETTERS = MOST_LETTERS - NAME_LETTERS - 2 - COUNT_LETTERS
#: The fewest seconds that a letter stands for.
SHORTEST_SLOT = 0.020
#: Letters of the three columns: name, lane, number of tasks.
COLUMNS = (NAME_LETTERS, LANE_LETTERS + 2, COUNT_LETTERS)
#: Two blocks in turn: neighbours are told apart without a colour.
BLOCKS = "█▓"


def lanes(queue: BaseQueue) -> Live:
    """Show a live view of who runs what when, for either kind of queue; stop it, or use `with`.

    It reads the queue's events, so begin with one that was cleared.
    """
    return Live(partial(lanes_html, queue), of=("lanes", queue))


def lanes_html(queue: BaseQueue) -> str:
    """The lanes so far, as an HTML table that reads as text."""
    try:
        runs = Runs.of(queue.events())
    except ImglabError:
        return _table([_row(tr("nobody yet"), "", _tasks(0))])
    slot = max(SHORTEST_SLOT, runs.seconds / LANE_LETTERS)
    rows = []
    for number, worker in enumerate(runs.workers):
        mine = runs.by(worker)
        lane = tinted(_lane(mine, slot), COLOURS[number % len(COLOURS)])
        rows.append(_row(worker, lane, _tasks(len(mine))))
    rows.append(_row("", tinted(_scale(slot, runs.seconds), GREY), ""))
    return _table(rows)


def _tasks(count: int) -> str:
    return tr_count("{count} tasks", "{count} tasks", count)


def _scale(slot: float, seconds: float) -> str:
    """How long a letter is, and all of it: the scale changes, so long runs look like short ones."""
    return tr(
        "{seconds:.1f} s so far; each letter is {slot:.0f} ms", seconds=seconds, slot=slot * 1000
    )


def _lane(runs: list[Run], slot: float) -> str:
    letters = [" "] * LANE_LETTERS
    for number, run in enumerate(runs):
        first = int(run.claimed / slot)
        last = max(first, int(run.ended / slot))
        for place in range(first, min(last + 1, LANE_LETTERS)):
            letters[place] = BLOCKS[number % 2]
    return "".join(letters).rstrip()


def _row(name: str, lane: str, count: str) -> str:
    first, second, third = map(letters_wide, COLUMNS)
    words = plain(short(shown(name), NAME_LETTERS - 1))
    head = cell(words, first)
    if words:
        head = row_head(words, first)
    return row([head, cell(lane, second), cell(count, third)])


def _table(rows: list[str]) -> str:
    return fixed_table("lanes", rows, sum(COLUMNS), line_height=1.3)
