"""Producers in a storm: many tasks half added, connections cut, Redis away for a moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time

import pytest
import redis
from helpers.clock import until

from imglab.errors import (
    AddingInterrupted,
    PartlyAdded,
    QueueError,
    QueueUnavailable,
    TaskError,
    TaskExists,
)
from imglab.queues import RedisTaskQueue, TaskQueue
from imglab.queues.base import BaseQueue

PAYLOADS = [{"n": n} for n in range(2000)]


def break_after(queue, calls: int, *, is_done: bool, times: float = float("inf")):
    """Let so many commands through, then cut the connection, before or after what was asked."""
    send = queue._send
    sent = 0

    def storm(*words):
        nonlocal sent
        sent += 1
        if not calls < sent <= calls + times:
            return send(*words)
        if is_done:
            send(*words)
        raise redis.ConnectionError("cut")

    queue._send = storm
    return lambda: setattr(queue, "_send", send)


def numbers(queue) -> list[int]:
    return sorted(queue.task(each)["n"] for each in queue.tasks("pending", 10_000))


def cut_all(server, password=None) -> None:
    """Cut every connection but the one that does it."""
    admin = redis.Redis(port=server.port, password=password, protocol=2)
    admin.client_kill_filter(skipme=True, _type="normal")
    admin.close()


# Many tasks half added


@pytest.mark.parametrize("is_done", [True, False])
@pytest.mark.parametrize("by_name", [True, False])
def test_p1_a_cut_in_the_middle_says_who_is_in_and_the_same_call_adds_the_rest(
    queue, is_done, by_name
):
    queue.add_task({"n": -1})  # from here on the server knows the script, and the settings
    queue.patience = 0.0
    mend = break_after(queue, 2, is_done=is_done)
    with pytest.raises(AddingInterrupted, match="1,000 of 2,000 tasks are in, and of 500") as told:
        queue.add_tasks(PAYLOADS)
    mend()
    error = told.value
    assert isinstance(error, QueueUnavailable)
    assert isinstance(error, PartlyAdded)
    assert [queue.task(each)["n"] for each in error.added] == list(range(1000))
    assert (len(error.unsure), len(numbers(queue))) == (500, 1001 + 500 * is_done)
    ids = queue.add_tasks(PAYLOADS, resume=error.call_id if by_name else error)
    assert numbers(queue) == list(range(-1, 2000))
    assert [queue.task(each)["n"] for each in ids] == list(range(2000))
    assert ids[:1500] == [*error.added, *error.unsure]


def test_p1_a_redis_that_gets_full_in_the_middle_says_who_is_in(own_server):
    with RedisTaskQueue(url=own_server.url) as queue:
        room = queue.redis.info("memory")["used_memory"] + 3_000_000
        queue.redis.config_set("maxmemory", room)
        payloads = [{"n": n, "x": "x" * 1000} for n in range(5000)]
        with pytest.raises(PartlyAdded, match="is full and takes no new tasks") as told:
            queue.add_tasks(payloads)
        error = told.value
        assert not isinstance(error, QueueUnavailable)
        assert 0 < len(error.added) < 5000
        assert error.unsure == ()
        assert queue.get_stats().pending == len(error.added)
        with pytest.raises(PartlyAdded) as again:
            queue.add_tasks(payloads, resume=error)
        assert again.value.added == error.added
        queue.redis.config_set("maxmemory", 0)
        queue.add_tasks(payloads, resume=again.value)
        assert numbers(queue) == list(range(5000))


def test_what_was_added_and_has_long_finished_is_not_added_again(queue):
    queue.add_task({"n": -1})  # from here on the server knows the script, and the settings
    queue.patience = 0.0
    mend = break_after(queue, 1, is_done=False)
    with pytest.raises(PartlyAdded) as told:
        queue.add_tasks(PAYLOADS)
    mend()
    queue.clear()
    queue.add_tasks(PAYLOADS, resume=told.value)
    assert numbers(queue) == list(range(500, 2000))


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_batch_of_ones_own_name_is_added_once(queue, in_memory):
    where: BaseQueue = TaskQueue() if in_memory else queue
    ids = where.add_tasks([{"n": 1}, {"n": 1}, {"n": 2}], resume="monday")
    assert len(set(ids)) == 3
    more = where.add_tasks([{"n": 2}, {"n": 1}, {"n": 3}, {"n": 1}], resume="monday")
    assert (more[0], more[1], more[3]) == (ids[2], ids[0], ids[1])
    assert where.get_stats().pending == 4
    assert not set(where.add_tasks([{"n": 1}], resume="tuesday")) & set(ids)
    with pytest.raises(TaskError, match="What is resumed 'a b'"):
        where.add_tasks([{}], resume="a b")


def test_one_task_of_which_nobody_knows_is_named(queue):
    queue.add_task({"n": 0})
    queue.patience = 0.0
    mend = break_after(queue, 0, is_done=True)
    with pytest.raises(AddingInterrupted, match="Nobody knows whether the task is in") as told:
        queue.add_task({"n": 1})
    mend()
    (task_id,) = told.value.unsure
    with pytest.raises(TaskExists):
        queue.add_task({"n": 1}, task_id=task_id)
    assert numbers(queue) == [0, 1]


def test_a_task_that_was_refused_for_sure_is_not_called_unknown(own_server):
    with RedisTaskQueue(url=own_server.url) as queue:
        queue.redis.config_set("maxmemory", 1)
        with pytest.raises(QueueError, match="is full") as told:
            queue.add_task({})
        assert not isinstance(told.value, PartlyAdded)


@pytest.mark.parametrize("task_id", [None, "mine"])
def test_an_add_whose_reply_was_lost_asks_again_and_makes_one_task(queue, task_id):
    queue.add_task({})
    queue.clear()
    queue._agree()
    mend = break_after(queue, 0, is_done=True, times=2)
    added = queue.add_task({"n": 1}, task_id=task_id)
    mend()
    assert queue.tasks("pending") == [added]
    with pytest.raises(TaskExists):
        queue.add_task({"n": 1}, task_id=added)


def test_an_id_that_somebody_else_took_is_refused_however_often_we_asked(queue):
    queue.add_task({"n": 1}, task_id="theirs")
    mend = break_after(queue, 0, is_done=True, times=2)
    with pytest.raises(TaskExists):
        queue.add_task({"n": 1}, task_id="theirs")
    mend()


def test_p1_submit_says_the_line_to_type_and_that_adds_only_the_rest(project, own_server):
    queue = RedisTaskQueue(url=own_server.url)
    picture = (project / "images" / "sample.png").read_bytes()
    files = []
    for n in range(1200):
        file = project / "images" / f"a-rather-long-name-for-one-picture-{n}.png"
        file.write_bytes(picture)
        files.append(str(file))
    environment = {**os.environ, "IMGLAB_REDIS_URL": own_server.url}
    command = [sys.executable, "-m", "imglab", "submit", "--json", *files]

    def submit(*words):
        return subprocess.run(
            [*command, *words], env=environment, capture_output=True, text=True, check=False
        )

    room = queue.redis.info("memory")["used_memory"] + 500_000
    queue.redis.config_set("maxmemory", room)
    first = submit()
    assert first.returncode == 1
    assert "is full" in first.stderr
    assert "of 1,200 tasks are in" in first.stderr
    assert 0 < queue.get_stats().pending < 1200
    words = first.stderr.split()
    batch = words[words.index("--resume") + 1].rstrip(":")
    queue.redis.config_set("maxmemory", 0)
    second = submit("--resume", batch)
    assert second.returncode == 0, second.stderr
    assert sorted(json.loads(second.stdout)) == sorted(queue.tasks("pending", 5000))
    assert queue.get_stats().pending == 1200
    queue.close()


# A connection that is cut


@pytest.fixture
def lone(own_server):
    with RedisTaskQueue(url=own_server.url) as queue:
        yield queue


def in_a_thread(call):
    """The result of a call that waits, once the thread has it."""
    results = []

    def run():
        try:
            results.append(call())
        except QueueError as error:
            results.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def result():
        thread.join(30)
        return results[0]

    return result


def somebody_waits(queue, command) -> bool:
    return any(
        each["cmd"] == command and "b" in each["flags"] for each in queue.redis.client_list()
    )


@pytest.mark.parametrize("timeout", [None, 60])
def test_p9_wait_join_and_get_task_outlive_a_cut_connection(lone, own_server, timeout):
    held = lone.add_task({})
    task = lone.get_task("w")
    with RedisTaskQueue(url=own_server.url) as other:
        waits = in_a_thread(lambda: other.wait(held, timeout=timeout))
        joins = in_a_thread(lambda: other.join(timeout=timeout))
        takes = in_a_thread(lambda: other.get_task("x", timeout=timeout))
        until(lambda: somebody_waits(lone, "blpop") and somebody_waits(lone, "xread"))
        cut_all(own_server)
        lone.mark_completed(task, {"n": 1})
        assert waits() == {"n": 1}
        assert joins() is True
        more = lone.add_task({})
        assert takes().id == more


def test_p9_a_restart_of_the_server_is_waited_for(lone, own_server):
    task_id = lone.add_task({})
    task = lone.get_task("w")
    waits = in_a_thread(lambda: lone.wait(task_id))
    until(lambda: somebody_waits(lone, "xread"))
    own_server.kill()
    counts = in_a_thread(lone.get_stats)
    takes = in_a_thread(lambda: lone.get_task("x"))
    adds = in_a_thread(lambda: lone.add_task({}, task_id="meanwhile"))
    own_server.start()
    assert counts().completed == 0
    assert adds() == "meanwhile"
    assert takes() is None or takes().id == "meanwhile"
    lone.mark_completed(task, {"n": 1})
    assert waits() == {"n": 1}


@pytest.mark.parametrize(
    "ask",
    [
        lambda queue: queue.get_stats(),
        lambda queue: queue.get_task("w"),
        lambda queue: queue.wait("t"),
        lambda queue: queue.join(),
        lambda queue: queue.task("t"),
        lambda queue: queue.add_task({}),
        lambda queue: queue.wait("t", timeout=0.3),
        lambda queue: queue.join(timeout=0.3),
        lambda queue: queue.get_task("w", timeout=0.3),
    ],
)
def test_a_redis_that_stays_away_is_a_clear_error_when_patience_is_over(lone, own_server, ask):
    lone.patience = 0.3
    own_server.kill()
    start = time.monotonic()
    with pytest.raises(QueueUnavailable, match="No Redis answers"):
        ask(lone)
    assert time.monotonic() - start >= 0.3
    own_server.start()


def test_a_wrong_password_is_not_asked_again(lone, own_server):
    lone.get_stats()
    lone.redis.config_set("requirepass", "secret")
    cut_all(own_server, "secret")
    lone.patience = 600.0
    with pytest.raises(QueueUnavailable, match="asks for a password"):
        lone.get_stats()


# Oddities at the front


def test_a_front_full_of_oddities_is_passed_without_sleeping(queue):
    queue.redis.lpush(queue.keys.pending(), *(f"ghost-{n}" for n in range(950)))
    task_id = queue.add_task({})
    before = queue.redis.info("commandstats").get("cmdstat_blpop", {"calls": 0})["calls"]
    assert queue.get_task("w").id == task_id
    after = queue.redis.info("commandstats").get("cmdstat_blpop", {"calls": 0})["calls"]
    assert after == before
    assert queue.redis.llen(queue.keys.odd) == 950
