"""Waits against load: a table that fills while it runs, a chart, and the same as text."""

from __future__ import annotations

import pytest
from helpers.notebooks import as_in_a_notebook

from imglab.queues import TaskQueue
from imglab.views import charts, load_table
from imglab.views.load_points import LoadPoint, wait_in_theory

#: 10 ms of service, at 30, 80 and 120 %.
POINTS = [
    LoadPoint(30, 10, [0.0, 2.0, 4.0]),
    LoadPoint(80, 10, [10.0, 20.0, 60.0], backlog=4),
    LoadPoint(120, 10, [100.0, 200.0, 300.0], backlog=50),
]


def test_the_text_has_a_line_for_each_load_with_theory_beside_it():
    lines = charts.waits_text(POINTS).splitlines()
    assert lines[0].split() == ["busy", "half", "95", "%", "mean", "theory"]
    assert lines[1].split() == ["30", "%", "2", "ms", "4", "ms", "2", "ms", "2", "ms"]
    assert lines[2].split() == ["80", "%", "20", "ms", "60", "ms", "30", "ms", "20", "ms"]
    assert lines[3].split()[-2:] == ["no", "limit"]
    assert len({len(line) for line in lines}) == 1


def test_the_chart_shows_what_was_measured_and_the_curve_within_the_axes():
    axes = charts.figure().axes[0]
    half, most, mean, theory, limit = charts.waits(axes, POINTS, 10)
    assert list(half.get_xdata()) == pytest.approx([30, 80, 120])
    assert list(half.get_ydata()) == [2, 20, 200]
    assert list(most.get_ydata()) == [4, 60, 300]
    assert list(mean.get_ydata()) == [2, 30, 200]
    _, top = axes.get_ylim()
    assert max(theory.get_ydata()) <= top
    for x, y in zip(theory.get_xdata(), theory.get_ydata(), strict=True):
        assert y == pytest.approx(wait_in_theory(10, x / 100))
    assert list(limit.get_xdata()) == [100, 100]


def test_the_lines_of_a_chart_go_from_left_to_right_whatever_was_measured_first():
    axes = charts.figure().axes[0]
    half, *_ = charts.waits(axes, POINTS[::-1], 10)
    assert list(half.get_xdata()) == pytest.approx([30, 80, 120])


class Handle:
    """What a notebook gives for a display: it takes each new picture."""

    def update(self, bundle: dict, raw: bool) -> None:
        assert bundle["text/html"]
        assert raw


def test_the_table_has_a_row_for_each_load_and_says_what_is_in_line_meanwhile(monkeypatch):
    as_in_a_notebook(monkeypatch, lambda *_, **__: Handle())
    queue = TaskQueue()
    queue.add_tasks([{}] * 7)
    with load_table(queue, 10, loads=3, title="my <load>") as table:
        empty = table._draw()
        table.add(POINTS[0])
        table.add(POINTS[1])
        two = table._draw()
        table.add(POINTS[2])
    full = table._draw()
    assert empty.startswith('<table class="imglab-waits"')
    assert "my &lt;load&gt;" in empty
    assert "in line:    7" in two
    assert "■" * 7 in two
    assert "■" not in full
    # Each load adds a row in the place of one that waited for it: nothing jumps.
    assert empty.count("<tr") == two.count("<tr") == full.count("<tr")
    assert full.count("█") > two.count("█") > 0
    assert str(table) == charts.waits_text(POINTS)
