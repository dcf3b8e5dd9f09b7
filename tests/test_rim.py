"""The rim of the queue: whatever stands in Redis, reading ends well and sound tasks complete."""

from __future__ import annotations

from contextlib import suppress

import pytest
import redis
from helpers.server import redis_queue
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imglab.errors import QueueError
from imglab.ops.doctor import examine
from imglab.queues import PRIORITIES, RedisTaskQueue, Status

#: Words of ours in wrong places, numbers out of range, and any bytes at all.
WORDS = st.sampled_from(
    (
        *(b"", b"{}", b"[]", b"null", b"0", b"-1", b"1e400", b"nan", b"\xff\x00"),
        *(b"t", b"high", b"added", b"claimed"),
        *(b'{"claim":{"x":1},"deadline":"soon"}', b'{"worker":[1],"claim":null}'),
    )
)
TEXT = WORDS | st.binary(max_size=12)
FIELDS = st.sampled_from(
    (
        *(b"payload", b"priority", b"status", b"attempts", b"crashes", b"claim", b"errors"),
        *(b"event", b"task", b"result", b"finished_at", b"max_attempts", b"cancel"),
        *(b"seen", b"claims", b"reaped_at"),
    )
)
PAIRS = st.lists(st.tuples(FIELDS | TEXT, TEXT), min_size=1, max_size=4)
#: What a producer may write: entries of the right type, of any content.
LINES = st.sampled_from(["pending", "pending:high", "pending:low"])
ALLOWED = st.one_of(
    st.tuples(st.just("push"), LINES, st.lists(TEXT, min_size=1, max_size=3)),
    st.tuples(st.just("record"), TEXT, PAIRS),
    st.tuples(st.just("later"), TEXT, st.floats(allow_nan=False)),
    st.tuples(st.just("event"), st.none(), PAIRS),
    st.tuples(st.just("plain record"), TEXT, TEXT),
)
#: What it may not: other hashes and lists.
HASHES = st.sampled_from(["processing", "workers", "meta"])
LISTS = st.sampled_from(["completed", "failed", "odd", "wake"])
FORBIDDEN = st.one_of(
    st.tuples(st.just("fields"), HASHES, PAIRS),
    st.tuples(st.just("push"), LISTS, st.lists(TEXT, min_size=1, max_size=3)),
    st.tuples(st.just("result"), TEXT, PAIRS),
)
#: Keys of another type than they should be.
KEYS = st.sampled_from(
    (
        *("pending", "pending:high", "pending:low", "processing", "delayed"),
        *("completed", "failed", "wake", "workers", "events", "meta", "odd"),
    )
)
EXAMPLES = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def write(queue: RedisTaskQueue, act: str, where: object, what: object) -> None:
    """Write as somebody does who knows the keys and no rule."""
    start = queue.namespace.encode()
    own = (queue.namespace + queue.name + ":").encode()
    if act == "push":
        queue.redis.rpush(own + where.encode(), *what)
    elif act == "record":
        queue.redis.hset(start + b"task:" + where, mapping=dict(what))
    elif act == "plain record":
        queue.redis.set(start + b"task:" + where, what)
    elif act == "result":
        queue.redis.hset(start + b"result:" + where, mapping=dict(what))
    elif act == "later":
        queue.redis.zadd(own + b"delayed", {where: what})
    elif act == "event":
        queue.redis.xadd(own + b"events", dict(what))
    elif act == "fields":
        queue.redis.hset(own + where.encode(), mapping=dict(what))


def write_all(queue: RedisTaskQueue, writes: list[tuple[str, object, object]]) -> None:
    for each in writes:
        with suppress(redis.ResponseError):  # what he wrote before is of another type
            write(queue, *each)


def read_everything(queue: RedisTaskQueue) -> None:
    """Every public read: a value or a sentence, never an error from inside."""
    reads = [
        queue.get_stats,
        queue.workers,
        queue.claims,
        queue.snapshot,
        queue.check,
        queue.orphans,
        queue.find_keys,
        lambda: list(queue.events()),
        lambda: queue.trace("t"),
        lambda: queue.set_aside(5),
        lambda: queue.task("t"),
        lambda: queue.result("t"),
        lambda: queue.join(timeout=0),
        lambda: examine(queue),
        *(lambda status=status: queue.tasks(status) for status in Status),
    ]
    for read in reads:
        try:
            read()
        except QueueError as error:
            assert str(error)


def work_off(queue: RedisTaskQueue, sound: list[str]) -> None:
    """Work as a worker does until the sound tasks are done."""
    left = set(sound)
    for _ in range(200):
        task = queue.get_task("a-worker")
        if task is None:
            break
        queue.mark_completed(task, {"n": 1})
        left.discard(task.id)
    assert not left
    for task_id in sound:
        assert queue.result(task_id) == {"n": 1}


@pytest.fixture(params=["valkey", "redis"])
def a_server(request):
    return request.getfixturevalue("valkey" if request.param == "valkey" else "redis_server")


@EXAMPLES
@given(before=st.lists(ALLOWED, max_size=6), after=st.lists(ALLOWED, max_size=6))
def test_whatever_a_producer_may_write_ends_nothing_and_sound_tasks_complete(
    a_server, before, after
):
    with redis_queue(a_server) as queue:
        write_all(queue, before)
        sound = [queue.add_task({"n": 1}, priority) for priority in PRIORITIES]
        write_all(queue, after)
        read_everything(queue)
        work_off(queue, sound)
        read_everything(queue)


@EXAMPLES
@given(writes=st.lists(ALLOWED | FORBIDDEN, max_size=8))
def test_what_it_may_not_write_ends_nothing_either(a_server, writes):
    with redis_queue(a_server) as queue:
        sound = [queue.add_task({"n": 1}, priority) for priority in PRIORITIES]
        write_all(queue, writes)
        queue.resume()  # somebody may have written that it is paused
        read_everything(queue)
        work_off(queue, sound)


@EXAMPLES
@given(name=KEYS, value=TEXT)
def test_a_key_of_another_type_is_a_sentence_and_once_it_is_gone_work_goes_on(
    a_server, name, value
):
    with redis_queue(a_server) as queue:
        sound = {priority: queue.add_task({"n": 1}, priority) for priority in PRIORITIES}
        key = f"{queue.namespace}{queue.name}:{name}"
        queue.redis.set(key, value)
        read_everything(queue)
        try:
            queue.get_task("a-worker")
        except QueueError as error:
            assert "wrote it by hand" in str(error)
        queue.redis.delete(key)
        for lost in queue.orphans():
            queue.repair([lost])
        queue.reap("a-worker")
        with_record = [each for each in sound.values() if queue.task(each)]
        for each in queue.tasks(Status.DELAYED):
            queue.redis.zadd(queue.keys.delayed, {each: 0})
        work_off(queue, with_record)
