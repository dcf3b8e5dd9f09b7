"""A queue with a bound: who adds to a full one is refused, or waits for room; both queues."""

from __future__ import annotations

import threading

import pytest
from helpers.clock import make_due, run_out, until
from helpers.server import queue_of_kind, redis_queue
from test_producers import break_after, cut_all, in_a_thread, somebody_waits

from imglab.errors import PartlyAdded, QueueError, QueueFull, TaskExists
from imglab.queues import QueueSettings, RedisTaskQueue, TaskQueue
from imglab.queues.bound import fullness

SETTINGS = QueueSettings(max_pending=3, backoff=3600, backoff_cap=3600)


@pytest.fixture(params=["memory", "valkey", "redis"])
def queue(request):
    with queue_of_kind(request, SETTINGS) as queue:
        queue.get_task("w")  # from here on the settings are stored
        yield queue


@pytest.fixture
def in_redis(valkey):
    with redis_queue(valkey, SETTINGS) as queue:
        queue.get_task("w")  # from here on the settings are stored
        yield queue


def another(queue):
    """The queue as another program has it."""
    if isinstance(queue, TaskQueue):
        return queue
    return RedisTaskQueue.from_spec({**queue.spec(), "settings": None})


def until_somebody_waits_for_room(queue) -> None:
    if isinstance(queue, TaskQueue):
        until(lambda: queue._changed._waiters)
    else:
        until(lambda: somebody_waits(queue, "xread"))


def numbers(queue) -> list[int]:
    return [queue.task(each)["n"] for each in queue.tasks("pending", 10_000)]


def most_in_line(queue) -> int:
    """The most tasks that were ever in line, as the history tells it."""
    in_line = 0
    most = 0
    for event in queue.events():
        in_line += {"added": 1, "claimed": -1}.get(event["event"], 0)
        most = max(most, in_line)
    return most


# Refused


def test_a_full_queue_refuses_a_task_at_once_and_says_what_to_do(queue):
    queue.add_task({}, "low")
    queue.add_task({}, delay=60)
    queue.add_task({})
    with pytest.raises(QueueFull) as told:
        queue.add_task({}, "high")
    assert (told.value.in_line, told.value.bound) == (3, 3)
    assert isinstance(told.value, QueueError)
    assert str(told.value) == (
        "The queue is full: 3 tasks are in line or delayed, and its bound (max_pending) is 3. "
        "Wait for room with timeout=… (--wait in a terminal), start more workers, or change the "
        "bound with queue.change_settings(max_pending=…) or `imglab settings`."
    )
    assert queue.get_stats().in_line == 3
    queue.get_task("w")
    queue.add_task({})


def test_without_a_bound_there_is_always_room():
    queue = TaskQueue()
    queue.add_tasks([{}] * 10_000)
    assert queue.get_stats().in_line == 10_000


def test_an_id_that_is_in_use_is_refused_as_such_also_by_a_full_queue(queue):
    for name in "abc":
        queue.add_task({}, task_id=name)
    with pytest.raises(TaskExists):
        queue.add_task({}, task_id="b")
    with pytest.raises(QueueFull):
        queue.add_task({}, task_id="d")


def test_the_bound_is_for_producers_and_what_is_in_comes_back_whatever_it_is(queue):
    queue.add_tasks([{}] * 3)
    first, second, third = queue.get_tasks("w", 3)
    queue.add_tasks([{}] * 3)
    queue.release(first)
    queue.mark_failed(second, "try again")
    run_out(queue, third)
    queue.reap()
    assert queue.get_stats().in_line == 6
    queue.mark_failed(queue.get_task("w"), "no good", retry=False)
    (failed,) = queue.requeue_failed()
    with pytest.raises(QueueFull) as told:
        queue.add_task({})
    assert told.value.in_line == 6
    make_due(queue, second.id)
    assert queue.get_task("w") is not None
    assert failed in queue.tasks("pending")
    assert queue.check() == []


def test_of_a_batch_goes_in_what_fits_and_the_rest_can_be_added_later(queue):
    payloads = [{"n": n} for n in range(7)]
    with pytest.raises(PartlyAdded, match="3 of 7 tasks are in") as told:
        queue.add_tasks(payloads)
    assert isinstance(told.value.why, QueueFull)
    assert (list(told.value.added), told.value.unsure) == (queue.tasks("pending"), ())
    assert numbers(queue) == [0, 1, 2]
    queue.get_tasks("w", 2)
    with pytest.raises(PartlyAdded, match="5 of 7 tasks are in") as again:
        queue.add_tasks(payloads, resume=told.value)
    assert numbers(queue) == [2, 3, 4]
    queue.get_tasks("w", 3)
    ids = queue.add_tasks(payloads, resume=again.value.call_id)
    assert numbers(queue) == [5, 6]
    assert [queue.task(each)["n"] for each in ids] == list(range(7))


def test_a_time_that_is_over_ends_as_a_refusal(queue):
    queue.add_tasks([{}] * 3)
    with pytest.raises(QueueFull):
        queue.add_task({}, timeout=0.05)
    with pytest.raises(PartlyAdded, match="0 of 2 tasks are in"):
        queue.add_tasks([{}] * 2, timeout=0.05)
    assert queue.get_stats().in_line == 3


# Waiting


@pytest.mark.parametrize("timeout", [None, 60])
def test_who_waits_adds_its_task_as_soon_as_there_is_room(queue, timeout):
    queue.add_tasks([{}] * 3)
    adds = in_a_thread(lambda: another(queue).add_task({"n": 1}, timeout=timeout))
    until_somebody_waits_for_room(queue)
    queue.get_task("w")
    assert adds() in queue.tasks("pending")


@pytest.mark.parametrize(
    "make_room",
    [
        lambda queue: queue.cancel(queue.tasks("pending")[0]),
        lambda queue: queue.change_settings(max_pending=4),
        lambda queue: queue.change_settings(max_pending=None),
        lambda queue: queue.clear(),
    ],
    ids=["cancel", "a larger bound", "no bound", "clear"],
)
def test_room_is_found_however_it_comes(queue, make_room):
    queue.add_tasks([{}] * 3)
    adds = in_a_thread(lambda: another(queue).add_task({"n": 1}, timeout=60))
    until_somebody_waits_for_room(queue)
    make_room(queue)
    assert adds() in queue.tasks("pending")


def test_a_batch_larger_than_the_bound_goes_in_piece_by_piece_and_in_order(queue):
    adds = in_a_thread(lambda: another(queue).add_tasks([{"n": n} for n in range(20)], timeout=60))
    taken = [queue.get_task("w", timeout=60)["n"] for _ in range(20)]
    assert taken == list(range(20))
    assert len(adds()) == 20
    assert most_in_line(queue) <= 3


def test_many_producers_together_never_pass_the_bound(queue):
    def produce() -> None:
        with another(queue) as mine:
            for _ in range(10):
                mine.add_task({}, timeout=None)
            mine.add_tasks([{}] * 10, timeout=None)

    threads = [threading.Thread(target=produce, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: queue.get_stats().in_line == 3)
    for _ in range(80):
        queue.mark_completed(queue.get_task("w", timeout=60))
    for thread in threads:
        thread.join(60)
    assert queue.get_stats().unfinished == 0
    assert most_in_line(queue) == 3


# In Redis


def test_a_bound_that_is_another_by_now_refuses_nobody(in_redis):
    in_redis.add_tasks([{}] * 3)
    with another(in_redis) as other:
        with pytest.raises(QueueFull):
            other.add_task({})
        in_redis.change_settings(max_pending=4)
        other.add_task({})
        with pytest.raises(QueueFull) as told:
            other.add_task({})
    assert (told.value.in_line, told.value.bound) == (4, 4)


@pytest.mark.parametrize("task_id", [None, "mine"])
def test_the_task_that_filled_the_queue_is_in_although_its_reply_was_lost(in_redis, task_id):
    in_redis.add_tasks([{}] * 2)
    mend = break_after(in_redis, 0, is_done=True, times=2)
    added = in_redis.add_task({}, task_id=task_id)
    mend()
    assert added in in_redis.tasks("pending")


def test_a_batch_that_filled_the_queue_goes_on_after_a_lost_reply(in_redis):
    in_redis.add_task({"n": -1})
    mend = break_after(in_redis, 0, is_done=True, times=1)
    with pytest.raises(PartlyAdded, match="2 of 4 tasks are in") as told:
        in_redis.add_tasks([{"n": n} for n in range(4)])
    mend()
    assert told.value.unsure == ()
    in_redis.get_tasks("w", 2)
    in_redis.add_tasks([{"n": n} for n in range(4)], resume=told.value)
    assert numbers(in_redis) == [1, 2, 3]


def calls(queue, command: str) -> int:
    return queue.redis.info("commandstats").get(f"cmdstat_{command}", {}).get("calls", 0)


def test_who_waits_beside_a_still_queue_asks_about_once_a_second(in_redis):
    in_redis.add_tasks([{}] * 3)
    in_redis.redis.config_resetstat()
    with pytest.raises(QueueFull):
        in_redis.add_task({}, timeout=1.5)
    # Four looks: at first, behind the mark, after a second, and when the time is up.
    assert 0 < calls(in_redis, "evalsha") <= 2 * 4
    assert 0 < calls(in_redis, "xread") <= 2 * 3  # the second for the rest of a millisecond


def test_who_waits_with_a_batch_asks_with_its_first_task_alone(in_redis):
    in_redis.add_tasks([{}] * 3)
    sent = []
    send = in_redis._send

    def count(*words):
        sent.append(sum(word == '{"n":1}' for word in words))
        return send(*words)

    in_redis._send = count
    with pytest.raises(PartlyAdded):
        in_redis.add_tasks([{"n": 1}] * 400, timeout=0.2)
    in_redis._send = send
    assert sorted(filter(None, sent), reverse=True)[:2] == [400, 1]


def test_who_waits_for_room_outlives_a_cut_connection(own_server):
    with RedisTaskQueue(url=own_server.url, settings=SETTINGS) as queue:
        queue.add_tasks([{}] * 3)
        with another(queue) as other:
            adds = in_a_thread(lambda: other.add_task({"n": 1}, timeout=60))
            until_somebody_waits_for_room(queue)
            cut_all(own_server)
            queue.get_task("w")
            assert adds() in queue.tasks("pending")


def test_a_bound_is_stored_with_the_queue_and_told_in_words(in_redis):
    in_redis.add_task({})
    with another(in_redis) as other:
        assert other.settings.max_pending == 3
    assert fullness(999, None) == ""
    assert fullness(999, 1000) == "999 of 1,000"
    assert fullness(1000, 1000) == "full: 1,000 of 1,000"
    assert fullness(1001, 1000) == "full: 1,001 of 1,000"
