"""The Lua scripts of batches, each of them alone: every key that a step changes, and no other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from helpers.lua import (
    PAYLOAD,
    RESULT,
    SETTINGS,
    add,
    added,
    claim,
    claimed,
    completed,
    forget,
    run,
    step,
)
from helpers.server import redis_queue

#: A task of the batch, and two more.
ONE, TWO, THREE = ("trip@1", "trip@2", "trip@3")
ABOUT = '{"a": 1}'


@pytest.fixture
def queue(server):
    """An empty queue with short limits, in each kind of server."""
    with redis_queue(server, SETTINGS) as queue:
        yield queue


def rows(*ids):
    return [each for task in ids for each in (task, f"picture {task}", PAYLOAD)]


def begun(queue, *ids, about=ABOUT):
    """A batch that was begun, with these tasks."""
    step(queue, "begin_batch", "trip", about)
    if ids:
        step(queue, "add_to_batch", "trip", "normal", "", *rows(*ids))


def closed(queue, *ids, at_end="", priority="low"):
    begun(queue, *ids)
    step(queue, "close_batch", "trip", at_end, priority)


def figures(**numbers):
    """Fields of `batches`."""
    return {"batches": {f"trip:{name}": number for name, number in numbers.items()}}


def token(attempt=1, nonce="n1"):
    return f"{attempt}:{nonce}"


# begin_batch


def test_a_batch_begins_with_nothing_in_it(queue):
    (is_ours, born), changed = run(queue, "begin_batch", "trip", ABOUT)
    assert is_ours == 1
    assert int(born) > 1e12
    counts = figures(
        about={"a": 1}, born="now", tasks=0, open=0, completed=0, failed=0, cancelled=0, closed=0
    )
    counts["batches"][":born last"] = "now"
    assert changed == counts


def test_to_begin_again_opens_a_closed_batch_and_leaves_the_rest(queue):
    closed(queue, ONE)
    (is_ours, born), changed = run(queue, "begin_batch", "trip", ABOUT)
    assert (is_ours, born) == (1, queue.redis.hget(queue.keys.batches, "trip:born"))
    assert changed == figures(closed=0)


def test_a_batch_that_is_about_something_else_is_not_opened(queue):
    closed(queue, ONE)
    reply, changed = run(queue, "begin_batch", "trip", '{"a": 2}')
    assert (reply, changed) == ([0, ABOUT], {})


def test_two_batches_never_begin_at_the_same_moment(queue):
    moment = 10**15
    begun(queue)
    queue.redis.hset(queue.keys.batches, ":born last", moment)
    assert step(queue, "begin_batch", "other", "{}")[1] != str(moment + 1), "that is far too late"
    now = queue.server_time() + 500
    queue.redis.hset(queue.keys.batches, ":born last", now)
    assert step(queue, "begin_batch", "third", "{}")[1] == str(now + 1)


# add_to_batch


def test_a_new_task_stands_in_line_in_its_batch_and_rings(queue):
    begun(queue)
    forget(queue, "wake")
    reply, changed = run(queue, "add_to_batch", "trip", "high", "7", *rows(ONE))
    looked_at, _, new = reply
    assert (looked_at, new) == (1, 1)
    assert changed == {
        f"task:{ONE}": added(priority="high", max_attempts=7),
        "pending:high": [ONE],
        "batch:trip": {ONE: f"open picture {ONE}"},
        "wake": ["1"],
        "events": [f"added {ONE} priority=high"],
        **figures(tasks=1, open=1, owed=1),
    }


def test_what_is_in_the_batch_is_passed_over_whatever_became_of_it(queue):
    begun(queue, ONE)
    claim(queue)
    step(queue, "mark_completed", ONE, token(), "ann", RESULT)
    queue.redis.delete(queue.keys.task(ONE))
    reply, changed = run(queue, "add_to_batch", "trip", "normal", "", *rows(ONE))
    assert (reply[0], reply[2], changed) == (1, 0, {})


def test_nothing_is_added_to_a_batch_that_there_is_not(queue):
    reply, changed = run(queue, "add_to_batch", "trip", "normal", "", *rows(ONE))
    assert (reply, changed) == (-1, {})


def test_where_there_is_room_for_some_the_first_ones_go_in_and_all_known_ones_pass(queue):
    begun(queue, ONE)
    queue._use(replace(SETTINGS, max_pending=2))
    reply, changed = run(queue, "add_to_batch", "trip", "normal", "", *rows(ONE, TWO, THREE))
    assert reply == [2, 2, 1]
    assert changed["batch:trip"] == {TWO: f"open picture {TWO}"}
    assert changed["pending"] == [TWO, ONE]


# How tasks end


def test_a_completed_task_is_noted_with_its_result(queue):
    begun(queue, ONE, TWO)
    claim(queue)
    reply, changed = run(queue, "mark_completed", ONE, token(), "ann", RESULT)
    assert reply == 1
    ended = changed.pop("batch:trip:ended")
    assert list(ended.values()) == [f"- {ONE} status=completed about={RESULT}"]
    assert changed == {
        **completed(ONE),
        "batch:trip": {ONE: f"completed picture {ONE}"},
        **figures(open=1, completed=1),
    }


def test_a_failed_task_is_noted_with_its_reason(queue):
    begun(queue, ONE)
    claim(queue)
    _, changed = run(queue, "mark_failed", ONE, token(), "boom", "0", 0.5)
    ended = changed.pop("batch:trip:ended")
    assert list(ended.values()) == [f"- {ONE} status=failed about=boom"]
    assert changed["batch:trip"] == {ONE: f"failed picture {ONE}"}
    assert changed["batches"] == figures(open=0, failed=1)["batches"]


def test_a_report_that_is_stale_changes_no_batch(queue):
    begun(queue, ONE)
    claim(queue)
    reply, changed = run(queue, "mark_completed", ONE, token(nonce="other"), "bob", RESULT)
    assert (reply, changed) == (0, {})


def test_an_id_that_only_looks_as_if_it_were_in_a_batch_is_in_none(queue):
    begun(queue, ONE)
    add(queue, "trip@9", priority="high")
    claim(queue)
    _, changed = run(queue, "mark_completed", "trip@9", token(), "ann", RESULT)
    assert changed == completed("trip@9")


def test_an_odd_id_is_in_no_batch_and_harms_none(queue):
    begun(queue, ONE)
    claim(queue)
    step(queue, "mark_completed", ONE, token(), "ann", RESULT)
    for odd in ("trip:ended@1", "@1", "a@b@1", "trip@"):
        add(queue, odd)
        claim(queue)
        assert step(queue, "mark_completed", odd, token(), "ann", RESULT) == 1
    assert len(list(queue.endings("trip"))) == 1
    assert queue.redis.exists(queue.keys.odd) == 0


def test_a_fresh_start_opens_the_task_again(queue):
    begun(queue, ONE)
    claim(queue)
    step(queue, "mark_failed", ONE, token(), "boom", "0", 0.5)
    _, changed = run(queue, "requeue_failed", ONE)
    assert changed["batch:trip"] == {ONE: f"open picture {ONE}"}
    assert changed["batches"] == figures(open=1, failed=0)["batches"]
    assert "batch:trip:ended" not in changed


def test_a_task_that_lost_its_record_ends_as_failed(queue):
    begun(queue, ONE)
    queue.redis.delete(queue.keys.task(ONE))
    step(queue, "get_tasks", "ann", "n1", *("7", "here"), 0.5, 1, "")
    assert queue.redis.hget(queue.keys.batch("trip"), ONE) == f"failed picture {ONE}"


def test_what_a_person_mended_stands_in_its_batch_as_it_is_now(queue):
    begun(queue, ONE)
    claim(queue)
    step(queue, "mark_completed", ONE, token(), "ann", RESULT)
    queue.redis.delete(queue.keys.result(ONE))
    _, changed = run(queue, "repair", ONE)
    assert changed["batch:trip"] == {ONE: f"open picture {ONE}"}
    assert changed["batches"] == figures(open=1, completed=0)["batches"]


def test_what_was_mended_and_stands_as_before_ends_no_second_time(queue):
    begun(queue, ONE)
    claim(queue)
    step(queue, "mark_completed", ONE, token(), "ann", RESULT)
    queue.redis.lpush(queue.keys.completed, ONE)
    reply, changed = run(queue, "repair", ONE)
    assert reply == [ONE]
    assert set(changed) == {"completed", "events"}


# close_batch, and the end


def test_a_batch_with_open_tasks_is_closed_and_does_not_end(queue):
    begun(queue, ONE)
    reply, changed = run(queue, "close_batch", "trip", PAYLOAD, "low")
    assert reply == 1
    assert changed == figures(closed=1, at_end={"n": 1}, at_end_priority="low")


def test_with_its_last_task_it_ends_and_one_task_follows(queue):
    closed(queue, ONE, at_end=PAYLOAD)
    claim(queue)
    forget(queue, "wake")
    _, changed = run(queue, "mark_completed", ONE, token(), "ann", RESULT)
    born = queue.redis.hget(queue.keys.batches, "trip:born")
    following = f"trip.end-{born}-1"
    assert changed[f"task:{following}"] == added(priority="low")
    assert changed["pending:low"] == [following]
    assert changed["wake"] == ["1"]
    assert changed["events"] == [f"added {following} priority=low", f"completed {ONE} worker=ann"]
    ended = figures(open=0, completed=1, owed=0, ended_at="now", ends=1)
    assert changed["batches"] == ended["batches"]


def test_without_a_task_to_follow_none_does(queue):
    closed(queue, ONE)
    claim(queue)
    _, changed = run(queue, "mark_completed", ONE, token(), "ann", RESULT)
    assert changed["events"] == [f"completed {ONE} worker=ann"]
    assert changed["batches"]["trip:ends"] == 1


def test_a_batch_ends_once_for_what_was_added(queue):
    closed(queue, ONE, at_end=PAYLOAD)
    claim(queue)
    step(queue, "mark_completed", ONE, token(), "ann", RESULT)
    step(queue, "begin_batch", "trip", ABOUT)
    _, changed = run(queue, "close_batch", "trip", PAYLOAD, "low")
    assert changed == figures(closed=1)


def test_to_close_a_batch_whose_tasks_have_ended_ends_it(queue):
    begun(queue, ONE)
    claim(queue)
    step(queue, "mark_completed", ONE, token(), "ann", RESULT)
    _, changed = run(queue, "close_batch", "trip", PAYLOAD, "high")
    assert len(changed["pending:high"]) == 1


def test_a_line_of_another_type_does_not_stop_the_report_that_ends_a_batch(queue):
    closed(queue, ONE, at_end=PAYLOAD)
    claim(queue)
    queue.redis.set(queue.keys.pending("low"), "nonsense")
    reply, changed = run(queue, "mark_completed", ONE, token(), "ann", RESULT)
    assert reply == 1
    assert len(changed["pending:low"]) == 1


@pytest.mark.parametrize("key", ["batches", "batch:trip", "batch:trip:ended"])
def test_keys_of_another_type_do_not_stop_a_report(queue, key):
    closed(queue, ONE, at_end=PAYLOAD)
    claim(queue)
    whole = f"{queue.namespace}{queue.name}:{key}"
    queue.redis.delete(whole)
    queue.redis.set(whole, "nonsense")
    assert step(queue, "mark_completed", ONE, token(), "ann", RESULT) == 1
    assert queue.tasks("completed") == [ONE]
    assert queue.get_stats().completed_total == 1


@pytest.mark.parametrize("text", ["", "nonsense", "-5", "nan", "9" * 30])
def test_a_figure_that_somebody_overwrote_does_not_stop_a_report(queue, text):
    begun(queue, ONE, TWO)
    claim(queue)
    queue.redis.hset(queue.keys.batches, "trip:open", text)
    queue.redis.hset(queue.keys.batch("trip"), ONE, text)
    assert step(queue, "mark_completed", ONE, token(), "ann", RESULT) == 1
    assert queue.batch("trip").completed == 1


# forget_batch, clear


def test_a_batch_is_forgotten_whole_and_its_tasks_stay(queue):
    closed(queue, ONE, at_end="")
    claim(queue)
    step(queue, "mark_completed", ONE, token(), "ann", RESULT)
    reply, changed = run(queue, "forget_batch", "trip")
    assert reply == 0
    assert set(changed) == {"batches", "batch:trip", "batch:trip:ended"}
    assert queue.redis.hkeys(queue.keys.batches) == [":born last"]
    assert queue.redis.exists(queue.keys.batch("trip"), queue.keys.ended("trip")) == 0
    assert queue.redis.exists(queue.keys.task(ONE)) == 1


def test_a_batch_with_open_tasks_is_not_forgotten(queue):
    closed(queue, ONE, TWO)
    reply, changed = run(queue, "forget_batch", "trip")
    assert (reply, changed) == (2, {})


def test_with_its_queue_a_batch_is_cleared(queue):
    closed(queue, ONE)
    claim(queue)
    step(queue, "mark_completed", ONE, token(), "ann", RESULT)
    queue.clear()
    assert list(queue.redis.scan_iter(queue.namespace + "*")) == []


def test_tasks_of_no_batch_pay_for_none(queue):
    add(queue, "t1")
    claim(queue)
    _, changed = run(queue, "mark_completed", "t1", token(), "ann", RESULT)
    assert changed == completed()


def test_claims_of_a_batch_are_as_those_of_any_task(queue):
    begun(queue, ONE)
    _, changed = run(queue, "get_tasks", "ann", "n1", *("7", "here"), 0.5, 1, "1")
    assert changed == {**claimed(ONE), "pending": None}
