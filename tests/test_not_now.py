"""A Redis that says "not now": a worker waits, asks again, and no task suffers."""

from __future__ import annotations

import logging
import threading
import time

import pytest
from helpers.clock import until
from helpers.server import redis_queue, running

from imglab.errors import QueueError, QueueUnavailable
from imglab.queues import RedisTaskQueue
from imglab.queues.connection import connect
from imglab.workers import Worker

LOOP = """
local began = redis.call('TIME')[1]
while redis.call('TIME')[1] - began < 2 do end
"""


class Quiet(Worker):
    """A worker that needs no picture."""

    def process(self, task):
        return {"n": task["n"]}


@pytest.fixture
def a_server(tmp_path):
    """A server of one's own that lets its folder be changed."""
    folder = tmp_path / "server"
    folder.mkdir()
    with running("valkey", folder, "--enable-protected-configs", "yes") as server:
        yield server


@pytest.fixture
def at_work(a_server):
    """A queue, and a worker in a thread that takes its tasks."""
    with RedisTaskQueue(url=a_server.url) as queue:
        worker = Quiet("w", (), queue)
        thread = threading.Thread(target=worker.run, daemon=True)
        thread.start()
        yield queue
        worker.stop()
        thread.join(20)
        assert not thread.is_alive()


def finished(queue, count):
    stats = queue.get_stats()
    return (stats.completed, stats.unfinished) == (count, 0)


def none_suffered(queue):
    assert all(queue.task(each).crashes == 0 for each in queue.tasks("completed"))
    assert all(queue.task(each).attempt == 1 for each in queue.tasks("completed"))


def test_a_script_of_somebody_else_that_keeps_redis_busy_is_waited_for(at_work, a_server):
    with connect(url=a_server.url) as stranger:
        stranger.config_set("lua-time-limit", 100)
        at_work.add_tasks({"n": n} for n in range(50))
        looping = threading.Thread(target=lambda: stranger.eval(LOOP, 0))
        looping.start()
        looping.join(20)
    until(lambda: finished(at_work, 50), 30)
    none_suffered(at_work)


def test_too_few_replicas_are_waited_for(at_work):
    at_work.redis.config_set("min-replicas-to-write", 1)
    with pytest.raises(QueueUnavailable, match=r"cannot do this now: .*NOREPLICAS"):
        at_work.add_task({"n": 1})
    at_work.redis.config_set("min-replicas-to-write", 0)
    at_work.add_task({"n": 2})
    until(lambda: finished(at_work, 1), 30)
    none_suffered(at_work)


def test_a_snapshot_that_cannot_be_written_is_waited_for(at_work, tmp_path):
    folder = at_work.redis.config_get("dir")["dir"]
    gone = tmp_path / "gone"
    gone.mkdir()
    at_work.redis.config_set("dir", str(gone))
    gone.rmdir()
    at_work.redis.config_set("save", "3600 1")
    at_work.redis.bgsave()
    until(lambda: at_work.redis.info("persistence")["rdb_last_bgsave_status"] == "err")
    with pytest.raises(QueueUnavailable, match=r"cannot do this now: .*MISCONF"):
        at_work.add_task({"n": 1})
    at_work.redis.config_set("stop-writes-on-bgsave-error", "no")
    at_work.redis.config_set("dir", folder)
    at_work.add_task({"n": 2})
    until(lambda: finished(at_work, 1), 30)
    none_suffered(at_work)


def test_what_stays_wrong_is_said_once_a_minute_not_ten_times_a_second(valkey, caplog):
    caplog.set_level(logging.WARNING)
    with redis_queue(valkey) as queue:
        queue.redis.set(queue.keys.processing, "not a hash")
        worker = Quiet("w", (), queue)
        thread = threading.Thread(target=worker.run, daemon=True)
        thread.start()
        began = time.monotonic()
        until(lambda: time.monotonic() - began > 1 and caplog.records)
        queue.redis.delete(queue.keys.processing)
        queue.add_task({"n": 1})
        until(lambda: finished(queue, 1))
        worker.stop()
        thread.join(20)
    assert len(caplog.records) == 1
    assert "Asking again" in caplog.text


def test_what_a_caller_did_wrong_is_not_asked_again(queue):
    with pytest.raises(QueueError):
        queue.get_task("no name at all")
