"""Whoever has redis-cli writes into a queue's keys: every view shows it, and none of them ends."""

from __future__ import annotations

import json

import nbformat
import pytest
from nbclient import NotebookClient

from imglab.errors import ImglabError
from imglab.ops import doctor
from imglab.views import charts
from imglab.views.board_table import Film, board_html
from imglab.views.frames import Camera, frames
from imglab.views.key_space import keys
from imglab.views.runs import Runs
from imglab.views.swimlanes import lanes_html

#: Words that mean something to HTML, to a format, to a terminal, to a chart.
WORDS = ["<b>", "{x}", "{0.__class__}", "{", "%s", "$x_{", "[/x]", "\x1b[2J", "\u202e", "a\nb", ""]
#: Numbers that are none, and some that are no time.
NUMBERS = ["", "x", "-1", "1e400", "nan", "9" * 30, "9" * 5000, "²", "null"]


def odd_claims(queue) -> None:
    put = queue.redis.hset
    put(queue.keys.processing, "by-hand", "worker-1")
    for number, value in enumerate([*WORDS, *NUMBERS, "[]", "null", "[" * 10_000, '{"worker": 7}']):
        put(queue.keys.processing, f"odd-{number}", value)
        claim = {"worker": value, "attempt": value, "claimed_at": value, "deadline": value}
        put(queue.keys.processing, f"claim-{number}", json.dumps(claim))
        put(queue.keys.processing, value, json.dumps(claim))


def odd_workers(queue) -> None:
    for value in [
        *WORDS,
        *NUMBERS,
        "[]",
        "null",
        '{"seen": {}}',
        '{"seen": 1e999}',
        '{"seen": NaN}',
    ]:
        queue.redis.hset(queue.keys.workers, f"worker-{value}", value)
        record = {"seen": value, "task": value, "pid": value, "host": value}
        queue.redis.hset(queue.keys.workers, value, json.dumps(record))


def odd_events(queue) -> None:
    known = ["added", "claimed", "completed", "failed", "delayed", "repaired", "expired"]
    for name in [*known, "frozen", *WORDS]:
        queue.redis.xadd(queue.keys.events, {"event": name})
        queue.redis.xadd(queue.keys.events, {"event": name, "task": "odd"})
        for value in [*WORDS, *NUMBERS]:
            fields = dict.fromkeys(("task", "worker", "reason", "status", "priority"), value)
            numbers = dict.fromkeys(("attempt", "crashes", "wait", "at"), value)
            queue.redis.xadd(queue.keys.events, {"event": name, **fields, **numbers})
    queue.redis.xadd(queue.keys.events, {"no": "event"})
    queue.redis.xadd(queue.keys.events, {"": ""})


def odd_lists(queue) -> None:
    for key in (*queue.keys.lines, queue.keys.completed, queue.keys.failed):
        queue.redis.lpush(key, *WORDS, *NUMBERS)
    for number, value in enumerate([*WORDS, *NUMBERS]):
        queue.redis.zadd(queue.keys.delayed, {value: [float("inf"), -1.0, 1e300][number % 3]})


def odd_totals(queue) -> None:
    for name in ("claims", "completed", "failed", "paused", "reaped", "other"):
        queue.redis.hset(queue.keys.meta, name, "x{y}")


def odd_records(queue) -> None:
    for value in [*WORDS, *NUMBERS]:
        queue.redis.hset(queue.keys.task(value or "empty"), mapping={"payload": value, "": value})
    queue.redis.set(queue.keys.task("x"), "x")


ODDITIES = [odd_claims, odd_workers, odd_events, odd_lists, odd_totals, odd_records]


def see_board(queue) -> None:
    camera = Camera(queue)
    film = Film()
    frame = camera.shoot()
    film.add(frame)
    picture = board_html(frame, film, "odd")
    camera.close()
    assert "<b>" not in picture.replace("<b>odd</b>", "")


def see_replay(queue) -> None:
    film = Film()
    for frame in list(frames(queue.events()))[-3:]:
        film.add(frame)
        board_html(frame, film, "odd")


def see_lanes(queue) -> None:
    assert "<b>" not in lanes_html(queue)


def see_charts(queue) -> None:
    events = list(queue.events())
    try:
        runs = Runs.of(events)
    except ImglabError:  # nobody claimed anything
        return
    picture = charts.figure(columns=4)
    charts.timeline(picture.axes[0], runs)
    charts.throughput(picture.axes[1], runs)
    charts.depth(picture.axes[2], events)
    if runs.completed:
        charts.latency(picture.axes[3], runs)
    picture.canvas.draw()
    charts.timeline_text(runs)
    charts.throughput_text(runs)
    charts.depth_text(events)


def see_keys(queue) -> None:
    found = keys(queue)
    found._repr_html_()
    assert str(found)


def see_stats(queue) -> None:
    queue.get_stats()
    queue.workers()
    queue.claims()


def see_doctor(queue) -> None:
    doctor.examine(queue)


VIEWS = [see_board, see_replay, see_lanes, see_charts, see_keys, see_stats, see_doctor]


@pytest.mark.parametrize("odd", ODDITIES)
@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.filterwarnings("ignore:Glyph")  # a box stands for a letter that a chart's font has not
def test_a_view_shows_what_somebody_wrote_by_hand(queue, odd, view):
    queue.add_tasks([{}, {}])
    first, _ = queue.get_tasks("worker-1", 2)
    queue.mark_completed(first)
    odd(queue)
    view(queue)


def test_a_live_board_goes_on_when_somebody_writes_into_its_keys(valkey, queue):
    """A real kernel: the board draws on, and what is saved is a picture, not an error."""
    cells = [
        "import time",
        "from imglab.views import board, lanes, live_keys",
        "from imglab.queues import RedisTaskQueue",
        f"queue = RedisTaskQueue(url={valkey.url!r}, namespace={queue.namespace!r})",
        "def until_drawn(view):",
        "    before = view.frames",
        "    end = time.monotonic() + 20",
        "    while view.frames < before + 3:",
        "        assert time.monotonic() < end, view",
        "        time.sleep(0.05)",
        "with board(queue) as one, lanes(queue) as two, live_keys(queue) as three:",
        "    queue.redis.hset(queue.keys.processing, 'by-hand', 'worker-1')",
        "    queue.redis.hset(queue.keys.workers, 'worker-1', '[')",
        "    queue.redis.xadd(queue.keys.events, {'event': '{x}', 'task': '{y}'})",
        "    queue.redis.xadd(queue.keys.events, {'event': 'claimed'})",
        "    for view in (one, two, three): until_drawn(view)",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("\n".join(cells))])
    NotebookClient(book, timeout=60, kernel_name="python3").execute()
    pictures = [each for each in book.cells[0].outputs if each.output_type == "display_data"]
    assert len(pictures) == 3
    for picture in pictures:
        assert "cannot be drawn" not in picture.data["text/html"]
