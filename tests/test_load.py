"""A queue under load: moments that a seed settles, waits from a record, a real worker process."""

from __future__ import annotations

import itertools
import math
import statistics

import pytest
from helpers.server import redis_queue

from imglab.classroom import LoneWorker, arrivals, load
from imglab.errors import ImglabError
from imglab.queues import TaskQueue
from imglab.views.load_points import LoadPoint, wait_in_theory


def test_a_seed_settles_the_moments_and_another_rate_only_stretches_them():
    slow = arrivals.moments(100, 10, seed=3)
    assert slow == arrivals.moments(100, 10, seed=3)
    assert slow != arrivals.moments(100, 10, seed=4)
    assert slow == sorted(slow)
    assert 0 <= slow[0] < slow[-1] <= 10
    assert arrivals.moments(100, 20, seed=3) == pytest.approx([each / 2 for each in slow])


def test_the_gaps_between_arrivals_are_those_of_a_poisson_process():
    when = arrivals.moments(20_000, 100, seed=1)
    gaps = [later - earlier for earlier, later in itertools.pairwise(when)]
    # In such a process the gaps scatter as much as they are long: mean and deviation are equal.
    assert statistics.fmean(gaps) == pytest.approx(0.01, rel=0.02)
    assert statistics.stdev(gaps) == pytest.approx(0.01, rel=0.05)


def test_the_wait_begins_when_a_task_was_due_and_not_when_a_late_producer_sent_it():
    record = [
        {"at": 1500, "event": "added", "task": "a"},
        {"at": 1510, "event": "claimed", "task": "a"},
        {"at": 1520, "event": "completed", "task": "a"},
        {"at": 1600, "event": "added", "task": "b"},
        {"at": 1600, "event": "claimed", "task": "b"},
        {"at": 1630, "event": "completed", "task": "b"},
    ]
    point = load.point_of(record, {"a": 1010.0, "b": 1600.4}, rate=50)
    assert point.waits == (500.0, 0.0)
    assert point.service == 20
    assert point.utilisation == pytest.approx(1.0)


def test_a_share_of_the_tasks_waited_no_longer_than_said():
    point = LoadPoint(10, 10, [float(number) for number in range(100, 0, -1)])
    assert point.within(0.5) == 50
    assert point.within(0.95) == 95
    assert point.within(1) == 100
    assert point.within(0) == 1
    assert point.mean == 50.5


def test_the_wait_in_theory_is_that_of_constant_service():
    assert wait_in_theory(10, 0) == 0
    assert wait_in_theory(10, 0.5) == 5
    assert wait_in_theory(1, 0.95) / wait_in_theory(1, 0.8) == pytest.approx(4.75)
    assert wait_in_theory(10, 1) == math.inf


def test_the_arrivals_wait_as_theory_says_when_one_worker_serves_them():
    # The same arrivals, served in thought: each begins when it came and the one before is done.
    for utilisation in (0.3, 0.8):
        free = 0.0
        waits = []
        for moment in arrivals.moments(50_000, utilisation, seed=2):
            begins = max(moment, free)
            waits.append(begins - moment)
            free = begins + 1
        expected = wait_in_theory(1, utilisation)
        assert statistics.fmean(waits) == pytest.approx(expected, rel=0.1)


def test_the_depth_of_a_line_is_known_after_each_event():
    queue = TaskQueue()
    queue.add_tasks([{}, {}])
    queue.mark_completed(queue.get_task("worker-1"))
    queue.release(queue.get_task("worker-1"))
    assert load.depths(queue.events()) == [1, 2, 1, 1, 0, 1]


def test_a_slow_machine_has_fewer_tasks_to_do():
    shares = (0.5, 1.0)
    assert load.tasks_within(20, 5, shares) == load.TASKS
    # A task of 100 ms: 0.2 s at half of the load, 0.1 s at all of it.
    assert load.tasks_within(31, 100, shares) == 103
    assert load.tasks_within(1, 100, shares) == load.FEWEST


def test_a_real_worker_is_measured_and_waits_grow_with_the_load(project, valkey):
    with (
        redis_queue(valkey) as queue,
        LoneWorker("worker-1", "compute:ms=2", queue),
    ):
        service = load.service_time(queue, tasks=20)
        assert service > 2
        rare = load.measure(queue, 0.2 * 1000 / service, tasks=40)
        events = list(queue.events())
        often = load.measure(queue, 3 * 1000 / service, tasks=40)
    assert [len(point.waits) for point in (rare, often)] == [40, 40]
    assert len({event["task"] for event in events}) == 40
    assert rare.service >= 2
    # At three times of what it can do, most of the tasks are still in line when the last one comes.
    assert often.backlog > 10
    assert often.mean > rare.mean
    assert often.utilisation > 1 > rare.utilisation


def test_a_load_that_nobody_works_on_is_told(project, queue, monkeypatch):
    monkeypatch.setattr(load, "TIMEOUT_S", 0.1)
    with pytest.raises(ImglabError, match="is there a worker on this queue"):
        load.measure(queue, 1000, tasks=3)
