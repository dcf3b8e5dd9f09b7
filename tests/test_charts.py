"""The charts: true to their numbers, in words as well as in pictures."""

from __future__ import annotations

import re
from io import BytesIO

import pytest
from helpers.notebooks import as_in_a_notebook
from PIL import Image

from imglab.errors import ImglabError
from imglab.queues import TaskQueue
from imglab.views import charts
from imglab.views.frames import frames
from imglab.views.runs import Run, Runs
from imglab.views.scaling import Law

#: Two workers, four tasks: t3 fails at first and is tried again, t4 is never done.
RECORD = [
    {"at": 1000 + ms, "event": event, "task": task, **more}
    for ms, event, task, more in [
        (0, "added", "t1", {"priority": "normal"}),
        (0, "added", "t2", {"priority": "normal"}),
        (0, "added", "t3", {"priority": "normal"}),
        (100, "claimed", "t1", {"worker": "w1"}),
        (200, "claimed", "t2", {"worker": "w2"}),
        (600, "completed", "t1", {"worker": "w1"}),
        (600, "claimed", "t3", {"worker": "w1"}),
        (800, "delayed", "t3", {"reason": "boom"}),
        (900, "promoted", "t3", {}),
        (1000, "completed", "t2", {"worker": "w2"}),
        (1000, "claimed", "t3", {"worker": "w2", "attempt": 2}),
        (2000, "completed", "t3", {"worker": "w2"}),
        (2000, "added", "t4", {"priority": "normal"}),
        (2100, "claimed", "t4", {"worker": "w1"}),
        (2500, "added", "t5", {"priority": "normal"}),
    ]
]
RUNS = Runs.of(RECORD)
RATES = {n: Law(10, 0.1, 0.01).throughput(n) for n in (1, 2, 4, 8)}


def axes():
    return charts.figure().axes[0]


def test_the_tries_of_a_record_have_their_waiting_apart_from_their_running():
    assert RUNS.runs == (
        Run("t1", "w1", 0.0, 0.1, 0.6, "completed"),
        Run("t2", "w2", 0.0, 0.2, 1.0, "completed"),
        Run("t3", "w1", 0.0, 0.6, 0.8, "delayed"),
        Run("t3", "w2", 0.9, 1.0, 2.0, "completed"),
        Run("t4", "w1", 2.0, 2.1, 2.5, ""),
    )
    assert RUNS.runs[3].waited == pytest.approx(0.1)
    assert RUNS.runs[3].ran == pytest.approx(1.0)
    assert RUNS.seconds == 2.5


def test_the_events_of_a_queue_are_such_a_record():
    queue = TaskQueue()
    queue.add_tasks([{}, {}])
    for task in queue.get_tasks("w", 2):
        queue.mark_completed(task)
    assert [run.outcome for run in Runs.of(queue.events()).runs] == ["completed"] * 2


def test_the_timeline_has_a_row_for_each_worker_and_a_bar_for_each_try():
    ax = axes()
    running, waiting, *others = charts.timeline(ax, RUNS)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["w1", "w2"]
    assert len(running.get_paths()) == len(waiting.get_paths()) == 3
    assert len(others[0].get_paths()) == 2
    assert [text.get_text() for text in ax.texts] == ["✕"]
    assert charts.timeline_text(RUNS).splitlines() == [
        "5 tries in 2.5 s by 2 workers.",
        "w1: 3 tries, busy for 1.1 s (44%), 1 not completed",
        "w2: 2 tries, busy for 1.8 s (72%)",
    ]


def test_the_throughput_counts_what_was_completed():
    (line,) = charts.throughput(axes(), RUNS)
    assert list(line.get_ydata()) == [1, 1, 1, 1]
    words = charts.throughput_text(RUNS)
    assert words == "3 tasks completed in 2.5 s: 1.2 a second, 1.0 in the best 1 s."


def test_the_depth_begins_and_ends_as_the_record_does():
    ax = axes()
    lines = {line.get_label(): list(line.get_ydata()) for line in charts.depth(ax, RECORD)}
    assert lines["pending"][0] == 3
    assert lines["pending"][-1] == lines["processing"][-1] == 1
    assert lines["completed"][-1] == 3
    assert "failed" not in lines
    assert charts.depth_text(RECORD).splitlines()[0] == "pending: at most 3, 1 at the end"


def test_the_depth_of_a_queue_that_was_idle_for_long_has_a_point_where_it_changes():
    hour = 3600 * 1000
    record = [
        {"at": begin + ms, "event": event, "task": f"t{begin}", "worker": "w1"}
        for begin in (0, hour)
        for ms, event in ((0, "added"), (400, "claimed"), (800, "completed"))
    ]
    lines = {line.get_label(): line for line in charts.depth(axes(), record)}
    times = list(lines["pending"].get_xdata())
    assert len(times) <= 2 * len(record)
    assert times[-1] == hour / 1000 + 0.8
    # What lasted less than a second is there, though an hour lies between.
    assert list(lines["pending"].get_ydata()).count(1) == 2
    assert charts.depth_text(record).splitlines() == [
        "pending: at most 1, 0 at the end",
        "processing: at most 1, 0 at the end",
        "completed: at most 2, 2 at the end",
    ]


def test_a_record_without_its_idle_frames_tells_the_same():
    told = list(frames(RECORD, 0.05))
    changed = list(frames(RECORD, 0.05, idle=False))
    assert len(changed) < len(told)
    counts = {frame.at: frame.counts for frame in changed}
    latest = changed[0].counts
    for frame in told:
        latest = counts.get(frame.at, latest)
        assert frame.counts == latest


def test_a_cancelled_try_is_none_that_was_completed_and_its_task_has_a_depth():
    steps = [(0, "added"), (500, "claimed"), (1000, "cancelled")]
    record = [{"at": at, "event": what, "task": "t1", "worker": "w1"} for at, what in steps]
    assert "1 not completed" in charts.timeline_text(Runs.of(record))
    assert charts.depth_text(record).splitlines()[-1] == "cancelled: at most 1, 1 at the end"


def test_the_latency_rises_to_all_tasks():
    lines = {line.get_label(): line for line in charts.latency(axes(), RUNS)}
    assert list(lines["running"].get_xdata()) == [0.5, 0.8, 1.0]
    assert list(lines["running"].get_ydata())[-1] == 100
    assert "running: half within 0.80 s" in charts.latency_text(RUNS)


def test_the_speed_up_shows_what_was_measured_the_ideal_the_cores_and_the_laws():
    ax = axes()
    lines = {line.get_label(): line for line in charts.speed_up(ax, RATES, cores=max(RATES))}
    cores = f"{max(RATES)} cores"
    assert set(lines) == {"ideal", "measured", cores, "Amdahl", "Universal Scalability"}
    assert list(lines["measured"].get_ydata()) == [RATES[n] / RATES[1] for n in RATES]
    words = charts.speed_up_text(RATES, cores=max(RATES))
    assert f"Universal Scalability, up to {max(RATES)} workers: 10.0% one at a time" in words
    assert "crosstalk 1.00%" in words
    assert "at its best with 9.5 workers" in words


def test_what_is_beyond_the_cores_bends_the_ideal_and_no_law():
    perfect = {1: 10.0, 2: 20.0, 3: 20.0, 4: 20.0}
    lines = {line.get_label(): line for line in charts.speed_up(axes(), perfect, cores=2)}
    assert max(lines["ideal"].get_ydata()) == 2
    assert "Amdahl, up to 2 workers: 0.0% one at a time" in charts.speed_up_text(perfect, cores=2)


def test_laws_and_ideal_meet_what_was_measured_also_without_one_worker():
    rates = {n: Law(10, 0.1, 0.01).throughput(n) for n in (2, 4, 6, 8)}
    lines = {line.get_label(): line for line in charts.speed_up(axes(), rates, cores=8)}
    measured = dict(zip(*lines["measured"].get_data(), strict=True))
    law = lines["Universal Scalability"]
    assert law.get_ydata()[-1] == pytest.approx(measured[8])
    ideal = lines["ideal"]
    assert ideal.get_ydata()[-1] == pytest.approx(8 / 2)
    assert ideal.get_ydata()[0] == pytest.approx(1 / 2)


def test_two_measurements_are_enough_for_a_chart_and_one_has_no_law():
    assert len(charts.speed_up(axes(), {1: 10, 2: 18}, cores=4)) == 4
    assert len(charts.speed_up(axes(), {1: 10}, cores=4)) == 3


def test_bars_carry_their_numbers():
    ax = axes()
    charts.bars(ax, {"threads": 1.25, "processes": 1.99}, "speed-up")
    assert [text.get_text() for text in ax.texts] == ["1.25", "1.99"]
    assert charts.bars_text({"threads": 1.25}, "×") == "threads  1.25 ×"


@pytest.mark.parametrize(
    "draw",
    [
        Runs.of,
        charts.depth_text,
        lambda record: charts.latency_text(Runs.of([*RECORD[:1], *RECORD[3:4]])),
    ],
)
def test_a_record_with_nothing_to_draw_is_said(draw):
    with pytest.raises(ImglabError, match="nothing to draw"):
        draw([])


def test_a_figure_becomes_a_picture_with_words_for_it_and_its_numbers(monkeypatch):
    shown = []
    as_in_a_notebook(monkeypatch, lambda data, **more: shown.append((data, more)))
    picture = charts.figure()
    charts.timeline(picture.axes[0], RUNS)
    charts.show(picture, "Who did what when", charts.timeline_text(RUNS) + " <b>")
    (data, more), (numbers, _) = shown
    with Image.open(BytesIO(data["image/png"])) as image:
        assert image.width > 400
    assert more["metadata"]["image/png"]["alt"] == "Who did what when"
    assert charts.timeline_text(RUNS) in numbers["text/html"]
    assert "&lt;b&gt;" in numbers["text/html"]
    # What differs from run to run must not be in the text that nbval compares.
    assert not re.search(r"\d", data["text/plain"] + numbers["text/plain"])
