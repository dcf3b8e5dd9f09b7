"""Redis away, elsewhere, or not itself: a worker waits and goes on, and nothing is lost."""

from __future__ import annotations

import json
import subprocess
import threading

import pytest
from helpers.clock import until

from imglab.errors import LeaseLost, QueueError, QueueUnavailable
from imglab.queues import RedisTaskQueue
from imglab.workers import Worker


class Plain(Worker):
    """Nothing to do but to report."""

    def process(self, task):
        return {"n": task["n"]}


@pytest.fixture
def queue(own_server):
    with RedisTaskQueue(url=own_server.url) as queue:
        yield queue


@pytest.fixture
def worker(queue, own_server):
    """A worker with connections of its own, at work in a thread."""
    worker = Plain("w", (), RedisTaskQueue(url=own_server.url))
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    yield worker
    worker.stop()
    thread.join(20)
    assert not thread.is_alive()
    worker.queue.close()


def blocked(queue) -> list[dict]:
    return [each for each in queue.redis.client_list() if each["cmd"] == "blpop"]


def test_a_server_that_became_a_replica_is_waited_for(queue, worker):
    queue.redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    with pytest.raises(QueueUnavailable, match=r"cannot do this now.*read only"):
        queue.add_task({"n": 1})
    queue.redis.execute_command("REPLICAOF", "NO", "ONE")
    assert queue.wait(queue.add_task({"n": 1}), timeout=20) == {"n": 1}


def test_a_sleeper_that_is_unblocked_with_an_error_looks_for_work_again(queue, worker):
    (sleeper,) = until(lambda: blocked(queue))
    queue.redis.client_unblock(int(sleeper["id"]), error=True)
    assert queue.wait(queue.add_task({"n": 2}), timeout=20) == {"n": 2}


def test_connections_that_are_killed_are_made_again(queue, worker):
    until(lambda: blocked(queue))
    queue.redis.client_kill_filter(_type="normal", skipme=True)
    assert queue.wait(queue.add_task({"n": 3}), timeout=20) == {"n": 3}


def test_scripts_that_were_flushed_are_sent_again(queue, worker):
    queue.redis.script_flush()
    assert queue.wait(queue.add_task({"n": 4}), timeout=20) == {"n": 4}


def test_a_server_that_still_loads_its_file_is_waited_for(queue, worker, own_server):
    pipe = queue.redis.pipeline()
    for n in range(30_000):
        pipe.set(f"filler:{n}", n)
    pipe.execute()
    ids = [queue.add_task({"n": 5})]
    queue.wait(ids[0], timeout=20)
    own_server.kill()
    # A hidden setting of the server, for tests like this one: microseconds per key while it loads.
    where = ["--port", str(own_server.port), "--dir", str(own_server.folder), "--save", ""]
    slow = [
        "--appendonly",
        "yes",
        "--key-load-delay",
        "100",
        "--loading-process-events-interval-bytes",
        "1024",
    ]
    log = (own_server.folder / "slow.log").open("wb")
    own_server.process = subprocess.Popen(
        [own_server.binary, *where, *slow], stdout=log, stderr=log
    )
    log.close()
    said = []

    def answers() -> bool:
        try:
            return queue.get_stats() is not None
        except QueueUnavailable as error:
            said.append(str(error))
            return False

    until(answers)
    assert any("loading" in each.lower() for each in said), said[-3:]
    assert queue.wait(queue.add_task({"n": 6}), timeout=20) == {"n": 6}
    assert queue.result(ids[0]) == {"n": 5}


def test_a_full_server_takes_no_task_and_finishes_those_it_has(queue, worker):
    queue.pause()
    ids = queue.add_tasks([{"n": n} for n in range(20)])
    queue.redis.config_set("maxmemory", int(queue.redis.info("memory")["used_memory"]) - 1000)
    with pytest.raises(QueueError, match="is full and takes no new tasks"):
        queue.add_task({"n": 99})
    queue.redis.hdel(queue.keys.meta, "paused")
    until(lambda: queue.get_stats().completed == len(ids))
    queue.redis.config_set("maxmemory", 0)
    assert [queue.result(each)["n"] for each in ids] == list(range(20))


def shift(queue, task, milliseconds: int) -> None:
    """Make a claim look as if the server's clock had been set by so much since it was made."""
    key = queue.keys.processing
    entry = json.loads(queue.redis.hget(key, task.id))
    entry["claimed_at"] -= milliseconds
    entry["deadline"] -= milliseconds
    queue.redis.hset(key, task.id, json.dumps(entry, separators=(",", ":")))


def test_a_clock_set_forward_costs_a_second_run_and_no_second_result(queue):
    queue.add_task({"n": 7})
    old = queue.get_task("w1")
    shift(queue, old, 3_600_000)
    assert queue.reap() == 1
    queue.redis.zadd(queue.keys.delayed, {old.id: 1})
    new = queue.get_task("w2")
    with pytest.raises(LeaseLost):
        queue.mark_completed(old, {"by": "w1"})
    queue.mark_completed(new, {"by": "w2"})
    assert queue.result(new.id) == {"by": "w2"}
    assert queue.check() == []


def test_a_clock_set_back_does_not_keep_a_dead_workers_task_for_an_hour(queue):
    queue.add_task({"n": 8})
    shift(queue, queue.get_task("w1"), -3_600_000)
    queue.redis.hincrby(queue.keys.meta, "reaped_at", 3_600_000)
    assert queue.get_task("w2") is None
    assert queue.get_stats().delayed == 1, "its deadline is an hour ahead, and yet it is reaped"
    assert queue.check() == []
