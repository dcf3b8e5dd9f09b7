"""The heartbeat's stand-in: real workers in filters that hold the GIL, frozen and killed."""

from __future__ import annotations

import os
import signal
import time

import psutil
import pytest
from helpers.clock import until
from helpers.greedy import GREEDY_FILTER, greedy
from helpers.processes import is_alive
from helpers.server import redis_queue

from imglab.queues import QueueSettings
from imglab.workers import WorkerPool, WorkerSpec
from imglab.workers.standby import Standby


@pytest.fixture
def project(project):
    (project / "greedy_filter.py").write_text(GREEDY_FILTER)
    return project


def pool_of(queue, size: int = 1) -> WorkerPool:
    return WorkerPool(size, (), queue, imports=["greedy_filter"], grace=1)


def helpers_of(pid: int) -> list[psutil.Process]:
    return [each for each in psutil.Process(pid).children() if "standby" in str(each.cmdline())]


def test_a_filter_that_holds_the_gil_for_several_leases_keeps_its_task(project, valkey):
    with redis_queue(valkey, QueueSettings(lease=2)) as queue, pool_of(queue, 2) as pool:
        pids = pool.pids
        task_id = queue.add_task(greedy(8))
        assert pool.join(timeout=40)
        told = [event["event"] for event in queue.trace(task_id)]
        assert told == ["added", "claimed", "completed"]
        assert pool.pids == pids, "nobody was killed"


def test_the_helper_is_small_and_makes_a_connection_of_its_own_only_when_it_must(project, valkey):
    with redis_queue(valkey, QueueSettings(lease=3)) as queue, pool_of(queue) as pool:
        task_id = queue.add_task(greedy(8))
        pid = pool.pids["worker-1"]
        until((project / "begun").exists)
        (helper,) = until(lambda: helpers_of(pid))
        assert helper.memory_info().rss < 12_000_000
        queue.redis.client_kill_filter(_type="normal")
        until(lambda: "-c" in helper.cmdline())
        assert pool.join(timeout=30)
        assert queue.task(task_id).crashes == 0
        assert queue.task(task_id).status == "completed"


def test_a_worker_without_tasks_has_no_helper(project, queue):
    with pool_of(queue) as pool:
        assert helpers_of(pool.pids["worker-1"]) == []
        queue.add_task(greedy(0))
        assert pool.join(timeout=20)
        (helper,) = helpers_of(pool.pids["worker-1"])
    until(lambda: not is_alive(helper.pid))


def test_the_helper_is_another_one_once_the_settings_of_the_queue_are_others(queue):
    standby = Standby(WorkerSpec(name="ann", queue=queue.spec()), queue)
    standby.start()
    (first,) = helpers_of(os.getpid())
    standby.start()
    assert helpers_of(os.getpid()) == [first]
    queue.change_settings(lease=300)
    standby.start()
    (second,) = helpers_of(os.getpid())
    assert second != first
    assert "150.0" in second.cmdline(), "half a lease"
    standby.end()
    until(lambda: not is_alive(second.pid), seconds=30)


def test_a_task_that_holds_the_gil_beyond_its_time_limit_is_taken_away(project, valkey):
    settings = QueueSettings(lease=1, time_limit=2, max_crashes=1)
    with redis_queue(valkey, settings) as queue, pool_of(queue) as pool:
        began = time.monotonic()
        task_id = queue.add_task(greedy(1000))
        assert pool.join(timeout=30)
        assert time.monotonic() - began > 2
        assert queue.task(task_id).reason.startswith("worker worker-1 ")


def test_a_task_that_holds_the_gil_and_is_cancelled_ends_soon(project, valkey):
    with redis_queue(valkey, QueueSettings(lease=1)) as queue, pool_of(queue) as pool:
        task_id = queue.add_task(greedy(1000))
        until((project / "begun").exists)
        queue.cancel(task_id)
        assert pool.join(timeout=30)
        assert queue.task(task_id).crashes == 1


def test_a_frozen_worker_loses_its_lease_also_while_it_holds_the_gil(project, valkey):
    settings = QueueSettings(lease=1, max_crashes=1)
    with redis_queue(valkey, settings) as queue, pool_of(queue) as pool:
        task_id = queue.add_task(greedy(1000))
        until((project / "begun").exists)
        pid = pool.pids["worker-1"]
        deadline = queue.claims()[0].deadline
        until(lambda: queue.claims()[0].deadline > deadline)
        os.kill(pid, signal.SIGSTOP)
        until(lambda: queue.reap() == 1 or queue.task(task_id).crashes == 1)
        assert queue.task(task_id).status == "failed"


def test_the_helper_of_a_killed_worker_leaves_and_renews_nothing(project, valkey):
    settings = QueueSettings(lease=1, max_crashes=1)
    with redis_queue(valkey, settings) as queue, pool_of(queue) as pool:
        task_id = queue.add_task(greedy(1000))
        until((project / "begun").exists)
        pid = pool.pids["worker-1"]
        (helper,) = until(lambda: helpers_of(pid))
        pool.kill("worker-1")
        until(lambda: not is_alive(helper.pid))
        until(lambda: queue.task(task_id).status == "failed")
        assert "died (1 of 1)" in queue.task(task_id).reason
