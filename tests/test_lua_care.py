"""The Lua scripts that look at a queue and mend it; a full server; what was written by hand."""

from __future__ import annotations

import pytest
from helpers.lua import (
    PAYLOAD,
    RESULT,
    SETTINGS,
    STEP,
    add,
    asks,
    claim,
    claimed,
    complete,
    completed,
    delayed,
    dump,
    expire,
    fail,
    failed,
    fill,
    forget,
    held,
    run,
    seen,
    step,
    task_key,
)
from helpers.server import redis_queue, running

from imglab.errors import QueueError


@pytest.fixture
def queue(server):
    """An empty queue with short limits, in each kind of server."""
    with redis_queue(server, SETTINGS) as queue:
        yield queue


# check


def test_a_page_of_a_line_is_counted_from_the_end_that_is_taken_first(queue):
    add(queue, "t1", "t2", "t3")
    cursor, rows = step(queue, "check", "normal", "0", 2)
    assert (cursor, [row[1] for row in rows]) == ("2", ["t2", "t1"])
    add(queue, "t4")
    cursor, rows = step(queue, "check", "normal", cursor, 2)
    assert (cursor, [row[1] for row in rows]) == ("4", ["t4", "t3"])
    assert step(queue, "check", "normal", cursor, 2) == ["0", []]


@pytest.mark.parametrize("place", ["delayed", "processing"])
def test_a_scan_of_many_tasks_meets_each_of_them(queue, place):
    ids = [f"t{n}" for n in range(1500)]
    add(queue, *ids, delay=STEP * (place == "delayed"))
    if place == "processing":
        step(queue, "get_tasks", *asks(limit=1500))
    _, standings = queue.standings()
    assert sorted(each.id for each in standings) == sorted(ids)
    assert {each.place for each in standings} == {place}
    assert queue.check() == []


def test_a_page_goes_on_over_a_record_of_another_type(queue):
    add(queue, "t1", "t2")
    queue.redis.delete(task_key(queue, "t1"))
    queue.redis.set(task_key(queue, "t1"), "x")
    assert queue.check() == ["Task t1 is pending, but its own record is gone."]


# count_places


def test_places_are_counted_as_far_as_asked(queue):
    complete(queue, "t1")
    queue.redis.lpush(queue.keys.pending(), "t1", "t1")
    add(queue, "t2", delay=STEP)
    assert [step(queue, "count_places", "t1", most) for most in (1, 2, 9)] == [1, 2, 3]
    assert step(queue, "count_places", "t2", 2) == 1
    assert step(queue, "count_places", "t3", 1) == 0


# clear


def test_clear_deletes_every_task_and_then_the_rest_and_nothing_of_anybody_else(queue, server):
    fill(queue)
    queue.redis.set(f"{queue.namespace}foreign", "stays")
    with redis_queue(server, SETTINGS) as neighbour:
        fill(neighbour)
        before = dump(neighbour)
        reply, changed = run(queue, "clear", 10)
        assert reply == 9
        assert changed == dict.fromkeys(
            [
                *("pending", "pending:high", "pending:low", "processing", "delayed"),
                *("completed", "failed", "cancelled", "task:unwanted"),
                *("result:done", "result:done expires"),
                *(f"task:{each}" for each in ("done", "lost", "running", "later", "low", "high")),
                *("task:normal1", "task:normal2"),
            ]
        )
        assert run(queue, "clear", 10)[0] == 0
        assert dump(queue) == {"foreign": "stays"}
        assert dump(neighbour) == before


def test_clear_takes_so_many_at_a_time_wherever_they_are(queue):
    fail(queue, "lost1", "lost2")
    add(queue, "t1", "t2", "t3")
    add(queue, "later1", "later2", delay=STEP)
    replies = [step(queue, "clear", 2) for _ in range(5)]
    assert replies == [2, 2, 2, 1, 0]
    assert dump(queue) == {}


def test_a_busy_hash_is_cleared_in_pages(queue):
    """Beyond so many entries Redis keeps a hash as a table, of which a scan gives pages."""
    ids = [f"t{n}" for n in range(600)]
    add(queue, *ids)
    assert len(step(queue, "get_tasks", *asks(limit=600))) == 600
    replies = []
    while not replies or replies[-1]:
        replies.append(step(queue, "clear", 50))
    assert sum(replies) == 600
    assert max(replies) < 300
    assert dump(queue) == {}


def test_nobody_completes_a_task_that_was_cleared(queue):
    held(queue)
    queue.clear()
    assert run(queue, "mark_completed", "t1", "1:n1", "ann", RESULT) == (0, {})


# A full server


@pytest.fixture(scope="module", params=["valkey", "redis"])
def small_server(request, tmp_path_factory):
    """A server that these tests alone use, because they fill it up."""
    with running(request.param, tmp_path_factory.mktemp("small")) as server:
        yield server


@pytest.fixture
def full(small_server):
    """A queue with room, until `fill_up` is called: then its server takes no further byte."""
    with redis_queue(small_server, SETTINGS) as queue:
        queue.redis.config_set("maxmemory", 0)
        yield queue


def fill_up(queue):
    queue.redis.config_set("maxmemory", 1)


def test_a_full_server_refuses_new_tasks_and_says_what_to_do(full):
    fill_up(full)
    with pytest.raises(QueueError, match="is full and takes no new tasks"):
        run(full, "add_tasks", "normal", 0, "", "", "t1", PAYLOAD)
    assert dump(full) == {}


def test_a_full_server_lets_a_worker_complete(full):
    held(full)
    fill_up(full)
    assert run(full, "mark_completed", "t1", "1:n1", "ann", RESULT) == (1, completed())


@pytest.mark.parametrize(("retry", "expected"), [("1", delayed(10_000)), ("0", failed())])
def test_a_full_server_lets_a_worker_fail(full, retry, expected):
    held(full)
    fill_up(full)
    assert run(full, "mark_failed", "t1", "1:n1", "boom", retry, 0.5) == (1, expected)


def test_a_full_server_lets_a_worker_release(full):
    held(full)
    fill_up(full)
    reply, changed = run(full, "release", "t1", "1:n1")
    assert reply == 1
    assert changed["pending"] == ["t1"]


def test_a_full_server_lets_a_worker_claim(full):
    add(full, "t1")
    fill_up(full)
    reply, changed = run(full, "get_tasks", *asks())
    assert reply == [["t1", PAYLOAD, "normal", 1, "1:n1"]]
    assert changed == {"pending": None, **claimed()}


def test_a_full_server_lets_a_worker_wait_for_tasks(full):
    fill_up(full)
    reply, changed = run(full, "get_tasks", *asks())
    assert reply == [60_000]
    assert changed == {"workers": {"ann": seen("")}, "meta": {"reaped_at": "now"}}


def test_a_full_server_lets_a_worker_wait_in_a_paused_queue_that_was_just_reaped(full):
    full.pause()
    step(full, "reap", "", "", "", 0)
    fill_up(full)
    assert step(full, "get_tasks", *asks()) == [60_000]
    assert dump(full)["workers"].keys() == {"ann"}


def test_a_full_server_lets_a_worker_renew_its_lease(full):
    held(full)
    fill_up(full)
    reply, changed = run(full, "renew", "t1", "1:n1", "ann", "")
    assert reply == 1
    assert changed["processing"] == {"t1": {"deadline": "now+60s"}}


@pytest.mark.parametrize("count", [0, 1])
def test_a_full_server_lets_a_worker_reap(full, count):
    held(full)
    expire(full, *["t1"][:count])
    fill_up(full)
    reply, changed = run(full, "reap", "", "", "", 0.5)
    assert reply == count
    assert changed["meta"] == {"reaped_at": "now"}


def test_a_full_server_lets_people_make_room(full):
    fail(full, "lost")
    add(full, "waiting")
    fill_up(full)
    assert run(full, "cancel", "waiting")[0] == 1
    assert run(full, "requeue_failed", "lost")[0] == ["lost"]
    assert full.clear() == 2
    assert dump(full) == {}


# What a person, or another program, wrote by hand


def odd_record(queue, value):
    """In line, but with a record that is none of ours."""
    queue.redis.lpush(queue.keys.pending(), "p")
    if isinstance(value, dict):
        queue.redis.hset(task_key(queue, "p"), mapping=value)
    else:
        queue.redis.set(task_key(queue, "p"), value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("x", "its record is of another type"),
        ({"payload": "{}"}, "its record names no priority that exists"),
        ({"payload": "{}", "priority": "urgent"}, "its record names no priority that exists"),
        ({"priority": "high"}, "it has no record of its own"),
    ],
)
def test_what_is_no_task_is_set_aside_and_the_next_is_handed_out(queue, value, reason):
    odd_record(queue, value)
    add(queue, "t1")
    reply, changed = run(queue, "get_tasks", *asks())
    assert reply[0][0] == "t1"
    assert changed["odd"] == [{"id": "p", "reason": reason, "at": "now"}]
    assert changed["pending"] is None


@pytest.mark.parametrize("task", ['a"b', "a b", "a\nb", "x" * 101, "\udcff"])
def test_an_id_that_no_task_can_have_is_set_aside(queue, task):
    raw = task.encode(errors="surrogateescape")
    queue.redis.lpush(queue.keys.pending(), raw)
    queue.redis.hset(
        f"{queue.namespace}task:".encode() + raw, mapping={"payload": "{}", "priority": "high"}
    )
    add(queue, "t1")
    reply = step(queue, "get_tasks", *asks())
    assert [claim[0] for claim in reply] == ["t1"]
    assert queue.redis.llen(queue.keys.odd) == 1
    assert queue.tasks("pending") == []


def test_a_list_full_of_oddities_is_worked_off_in_bounded_steps(queue):
    queue.redis.lpush(queue.keys.pending(), *(f"ghost-{n}" for n in range(250)))
    add(queue, "t1")
    found = [step(queue, "get_tasks", *asks(again="")) for _ in range(3)]
    assert found[:2] == [[0], [0]]  # there is more: ask again at once
    assert found[2][0][0] == "t1"
    assert queue.redis.llen(queue.keys.odd) == SETTINGS.keep


@pytest.mark.parametrize("value", ["abc", "nan", "-3", "1e300", ""])
@pytest.mark.parametrize("field", ["claims", "completed", "failed"])
def test_w5_a_number_that_somebody_overwrote_begins_anew_which_is_said_and_no_task_suffers(
    queue, field, value
):
    add(queue, "t1", "t2")
    queue.redis.hset(queue.keys.meta, field, value)
    task, token = claim(queue)
    assert step(queue, "mark_completed", task, token, "ann", RESULT) == 1
    task, token = claim(queue, nonce="n2")
    assert step(queue, "mark_failed", task, token, "boom", "0", 0) == 1
    assert queue.check() == []
    assert (queue.get_stats().completed_total, queue.get_stats().failed_total) == (1, 1)
    count, (said,) = queue.set_aside(5)
    assert (count, said["id"]) == (1, queue.keys.meta)
    assert said["reason"] == f"{field} was no number that counts, and began anew"


@pytest.mark.parametrize("value", ["abc", "nan", "inf", "1e18", "-3"])
def test_w5_nobody_starves_though_somebody_overwrote_the_number_of_claims(queue, value):
    add(queue, *(f"h{n}" for n in range(16)), priority="high")
    add(queue, "l1", "l2", priority="low")
    queue.redis.hset(queue.keys.meta, "claims", value)
    taken = [claim(queue, nonce=f"n{n}")[0] for n in range(16)]
    assert [taken[7], taken[15]] == ["l1", "l2"]


@pytest.mark.parametrize("value", ["abc", "nan", "inf", "-inf", ""])
def test_w5_leases_are_looked_at_though_somebody_overwrote_when_that_was_last(queue, value):
    held(queue)
    add(queue, "t2", "t3")
    expire(queue, "t1")
    queue.redis.hset(queue.keys.meta, "reaped_at", value)
    claim(queue, nonce="n2")
    assert queue.task("t1").status == "delayed"
    assert queue.redis.hget(queue.keys.meta, "reaped_at").isdecimal()


def test_crashes_that_are_no_number_are_counted_from_one(queue):
    held(queue)
    queue.redis.hset(task_key(queue), "crashes", "many")
    expire(queue, "t1")
    assert step(queue, "reap", "", "", "", 0) == 1
    assert queue.task("t1").crashes == 1


# repair


def done_by_ann(queue, task="t1"):
    complete(queue, task)
    forget(queue, "wake")


def test_a_sound_task_wherever_it_is_is_left_as_it_is(queue):
    add(queue, "waiting", priority="low")
    add(queue, "later", delay=20_000)
    complete(queue, "done")
    fail(queue, "bad")
    add(queue, "unwanted")
    step(queue, "cancel", "unwanted")
    add(queue, "held", priority="high")
    claim(queue)
    everything = ("waiting", "later", "done", "bad", "unwanted", "held", "unknown")
    reply, changed = run(queue, "repair", *everything)
    assert reply == []
    assert changed == {}


def test_a_record_in_no_list_is_put_in_its_line(queue):
    add(queue, "t1", priority="low")
    forget(queue, "wake")
    queue.redis.delete(queue.keys.pending("low"))
    reply, changed = run(queue, "repair", "t1")
    assert reply == ["t1"]
    assert changed == {
        "pending:low": ["t1"],
        "task:t1": {"claim": ""},
        "wake": ["1"],
        "events": ["repaired t1 status=pending"],
    }


def test_a_record_in_no_list_that_was_finished_is_deleted_with_its_result(queue):
    done_by_ann(queue)
    forget(queue, "completed")
    reply, changed = run(queue, "repair", "t1")
    assert reply == ["t1"]
    assert changed == {"task:t1": None, "result:t1": None, "result:t1 expires": None}


@pytest.mark.parametrize("place", ["pending:high", "pending", "pending:low", "failed", "cancelled"])
def test_an_id_without_a_record_is_taken_out_of_every_list(queue, place):
    queue.redis.lpush(f"{queue.namespace}{queue.name}:{place}", "ghost", "ghost")
    reply, changed = run(queue, "repair", "ghost")
    assert reply == ["ghost"]
    assert changed[place] is None


def test_a_claim_without_a_record_and_a_date_without_one_are_taken_out(queue):
    queue.redis.hset(queue.keys.processing, "ghost", "{}")
    queue.redis.zadd(queue.keys.delayed, {"ghost": 1})
    reply, changed = run(queue, "repair", "ghost")
    assert reply == ["ghost"]
    assert changed == {"processing": None, "delayed": None}


def test_a_completed_task_that_is_in_line_as_well_stays_completed(queue):
    done_by_ann(queue)
    queue.redis.lpush(queue.keys.pending(), "t1")
    reply, changed = run(queue, "repair", "t1")
    assert reply == ["t1"]
    assert changed == {"pending": None, "events": ["repaired t1 status=completed"]}


def test_a_cancelled_task_that_is_in_line_as_well_stays_cancelled(queue):
    add(queue, "t1")
    step(queue, "cancel", "t1")
    queue.redis.lpush(queue.keys.pending(), "t1")
    queue.redis.hset(task_key(queue), "status", "pending")
    reply, changed = run(queue, "repair", "t1")
    assert reply == ["t1"]
    assert changed == {
        "pending": None,
        "task:t1": {"status": "cancelled"},
        "events": ["repaired t1 status=cancelled"],
    }


def test_a_cancelled_task_that_is_in_no_list_is_deleted(queue):
    add(queue, "t1")
    step(queue, "cancel", "t1")
    forget(queue, "cancelled")
    assert run(queue, "repair", "t1") == (["t1"], {"task:t1": None})


def test_a_task_that_was_cancelled_while_it_ran_is_not_mended_back_into_its_line(queue):
    held(queue)
    step(queue, "cancel", "t1")
    forget(queue, "processing", "wake")
    reply, changed = run(queue, "repair", "t1")
    assert reply == ["t1"]
    assert changed == {
        "cancelled": ["t1"],
        "task:t1": {"status": "cancelled", "claim": ""},
        "events": ["repaired t1 status=cancelled"],
    }


def test_a_completed_task_whose_result_was_deleted_is_to_be_done_again(queue):
    done_by_ann(queue)
    queue.redis.delete(queue.keys.result("t1"))
    reply, changed = run(queue, "repair", "t1")
    assert reply == ["t1"]
    assert changed == {
        "completed": None,
        "pending": ["t1"],
        "task:t1": {"status": "pending"},
        "wake": ["1"],
        "events": ["repaired t1 status=pending"],
    }


def test_a_completed_task_whose_result_is_too_old_stays_completed(queue):
    done_by_ann(queue)
    queue.redis.delete(queue.keys.result("t1"))
    queue.redis.hset(queue.keys.task("t1"), "finished_at", 1)
    assert run(queue, "repair", "t1") == ([], {})


def test_a_task_held_and_in_line_is_to_be_done_and_its_holder_loses_it(queue):
    held(queue)
    forget(queue, "wake")
    queue.redis.lpush(queue.keys.pending(), "t1")
    reply, changed = run(queue, "repair", "t1")
    assert reply == ["t1"]
    assert changed == {
        "processing": None,
        "task:t1": {"status": "pending", "claim": ""},
        "wake": ["1"],
        "events": ["repaired t1 status=pending"],
    }
    assert step(queue, "mark_completed", "t1", "1:n1", "ann", RESULT) == 0


def test_an_id_that_stands_twice_in_its_line_stands_there_once(queue):
    add(queue, "t1", "t2")
    queue.redis.lpush(queue.keys.pending(), "t1")
    reply, changed = run(queue, "repair", "t1")
    assert reply == ["t1"]
    assert changed == {
        "pending": ["t1", "t2"],
        "task:t1": {"claim": ""},
        "events": ["repaired t1 status=pending"],
    }


def test_a_record_that_says_another_claim_than_its_holders_follows_the_holder(queue):
    held(queue)
    queue.redis.hset(queue.keys.task("t1"), mapping={"status": "pending", "claim": "9:x"})
    reply, changed = run(queue, "repair", "t1")
    assert reply == ["t1"]
    assert changed == {
        "task:t1": {"status": "processing", "claim": "1:n1"},
        "events": ["repaired t1 status=processing"],
    }


def test_a_repair_leaves_one_wake_token(queue):
    queue.redis.rpush(queue.keys.wake, "1", "1", "1")
    assert run(queue, "repair") == ([], {"wake": ["1"]})
