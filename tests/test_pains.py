"""The five pains of those who use task queues, as issue trackers tell them: none of them here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
from helpers.clock import until
from helpers.own_filters import HOLD
from helpers.server import Server, redis_queue

from imglab.errors import ImageError
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.workers import Worker, WorkerPool

#: A module with filters that take long, fail, or kill their process.
TROUBLE = ["imglab.classroom.troublemakers"]


class NoWorker(Worker):
    """A worker whose work is nothing; every tenth task is beyond it."""

    def process(self, task):
        if task.payload.get("n", 1) % 10 == 0:
            raise ImageError("There is no such picture.")
        return {"n": task.payload.get("n")}


def photo(name: str, *filters: dict) -> dict:
    output = f"output/{name}.png"
    return {"image_path": "images/sample.png", "output_path": output, "filters": list(filters)}


def busy(ms: int) -> dict:
    return {"name": "busy", "ms": ms}


@pytest.fixture
def held(project) -> Path:
    """A project with `hold`; where it says that it has begun, and waits for `go`."""
    (project / "hold_filter.py").write_text(HOLD)
    return project


def restart(server: Server) -> None:
    server.kill()
    time.sleep(0.3)  # all of them notice
    server.start()


def cut(server: Server) -> None:
    with RedisTaskQueue(url=server.url) as admin:
        admin.redis.client_kill_filter(_type="normal")


def now() -> float:
    """Milliseconds, as in all events: the servers are on this very machine."""
    return time.time() * 1000


def shown_life(queue: RedisTaskQueue, since: float) -> int:
    """How many workers have asked for work since then."""
    return sum(record["seen"] > since for record in queue.workers().values())


# 1


@pytest.mark.parametrize("strike", [restart, cut])
def test_pain_1_a_silent_stall_after_a_reconnect_processes_go_on(project, own_server, strike):
    with (
        RedisTaskQueue(url=own_server.url) as queue,
        WorkerPool(3, (), queue, imports=TROUBLE) as pool,
    ):
        pids = pool.pids
        strike(own_server)
        since = now()
        until(lambda: shown_life(queue, since) == 3)
        ids = queue.add_tasks(photo(str(n), busy(50)) for n in range(30))
        assert queue.join(timeout=15)
        assert {queue.task(task_id).worker for task_id in ids} == set(pids)
        assert pool.pids == pids, "the same processes, not new ones"


@pytest.mark.parametrize("strike", [restart, cut])
def test_pain_1_a_silent_stall_after_a_reconnect_fifty_sleepers_wake_up(own_server, strike):
    settings = QueueSettings(lease=5)
    queues = [RedisTaskQueue(url=own_server.url, settings=settings) for _ in range(50)]
    crew = [NoWorker(f"w{n}", (), each) for n, each in enumerate(queues)]
    threads = [threading.Thread(target=worker.run, daemon=True) for worker in crew]
    with RedisTaskQueue(url=own_server.url, settings=settings) as queue:
        try:
            for thread in threads:
                thread.start()
            until(lambda: queue.redis.info("clients")["blocked_clients"] >= 45)
            strike(own_server)
            since = now()
            until(lambda: shown_life(queue, since) == 50)
            queue.add_tasks({"n": 1} for _ in range(500))
            assert queue.join(timeout=20)
            assert queue.get_stats().completed == 500
            assert queue.check() == []
        finally:
            for worker in crew:
                worker.stop()
            for thread in threads:
                thread.join()
            for each in queues:
                each.close()


# 2

STUBBORN_FILTER = """
import time
from dataclasses import dataclass
from imglab.imaging import BaseFilter, FilterFactory

@FilterFactory.register
@dataclass(frozen=True)
class StubbornFilter(BaseFilter):
    name = "stubborn"
    def change(self, image):
        until = time.monotonic() + 6
        while time.monotonic() < until:
            sum(range(3_000_000))  # one call: no other thread has a turn meanwhile
        return image
"""


def test_pain_2_long_tasks_run_twice_not_even_one_that_holds_the_gil(project, valkey):
    (project / "stubborn_filter.py").write_text(STUBBORN_FILTER)
    with (
        redis_queue(valkey, QueueSettings(lease=2)) as queue,
        WorkerPool(2, (), queue, imports=["stubborn_filter"]) as pool,
    ):
        task_id = queue.add_task(photo("long", {"name": "stubborn"}))
        assert pool.join(timeout=40)
        story = queue.trace(task_id)
        assert [event["event"] for event in story] == ["added", "claimed", "completed"]
        assert story[-1]["at"] - story[1]["at"] > 2 * 2000, "it has to outlive several leases"
        task = queue.task(task_id)
        assert (task.attempt, task.crashes) == (1, 0)


# 3


def claims(queue: RedisTaskQueue, task_id: str) -> list[dict]:
    return [event for event in queue.trace(task_id) if event["event"] == "claimed"]


def test_pain_3_tasks_stuck_or_lost_after_a_hard_kill_not_in_a_pool(held, queue):
    assert queue.settings.lease == 30
    with WorkerPool(2, (), queue, imports=["hold_filter"]) as pool:
        task_id = queue.add_task(photo("killed", {"name": "hold"}))
        until((held / "begun").exists)
        (claim,) = claims(queue, task_id)
        pool.kill(claim["worker"])
        killed = now()
        (held / "go").touch()
        assert queue.wait(task_id, timeout=25)["status"] == "success"
        _, again = claims(queue, task_id)
    assert again["at"] - killed < 10_000, "the lease of 30 s need not run out"
    assert queue.task(task_id).crashes == 1
    assert (held / "output" / "killed.png").exists()


HOST = """
import signal, sys
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.workers import WorkerPool
settings = QueueSettings(lease=3)
queue = RedisTaskQueue(url=sys.argv[1], namespace=sys.argv[2], settings=settings)
pool = WorkerPool(2, (), queue, imports=["hold_filter"]).start()
print(*pool.pids.values(), flush=True)
while True:
    signal.pause()
"""


def test_pain_3_tasks_stuck_or_lost_after_a_hard_kill_of_a_whole_host(held, valkey):
    with redis_queue(valkey, QueueSettings(lease=3)) as queue:
        command = [sys.executable, "-c", textwrap.dedent(HOST), valkey.url, queue.namespace]
        host = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        pids = [int(word) for word in host.stdout.readline().split()]
        task_id = queue.add_task(photo("moved", {"name": "hold"}))
        until((held / "begun").exists)
        (first,) = claims(queue, task_id)
        for pid in (host.pid, *pids):
            os.kill(pid, signal.SIGKILL)
        died = now()
        host.wait()
        host.stdout.close()
        (held / "go").touch()
        with WorkerPool(1, (), queue, prefix="other", imports=["hold_filter"]):
            assert queue.wait(task_id, timeout=30)["status"] == "success"
        _, again = claims(queue, task_id)
        assert (first["worker"][:6], again["worker"]) == ("worker", "other-1")
        assert again["at"] - died < 15_000
        assert queue.task(task_id).crashes == 1


# 4


def measure(queue: RedisTaskQueue) -> tuple[int, int, int]:
    """How many keys there are, their bytes, and the bytes of the whole server."""
    keys = list(queue.redis.scan_iter(count=1000))
    used = sum(queue.redis.memory_usage(key, samples=0) or 0 for key in keys)
    return len(keys), used, queue.redis.info("memory")["used_memory"]


def test_pain_4_memory_without_bound_not_after_twice_as_many_tasks(own_server):
    keep = 250
    settings = QueueSettings(keep=keep, keep_events=1000)
    with RedisTaskQueue(url=own_server.url, settings=settings) as queue:
        worker = NoWorker("w", (), queue)
        sizes = []
        for _ in range(2):
            for _ in range(3):
                queue.add_tasks({"n": n} for n in range(1000))
                worker.start()
            sizes.append(measure(queue))
        stats = queue.get_stats()
        assert (stats.completed_total, stats.failed_total) == (5_400, 600)
        (keys, used, server), (keys_later, used_later, server_later) = sizes
        # Kept are so many of each kind, with a result for those that have one, and the queue's own.
        assert keys_later <= keys <= 3 * keep + 11
        assert used_later < 1.05 * used
        assert server_later < 1.10 * server
        assert list(queue.workers()) == ["w"]


def test_pain_4_memory_without_bound_workers_that_left_leave_no_record(project, queue):
    for prefix in ("first", "second"):
        with WorkerPool(2, (), queue, prefix=prefix):
            assert len(queue.workers()) == 2
    assert queue.workers() == {}
    queue.get_task("killed")  # it never says goodbye
    assert queue.forget_workers(silent_for=-2) == ["killed"]
    assert queue.workers() == {}


# 5


def test_pain_5_poison_tasks_that_loop_end_after_three_crashes(project, queue):
    poison = [queue.add_task(photo(f"p{n}", {"name": "poison"}), "high") for n in range(2)]
    good = queue.add_tasks(photo(f"g{n}", busy(5)) for n in range(20))
    with WorkerPool(2, (), queue, imports=TROUBLE) as pool:
        assert pool.join(timeout=60)
    assert [queue.task(each).status for each in poison] == ["failed"] * 2
    assert [queue.task(each).status for each in good] == ["completed"] * 20
    for task_id in poison:
        assert queue.task(task_id).crashes == len(claims(queue, task_id)) == 3
        assert queue.task(task_id).errors[-1]["error"].endswith("died (3 of 3)")
