"""Threads beside processes: the same pictures whichever way, and what the figures mean."""

from __future__ import annotations

import re
import threading

import pytest
from helpers.clock import until
from helpers.notebooks import as_in_a_notebook, without_tags
from helpers.project import ROOT

from imglab.classroom import threads_or_processes as module
from imglab.classroom.threads_or_processes import WAYS, Comparison, compare, gil, turns
from imglab.errors import FilterError, QueueUnavailable
from imglab.queues import TaskQueue
from imglab.views.live_view import Live
from imglab.views.swimlanes import LANE_LETTERS, lanes, lanes_html

PICTURE = ROOT / "images" / "sample.jpg"


def test_s13_each_way_gives_the_same_picture_and_a_rate():
    found = compare(["blur:radius=2", "invert"], PICTURE, tasks=3)
    assert list(found) == ["blur:radius=2", "invert"]
    for each in found.values():
        assert each.agree
        assert set(each.rates) == set(WAYS)
        assert min(each.rates.values()) > 0


def test_a_way_that_gives_another_picture_is_told(monkeypatch):
    names = iter(range(1000))
    monkeypatch.setattr(module, "_measure", lambda *_: (1.0, [f"picture {next(names)}"]))
    assert not compare(["invert"], PICTURE)["invert"].agree


@pytest.mark.parametrize(
    ("threads", "processes", "words"),
    [
        (19.0, 19.5, "threads gain as well"),
        (9.0, 18.0, "only processes gain"),
        (11.0, 8.0, "neither gains"),
        (20.0, 9.0, "threads gain as well"),
    ],
)
def test_s13_the_conclusion_is_worded_by_the_figures(threads, processes, words):
    rates = {"one": 10.0, "threads": threads, "processes": processes}
    assert Comparison("blur", rates, agree=True).conclusion == words
    assert words in str(Comparison("blur", rates, agree=True))


def test_a_comparison_of_no_filter_is_refused():
    with pytest.raises(FilterError, match="No filter 'blurr'"):
        compare(["blurr"], PICTURE)


def test_s13_another_thread_gets_more_turns_from_blur_than_from_median():
    # A count, not a clock: while Pillow holds the GIL there are no turns to get.
    large = ROOT / "images" / "hubble.jpg"
    assert turns("median:size=7", large) < turns("blur:radius=20", large)
    assert gil() in {"on", "off"}


def test_lanes_show_each_workers_tasks_and_never_more_than_fits():
    queue = TaskQueue()
    assert "nobody yet" in without_tags(lanes_html(queue))
    queue.add_tasks([{}] * 5)
    for worker in ("thread-1", "thread-2", "thread-1"):
        queue.mark_completed(queue.get_task(worker))
    queue.get_task("thread-3")  # still at it
    rows = lanes_html(queue).split("</tr>")
    assert [re.search(r"(\d) tasks", row)[1] for row in rows[:3]] == ["2", "1", "1"]
    for row in rows[:3]:
        assert 1 <= len(re.findall("[█▓]", row)) <= LANE_LETTERS


class Recorded:
    """A queue of which only its events are asked: one task that took so many milliseconds."""

    def __init__(self, took: int) -> None:
        self.took = took

    def events(self):
        names = {"added": 0, "claimed": 0, "completed": self.took}
        return [
            {"at": at, "event": name, "task": "t", "worker": "thread-1"}
            for name, at in names.items()
        ]


def test_c15_lanes_say_how_long_they_are_for_a_long_run_looks_like_a_short_one():
    short, long = (lanes_html(Recorded(took)) for took in (2000, 4000))
    assert short.count("█") == long.count("█") == LANE_LETTERS
    assert f"2.0 s so far; each letter is {2000 / LANE_LETTERS:.0f} ms" in without_tags(short)
    assert f"4.0 s so far; each letter is {4000 / LANE_LETTERS:.0f} ms" in without_tags(long)


def test_a_live_view_moves_by_itself_and_ends_with_its_last_picture(monkeypatch):
    shown, pictures = [], iter(range(10_000))

    class Handle:
        def update(self, bundle, raw):
            shown.append(bundle["text/html"])

    as_in_a_notebook(monkeypatch, lambda *_, **__: Handle())
    with Live(lambda: str(next(pictures))) as view:
        until(lambda: len(shown) >= 2)
    assert shown == [str(n) for n in range(1, view.frames)]
    count = len(shown)
    view.stop()
    assert len(shown) == count
    assert not [each for each in threading.enumerate() if each.name == "live view"]
    queue = TaskQueue()
    with lanes(queue):
        queue.add_task({})
        queue.get_task("thread-1")
    assert "thread-1" in without_tags(shown[-1])


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (QueueUnavailable("No Redis <here>."), "No Redis &lt;here&gt;."),
        (
            ValueError("<odd> entry"),
            "This picture cannot be drawn: &lt;odd&gt; entry (ValueError).",
        ),
        (KeyError("at"), "This picture cannot be drawn: &#x27;at&#x27; (KeyError)."),
    ],
)
def test_a_live_view_says_when_it_cannot_look_and_goes_on(monkeypatch, error, sentence):
    shown, is_away = [], [True]

    class Handle:
        def update(self, bundle, raw):
            shown.append(bundle["text/html"])

    def picture():
        if is_away and shown:  # the first one is drawn by the cell itself
            raise error
        return "back"

    as_in_a_notebook(monkeypatch, lambda *_, **__: Handle())
    with Live(picture):
        until(lambda: sentence in shown)
        is_away.clear()
        until(lambda: shown[-1] == "back")
