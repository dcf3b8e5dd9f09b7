"""The board: true frames, from Redis and from a record alike, in a picture that keeps its shape."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace

import nbformat
import pytest
from helpers.clock import until
from helpers.notebooks import as_in_a_notebook, without_tags
from helpers.server import redis_queue
from hypothesis import given, settings
from hypothesis import strategies as st
from nbclient import NotebookClient

from imglab.errors import ImglabError
from imglab.queues import QueueSettings, TaskQueue
from imglab.queues.batches import BatchTask
from imglab.queues.vocabulary import EVENTS, Event
from imglab.views import boards
from imglab.views.board_sizes import BIG_SIZE, WORKER_ROWS
from imglab.views.board_table import (
    Film,
    board_html,
    sentence,
    sparkline,
)
from imglab.views.boards import Board
from imglab.views.frames import PLACES, Camera, Frame, Hold, frames
from imglab.views.html_table import GREY
from imglab.views.recordings import replay


def a_little_of_everything(queue) -> None:
    queue.add_tasks([{}] * 3)
    queue.add_task({}, "high")
    queue.add_task({}, "low", delay=100)
    first, second, third = queue.get_tasks("worker-1", 3)
    queue.mark_completed(first)
    queue.mark_failed(second, "no such file", retry=False)
    queue.cancel(queue.add_task({}))
    queue.release(third)
    queue.get_task("worker-2")


def film_of(*many: Frame) -> Film:
    film = Film()
    for frame in many:
        film.add(frame)
    return film


def test_a_frame_says_what_is_in_redis(queue):
    a_little_of_everything(queue)
    camera = Camera(queue)
    frame = camera.shoot()
    camera.close()
    stats = queue.get_stats()
    assert sum(frame.counts[each] for each in ("high", "normal", "low")) == stats.pending
    assert {each: frame.counts[each] for each in PLACES[3:]} == {
        "processing": 1,
        "delayed": 1,
        "completed": 1,
        "failed": 1,
        "cancelled": 1,
    }
    assert frame.ids["normal"] == queue.tasks("pending")
    (hold,) = frame.holds
    assert hold.worker == "worker-2"
    assert 0.9 < hold.left <= 1
    assert (frame.unfinished, frame.total) == (stats.unfinished, 1)


STEPS = st.lists(
    st.sampled_from(
        [
            "add",
            "high",
            "later",
            "claim",
            "several",
            "complete",
            "fail",
            "release",
            "cancel",
            "again",
        ]
    ),
    max_size=30,
)


def add_or_take_back(queue, step) -> None:
    """A step by a person."""
    match step:
        case "add" | "high":
            queue.add_task({}, "high" if step == "high" else "normal")
        case "later":
            queue.add_task({}, delay=1000)
        case "cancel":
            for task_id in [*queue.tasks("pending"), *queue.tasks("processing")][-1:]:
                queue.cancel(task_id)
        case "again":
            queue.requeue_failed(queue.tasks("cancelled"))


def end(queue, task, step) -> None:
    """The end of a try."""
    match step:
        case "complete":
            queue.mark_completed(task)
        case "fail":
            queue.mark_failed(task, "boom")
        case "release":
            queue.release(task)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_the_record_of_events_tells_the_same_as_redis(valkey, steps):
    with redis_queue(valkey, QueueSettings(backoff=1000, max_attempts=2)) as queue:
        held = []
        for number, step in enumerate(steps):
            if step in ("claim", "several"):
                held += queue.get_tasks(f"w-{number % 3}", 1 if step == "claim" else 3)
            elif step in ("complete", "fail", "release"):
                if held:
                    end(queue, held.pop(0), step)
            else:
                add_or_take_back(queue, step)
        camera = Camera(queue)
        seen = camera.shoot()
        camera.close()
        told = list(frames(queue.events()))[-1:] or [Frame.empty()]
        assert told[0].counts == seen.counts
        for place in ("high", "normal", "low", "completed", "failed", "cancelled"):
            assert told[0].ids[place] == seen.ids[place], place
        assert [(each.task, each.worker, each.attempt) for each in told[0].holds] == [
            (each.task, each.worker, each.attempt) for each in seen.holds
        ]


def test_a_record_of_the_queue_in_memory_replays_as_well():
    queue = TaskQueue()
    a_little_of_everything(queue)
    last = list(frames(queue.events()))[-1]
    assert last.counts == dict.fromkeys(PLACES, 1) | {"normal": 1, "high": 0, "low": 0}
    assert last.workers == ["worker-1", "worker-2"]


def test_a_record_has_a_frame_for_each_eighth_of_a_second():
    events = [{"at": at, "event": "added", "task": f"t{at}"} for at in (0, 130, 260, 1000)]
    assert [frame.at for frame in frames(events)] == [*range(0, 1000, 125), 1000]
    assert [frame.counts["normal"] for frame in frames(events)] == [1, 1, 2, 3, 3, 3, 3, 3, 4]


def frame_with(**more) -> Frame:
    empty = Frame.empty()
    counts = empty.counts | {key: more.pop(key) for key in list(more) if key in empty.counts}
    values = {"at": 0, "ids": empty.ids, "holds": [], "workers": [], "events": [], **more}
    return Frame(counts=counts, **values)


def test_the_picture_keeps_its_shape_whatever_happens():
    workers = [f"worker-{n}" for n in range(1, 4)]
    holds = [Hold("t1", "worker-2", 2, 0.5)]
    quiet, busy = frame_with(workers=workers), frame_with(workers=workers, holds=holds, normal=3000)
    film = film_of(quiet, busy)
    shapes = {
        re.sub(r">[^<]*<", "><", board_html(each, film, "q")).count("<tr") for each in (quiet, busy)
    }
    assert len(shapes) == 1


def test_the_cancelled_have_a_row_where_there_are_some():
    without, with_some = frame_with(failed=1), frame_with(failed=1, cancelled=3)
    film = film_of(without, with_some)
    assert "cancelled" not in without_tags(board_html(without, film, "q"))
    assert re.search(r"cancelled\s*✕✕✕\s*3", without_tags(board_html(with_some, film, "q")))


def test_a_queue_that_has_a_bound_and_no_room_is_called_full():
    full = frame_with(normal=1200, low=300, delayed=34, processing=3, max_pending=1534)
    assert "● full: 1,534 of 1,534" in without_tags(board_html(full, film_of(full), "q"))
    paused = replace(full, is_paused=True)
    assert "● paused, full: 1,534" in without_tags(board_html(paused, film_of(paused), "q"))
    for other in (replace(full, max_pending=1535), replace(full, max_pending=None)):
        assert "full" not in without_tags(board_html(other, film_of(other), "q"))


def test_a_board_sees_a_bound_that_somebody_sets_while_it_looks(queue):
    with closing(Camera(queue)) as camera:
        queue.add_tasks([{}, {}])
        assert camera.shoot().max_pending is None
        queue.change_settings(max_pending=2)
        assert camera.shoot().is_full
        queue.redis.hset(queue.keys.meta, "settings", "broken")
        assert camera.shoot().max_pending is None


def test_a_batch_has_a_row_with_what_became_of_its_tasks_while_it_is_on_its_way(queue):
    queue.begin_batch("holiday")
    tasks = [BatchTask(str(number), {}) for number in range(8)]
    queue.add_to_batch("holiday", tasks)
    queue.mark_completed(queue.get_task("ann"))
    queue.mark_failed(queue.get_task("ann"), "boom", retry=False)
    camera = Camera(queue)
    frame = camera.shoot()
    camera.close()
    picture = without_tags(board_html(frame, film_of(frame), "b"))
    assert "batch holiday" in picture
    assert "■" * 5 + "✕" * 5 + "□" * 30 in picture
    assert "25 %" in picture


def test_a_batch_that_was_over_long_ago_has_no_row(queue):
    queue.begin_batch("holiday")
    queue.add_to_batch("holiday", [BatchTask("a", {})])
    queue.mark_completed(queue.get_task("ann"))
    queue.close_batch("holiday")
    camera = Camera(queue)
    assert [each.name for each in camera.shoot().batches] == ["holiday"]
    queue.redis.hset(queue.keys.batches, "holiday:ended_at", 1)
    camera.close()
    camera = Camera(queue)
    assert camera.shoot().batches == []
    camera.close()


def test_many_tasks_are_summed_up_and_the_numbers_stay_exact():
    frame = frame_with(normal=3000, completed=12_345)
    text = without_tags(board_html(frame, film_of(frame), "q"))
    assert "3,000" in text
    assert "12,345" in text
    assert max(len(line) for line in text.splitlines()) < 200
    assert text.count("■") == 30
    assert "× 100" in text


def test_of_forty_workers_some_have_rows_and_the_others_are_counted():
    workers = [f"worker-{n}" for n in range(1, 41)]
    holds = [Hold(f"t{n}", name) for n, name in enumerate(workers[:38])]
    frame = frame_with(workers=workers, holds=holds)
    text = without_tags(board_html(frame, film_of(frame), "q"))
    assert "worker-8" in text
    assert "worker-9" not in text
    assert f"and {40 - WORKER_ROWS} more" in text
    assert "30 busy, 2 idle" in text


def test_a_worker_keeps_its_row_and_its_mark_after_it_is_gone():
    before, after = frame_with(workers=["ann", "bob"]), frame_with(workers=["bob"])
    film = film_of(before, after)
    text = without_tags(board_html(after, film, "q"))
    assert "① ann" in text
    assert "gone" in text
    assert "② bob" in text


def test_completed_tasks_show_who_did_them():
    events = [{"at": 0, "event": "completed", "task": "t1", "worker": "bob"}]
    ids = Frame.empty().ids | {"completed": ["t1", "t0"]}
    frame = frame_with(workers=["ann", "bob"], events=events, ids=ids, completed=2)
    text = without_tags(board_html(frame, film_of(frame), "q"))
    assert re.search(r"completed\s*② ·", text)


def test_nothing_from_a_task_or_a_worker_is_taken_for_html():
    evil = "<img src=x onerror=alert(1)>"
    events = [{"at": 0, "event": "failed", "task": evil, "reason": evil}]
    frame = frame_with(workers=[evil], holds=[Hold(evil, evil)], events=events)
    assert "<img" not in board_html(frame, film_of(frame), evil, note=evil)


def test_the_rate_is_that_of_the_last_half_second():
    still = [frame_with(at=at, total=0) for at in range(0, 2000, 125)]
    then = [frame_with(at=2000 + 125 * n, total=n * 10) for n in range(5)]
    film = film_of(*still, *then)
    assert film.rates()[-1] == pytest.approx(80)
    assert "now 80.0/s" in without_tags(board_html(then[-1], film, "q")), (
        "no average of the whole run"
    )
    assert film_of(*still).rates()[-1] == 0


def test_a_sparkline_rises_to_its_largest_value():
    assert sparkline([0, 1, 2, 4, 8]) == "▁▂▃▅█"
    assert sparkline([0, 0]) == "▁▁"


def test_every_event_of_a_queue_has_a_sentence():
    assert set(EVENTS) == set(Event)
    for event in Event:
        seen = {"task": "t1", "worker": "w1", "reason": "boom", "status": "failed"}
        told = sentence({"at": 0, "event": event, **seen})
        assert told.endswith(EVENTS[event].sentence.format(**seen))
    newer = sentence({"at": 0, "event": "frozen", "task": "t1"})
    assert newer.endswith("  t1 frozen")


def test_events_are_told_with_their_time_and_all_that_is_known_of_them(queue):
    a_little_of_everything(queue)
    queue.requeue_failed()
    lines = [sentence(event) for event in queue.events()]
    assert all(re.match(r"\d\d:\d\d:\d\d  \w", line) for line in lines)
    assert any("no such file" in line for line in lines)
    assert any("worker-2 claimed" in line for line in lines)


def test_an_empty_record_is_refused():
    with pytest.raises(ImglabError, match="nothing to replay"):
        replay([])


def test_a_board_goes_on_while_a_cell_is_busy_and_its_last_frame_stays_in_the_notebook(
    valkey, queue
):
    """A real kernel, not trusted by anybody: what is saved is a table of text."""
    cells = [
        "import time",
        "from imglab.views import board",
        "from imglab.queues import RedisTaskQueue",
        f"queue = RedisTaskQueue(url={valkey.url!r}, namespace={queue.namespace!r})",
        "with board(queue, 'my queue') as view:",
        "    for _ in range(20):",
        "        queue.add_task({})",
        "        queue.mark_completed(queue.get_task('worker-1'))",
        "        time.sleep(0.05)",
        "    busy = view.frames",
        "assert busy >= 4, busy",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("\n".join(cells))])
    NotebookClient(book, timeout=60, kernel_name="python3").execute()
    (shown,) = [each for each in book.cells[0].outputs if each.output_type == "display_data"]
    assert shown.data["text/plain"] == "<live queue view>"
    text = without_tags(shown.data["text/html"])
    assert "my queue" in text
    assert re.search(r"completed.*…20failed0", text)
    assert "<script" not in shown.data["text/html"]


def test_a_board_says_that_redis_is_away_and_for_a_while_that_it_was(own_server, monkeypatch):
    handle = SimpleNamespace(update=lambda _bundle, raw: raw)
    as_in_a_notebook(monkeypatch, lambda *_, **__: handle)
    with redis_queue(own_server) as queue:
        view = Board(queue)
        own_server.kill()
        until(lambda: "Redis is away" in view._draw())
        own_server.start()
        until(lambda: re.search(r"Redis was away for [\d.]+ s", view._draw()))
        monkeypatch.setattr(boards, "BACK_NOTE_S", 0.0)
        assert "Redis" not in view._draw()
        view.stop()


def test_a_big_board_has_room_for_eight_workers_on_a_small_projector(queue):
    a_little_of_everything(queue)
    with closing(Camera(queue)) as camera:
        frame = camera.shoot()
    everybody = [f"worker-{number}" for number in range(1, WORKER_ROWS + 1)]
    for workers, sentences in ((everybody[:3], 3), (everybody[:6], 2), (everybody, 0)):
        frame = replace(frame, workers=workers, silent={}, holds=[])
        html = board_html(frame, film_of(frame), "big", size=BIG_SIZE)
        assert "font-size:20px" in html
        # Each place, its title and its rate; then the events, which are in one row.
        assert len(re.findall(r"\d\d:\d\d:\d\d", html)) == sentences
    rows = [without_tags(each) for each in html.split("<tr")]
    assert max(map(len, rows)) <= 3 * BIG_SIZE.width


def test_on_a_calm_board_nothing_wanders_and_words_say_what_bars_say(queue):
    a_little_of_everything(queue)
    with closing(Camera(queue)) as camera:
        frame = camera.shoot()
    film = film_of(frame, replace(frame, at=frame.at + 400), replace(frame, at=frame.at + 500))
    held = [Hold("cat", "worker-2", 1, left) for left in (0.9, 0.1)]
    shown = {}
    for calm in (False, True):
        for left in held:
            html = board_html(replace(frame, holds=[left]), film, "", calm=calm)
            shown[calm, left] = without_tags(html)
            assert html.count("<tr") == board_html(frame, film, "").count("<tr")
    assert "lease held" in shown[True, held[0]]
    assert "lease ends soon" in shown[True, held[1]]
    for left in held:
        assert re.search("[▁▂▃▄▅▆▇█]", shown[False, left])
        assert not re.search("[▁▂▃▄▅▆▇█━╌]", shown[True, left])
        assert re.search(r"completed\W*■\D*1", shown[True, left]), "no number that moves along"


def test_a_calm_board_has_a_rate_though_its_frames_are_far_apart():
    first = Frame.empty()
    soon = replace(first, at=100)
    then = replace(first, at=2100, total=8)
    film = film_of(first, soon, then)  # it was no calm board before
    assert "now 4.0/s" in without_tags(board_html(then, film, "", calm=True))


def luminance(colour: str) -> float:
    """How bright a colour is, from 0 to 1, as the rules for readable pages have it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_grey_words_can_be_read_on_white_and_on_black():
    (grey,) = re.findall(r"#\w{6}", GREY)
    bright = luminance(grey) + 0.05
    assert 1.05 / bright >= 4.5
    assert bright / 0.05 >= 4.5


def test_words_have_the_pages_own_ink_or_its_grey(queue):
    a_little_of_everything(queue)
    with closing(Camera(queue)) as camera:
        frame = camera.shoot()
    frame = replace(frame, silent={"worker-1": "silent since 10:00:00"})
    html = board_html(frame, film_of(frame), "title", "Redis is away")
    for colour, words in re.findall(r'<span style="color:([^"]*)">([^<]*)<', html):
        assert colour == GREY or not re.search("[a-z]", words), words
