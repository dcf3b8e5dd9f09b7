"""A monitor of one's own: a row for each look, the rate between two, words for who does what."""

from __future__ import annotations

import pytest
from helpers.notebooks import as_in_a_notebook

from imglab.views import monitor
from imglab.views.monitor import ROWS, Monitor, rate


class Handle:
    """What a notebook gives for a display: it keeps each new picture."""

    def __init__(self) -> None:
        self.pictures: list[str] = []

    def update(self, bundle: dict, raw: bool) -> None:
        self.pictures.append(bundle["text/html"])


@pytest.fixture
def handle(monkeypatch):
    shown = Handle()

    def display(bundle: dict, **_: object) -> Handle:
        shown.update(bundle, raw=True)
        return shown

    as_in_a_notebook(monkeypatch, display)
    return shown


def look(second: float = 0, completed: int = 0, **parts: object) -> dict:
    depth = {"pending": 3, "processing": 1, "delayed": 0, "completed": completed, "failed": 0}
    return {"at": int(1000 * second), "depth": depth, "busy": {}, "silent": [], **parts}


def after(*looks: dict) -> Monitor:
    """A monitor that has had these looks, and no others."""
    left = iter(looks)
    last = looks[-1]
    shown = monitor(lambda: next(left, last))
    for _ in looks[1:]:
        shown._draw()
    shown.stop()
    return shown


def test_s18_a_rate_is_what_was_completed_between_two_looks():
    assert rate(look(10, 20), look(12.5, 30)) == 4


def test_there_is_no_rate_without_time_between_nor_after_a_clear():
    assert rate(look(10, 20), look(10, 30)) == 0
    assert rate(look(10, 20), look(11, 3)) == 0


def test_s18_it_looks_once_a_second(handle):
    assert after(look())._every == 1


def test_s18_each_look_is_a_row_and_the_rows_are_its_text(handle):
    lines = str(after(look(100), look(101, 4), look(102, 4))).splitlines()
    head = "second pending processing completed failed tasks/s busy silent"
    assert lines[0].split() == head.split()
    assert lines[1].split() == ["0", "3", "1", "0", "0", "0.0", "0", "0"]
    assert lines[2].split() == ["1", "3", "1", "4", "0", "4.0", "0", "0"]


def test_s18_it_says_who_works_on_what_and_who_is_silent(handle):
    after(look(busy={"worker-2": "images/rocket.jpg"}, silent=["worker-1"]))
    assert "worker-2: images/rocket.jpg   worker-1: silent" in handle.pictures[-1]


def test_it_keeps_the_latest_rows_and_its_height(handle):
    shown = after(*(look(second) for second in range(2 * ROWS)))
    assert len(shown.rows) == ROWS
    heights = {picture.count("<tr") for picture in handle.pictures}
    assert len(heights) == 1


def test_a_look_that_raises_is_a_sentence_and_the_next_one_is_tried(handle):
    answers = iter([ZeroDivisionError("of mine")])

    def wrong() -> dict:
        for error in answers:
            raise error
        return look()

    shown = monitor(wrong)
    assert "of mine (ZeroDivisionError)" in handle.pictures[0]
    shown.stop()
    assert len(shown.rows) == 1


def test_names_of_anybody_are_nothing_but_text(handle):
    after(look(silent=["<b>worker</b>"]))
    assert "&lt;b&gt;worker&lt;/b&gt;: silent" in handle.pictures[-1]
