"""What a producer can write into the keys of a queue, and what becomes of the tasks of others.

`make torture` found these; each of them once lost a task, ran one twice or stopped the whole queue.
"""

from __future__ import annotations

import json

import pytest
from helpers.server import redis_queue

from imglab.errors import LeaseLost, QueueError
from imglab.queues import QueueSettings

SETTINGS = QueueSettings(max_attempts=2, max_crashes=2, backoff=0)
#: The last id that a stream can have: after it, Redis adds nothing to the stream any more.
LAST_EVENT = "18446744073709551615-18446744073709551615"
#: What stands where a number should.
NO_NUMBERS = ["inf", "-inf", "nan", "1e300", "-5", "abc", "9" * 30]


@pytest.fixture
def queue(server):
    """An empty queue in each kind of server."""
    with redis_queue(server, SETTINGS) as queue:
        yield queue


def set_aside(queue):
    """What was set aside: id → reason."""
    entries = map(json.loads, queue.redis.lrange(queue.keys.odd, 0, -1))
    return {entry["id"]: entry["reason"] for entry in entries}


def line_by_hand(queue, task_id, **fields):
    """A task as somebody writes it with redis-cli."""
    record = {"payload": "{}", "priority": "normal", **fields}
    queue.redis.hset(queue.keys.task(task_id), mapping=record)
    queue.redis.lpush(queue.keys.pending(), task_id)


def put_again(queue, place, task_id):
    """What a producer's rights allow with the id of any task."""
    if place == "delayed":
        queue.redis.zadd(queue.keys.delayed, {task_id: 0})
    else:
        queue.redis.lpush(queue.keys.pending(), task_id)


# Keys


def test_a_history_that_takes_no_more_events_begins_anew_and_no_task_is_lost(queue):
    queue.redis.xadd(queue.keys.events, {"x": "y"}, id=LAST_EVENT)
    queue.add_task({"n": 1}, task_id="a")
    queue.mark_completed(queue.get_task("w"))
    assert queue.tasks("completed") == ["a"]
    assert queue.check() == []
    assert [event["event"] for event in queue.trace("a")][-1] == "completed"
    assert "began anew" in set_aside(queue)[queue.keys.events]


@pytest.mark.parametrize("place", ["delayed", "wake", "events", "pending", "pending:low"])
def test_a_key_that_somebody_took_for_another_type_is_taken_back(queue, place):
    key = f"{queue.namespace}{queue.name}:{place}"
    queue.redis.set(key, "x")
    # An idle worker looks at all of them; it never has to be told.
    assert queue.get_task("w", timeout=0.01) is None
    queue.add_task({}, task_id="now")
    queue.add_task({}, "low", task_id="low")
    queue.add_task({}, task_id="later", delay=60)
    queue.mark_completed(queue.get_task("w"))
    queue.mark_completed(queue.get_task("w"))
    assert queue.check() == []
    assert queue.get_stats().delayed == 1
    assert key in set_aside(queue)


def test_a_retry_finds_its_place_though_somebody_took_it(queue):
    queue.add_task({}, task_id="a")
    task = queue.get_task("w")
    queue.redis.set(queue.keys.delayed, "x")
    queue.mark_failed(task, "no luck")
    assert queue.tasks("delayed") == ["a"]
    assert queue.check() == []


def test_a_released_task_finds_its_place_though_somebody_took_it(queue):
    queue.add_task({}, task_id="a")
    task = queue.get_task("w")
    queue.redis.hset(queue.keys.pending(), "x", "y")
    queue.release(task)
    assert queue.tasks("pending") == ["a"]
    assert queue.check() == []


@pytest.mark.parametrize("delay", [0, 60])
def test_a_task_whose_place_is_taken_is_not_added_at_all(queue, delay):
    key = queue.keys.delayed if delay else queue.keys.pending()
    queue.redis.set(key, "x")
    with pytest.raises(QueueError, match="another kind of value"):
        queue.add_task({}, task_id="a", delay=delay)
    queue.redis.delete(key)
    assert queue.add_task({}, task_id="a", delay=delay) == "a"


# Ids that are put in line again


@pytest.mark.parametrize("place", ["pending", "delayed"])
@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_a_finished_task_that_somebody_puts_in_line_again_does_not_run_again(queue, status, place):
    queue.add_task({}, task_id="a")
    task = queue.get_task("w")
    if status == "completed":
        queue.mark_completed(task)
    elif status == "failed":
        queue.mark_failed(task, "no use", retry=False)
    else:
        queue.cancel("a")
        queue.release(task)
    put_again(queue, place, "a")
    assert queue.get_task("w") is None
    assert queue.tasks(status) == ["a"]
    assert queue.get_stats().completed_total == (status == "completed")
    assert queue.check() == []
    assert set_aside(queue) == {"a": f"it was put in line again, and is {status}"}


@pytest.mark.parametrize("place", ["pending", "delayed"])
def test_a_task_in_a_worker_s_hands_stays_there_though_somebody_puts_it_in_line(queue, place):
    queue.add_task({}, task_id="a")
    task = queue.get_task("w")
    put_again(queue, place, "a")
    assert queue.get_task("other") is None
    queue.mark_completed(task)
    assert queue.check() == []
    assert [event["event"] for event in queue.trace("a")] == ["added", "claimed", "completed"]


def test_a_task_that_waits_for_its_next_try_is_in_one_place_when_it_is_put_in_line(queue):
    queue.add_task({}, task_id="a", delay=60)
    queue.redis.lpush(queue.keys.pending(), "a")
    queue.mark_completed(queue.get_task("w"))
    assert queue.check() == []


def test_what_a_person_freed_by_hand_is_handed_out(queue):
    queue.add_task({}, task_id="a")
    task = queue.get_task("w")
    queue.redis.hdel(queue.keys.processing, "a")
    queue.redis.lpush(queue.keys.pending(), "a")
    again = queue.get_task("w")
    assert (again.id, again.attempt) == ("a", 2)
    with pytest.raises(LeaseLost):
        queue.mark_completed(task)


# Numbers and errors in records


@pytest.mark.parametrize("field", ["attempts", "max_attempts"])
@pytest.mark.parametrize("text", NO_NUMBERS)
def test_a_number_that_is_none_counts_as_none(queue, field, text):
    line_by_hand(queue, "odd", **{field: text})
    for _ in range(SETTINGS.max_attempts):
        queue.mark_failed(queue.get_task("w"), "no luck")
    assert queue.tasks("failed") == ["odd"]
    assert queue.task("odd").reason == "no luck"


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_a_number_that_somebody_overwrites_meanwhile_keeps_no_task_from_going_back(queue, text):
    queue.add_task({}, task_id="a")
    task = queue.get_task("w")
    queue.redis.hset(queue.keys.task("a"), "attempts", text)
    queue.release(task)
    assert queue.tasks("pending") == ["a"]
    assert queue.get_task("w").id == "a"


@pytest.mark.parametrize("text", NO_NUMBERS)
def test_poison_is_given_up_whatever_its_record_says_of_its_crashes(queue, text):
    line_by_hand(queue, "poison", crashes=text)
    for _ in range(SETTINGS.max_crashes):
        if queue.get_task("w"):
            queue.reap(dead_worker="w")
    assert queue.tasks("failed") == ["poison"]
    assert "died" in queue.task("poison").reason


@pytest.mark.parametrize(
    "text", ['{"a":1}', "[1,2]", '[{"error":"x","at":1e999}]', "[[[", "null", "[null,3]", '"x"']
)
def test_errors_that_are_none_keep_no_other_error_out(queue, text):
    line_by_hand(queue, "odd", errors=text)
    queue.mark_failed(queue.get_task("w"), "no luck", retry=False)
    assert queue.tasks("failed") == ["odd"]
    assert queue.task("odd").reason == "no luck"


def test_a_late_report_on_a_task_with_odd_errors_is_told_that_it_is_late(queue):
    line_by_hand(queue, "odd", errors="[1,2]")
    task = queue.get_task("w")
    queue.release(task)
    with pytest.raises(LeaseLost):
        queue.mark_failed(task, "no luck")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 50_000, "9" * 5000, "\udcff", '"x"'])
def test_a_payload_that_is_none_fails_its_task_and_the_next_is_handed_out(queue, text):
    line_by_hand(queue, "odd", payload=text.encode(errors="surrogateescape"))
    queue.add_task({}, task_id="sound")
    assert queue.get_task("w", timeout=1).id == "sound"
    assert queue.tasks("failed") == ["odd"]
