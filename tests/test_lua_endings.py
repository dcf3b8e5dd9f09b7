"""The Lua scripts that end a try in another way: failed, given back, lost, cancelled."""

from __future__ import annotations

import hashlib
import json

import pytest
from helpers.lua import (
    DIED,
    PAYLOAD,
    RESULT,
    SETTINGS,
    SILENT,
    STEP,
    add,
    asks,
    claim,
    complete,
    completed,
    delayed,
    dump,
    expire,
    fail,
    failed,
    forget,
    held,
    reaped,
    rewrite,
    run,
    set_aside,
    step,
    take_over,
    task_key,
)
from helpers.server import redis_queue

from imglab.errors import QueueError


@pytest.fixture
def queue(server):
    """An empty queue with short limits, in each kind of server."""
    with redis_queue(server, SETTINGS) as queue:
        yield queue


# mark_failed


def test_a_failed_try_waits_for_the_next(queue):
    held(queue)
    reply, changed = run(queue, "mark_failed", "t1", "1:n1", "boom", "1", 0.5)
    assert reply == 1
    assert changed == delayed(10_000)


def test_a_failed_try_rings_so_that_sleepers_set_their_alarm(queue):
    held(queue)
    forget(queue, "wake")
    _, changed = run(queue, "mark_failed", "t1", "1:n1", "boom", "1", 0.5)
    assert changed == delayed(10_000) | {"wake": ["1"]}


@pytest.mark.parametrize(
    ("tries", "random", "wait"),
    [
        *((1, 0, 0), (1, 0.5, 10_000), (1, 1, 20_000)),
        *((2, 0.5, 20_000), (3, 0.5, 40_000), (3, 1, 80_000)),
        *((4, 0.5, 50_000), (4, 1, 100_000), (2000, 0.1, 10_000)),
    ],
)
def test_the_wait_is_random_below_a_bound_that_doubles_up_to_its_cap(queue, tries, random, wait):
    held(queue, max_attempts=9999)
    queue.redis.hset(task_key(queue), "attempts", tries)
    _, changed = run(queue, "mark_failed", "t1", "1:n1", "boom", "1", random)
    assert changed == delayed(wait)


def test_where_there_is_no_wait_there_is_none_after_any_number_of_tries(queue):
    queue.change_settings(backoff=0)
    held(queue, max_attempts=9999)
    queue.redis.hset(task_key(queue), "attempts", 2000)
    _, changed = run(queue, "mark_failed", "t1", "1:n1", "boom", "1", 0.5)
    assert changed == delayed(0)


def test_after_its_last_try_a_task_is_failed(queue):
    held(queue)
    queue.redis.hset(task_key(queue), "attempts", 3)
    forget(queue, "wake")
    reply, changed = run(queue, "mark_failed", "t1", "1:n1", "boom", "1", 0.5)
    assert reply == 1
    assert changed == failed()


def test_the_try_before_the_last_is_not_the_last(queue):
    held(queue)
    queue.redis.hset(task_key(queue), "attempts", 2)
    _, changed = run(queue, "mark_failed", "t1", "1:n1", "boom", "1", 0.5)
    assert changed == delayed(20_000)


def test_when_trying_again_cannot_help_the_first_try_is_the_last(queue):
    held(queue, max_attempts=9)
    reply, changed = run(queue, "mark_failed", "t1", "1:n1", "boom", "0", 0.5)
    assert reply == 1
    assert changed == failed()


@pytest.mark.parametrize(("attempts", "expected"), [(4, delayed(50_000)), (5, failed())])
def test_a_tasks_own_number_of_tries_wins_over_the_queues(queue, attempts, expected):
    held(queue, max_attempts=5)
    queue.redis.hset(task_key(queue), "attempts", attempts)
    _, changed = run(queue, "mark_failed", "t1", "1:n1", "boom", "1", 0.5)
    assert changed == expected


def test_the_most_tries_that_a_task_may_have_are_its_own_too(queue):
    held(queue, max_attempts=10**9)
    queue.redis.hset(task_key(queue), "attempts", SETTINGS.max_attempts)
    _, changed = run(queue, "mark_failed", "t1", "1:n1", "boom", "1", 0.5)
    assert changed == delayed(40_000)


@pytest.mark.parametrize(("attempts", "expected"), [(3, delayed(20_000)), (4, failed())])
def test_a_crash_does_not_count_as_a_try(queue, attempts, expected):
    held(queue)
    queue.redis.hset(task_key(queue), mapping={"attempts": attempts, "crashes": 1})
    _, changed = run(queue, "mark_failed", "t1", "1:n1", "boom", "1", 0.5)
    assert changed == expected


def test_a_cancelled_task_that_fails_is_not_tried_again(queue):
    held(queue)
    step(queue, "cancel", "t1")
    _, changed = run(queue, "mark_failed", "t1", "1:n1", "stopped", "1", 0.5)
    assert changed == {
        "processing": None,
        "task:t1": {
            "status": "cancelled",
            "claim": "",
            "finished_at": "now",
            "errors": [{"claim": "1:n1", "at": "now", "error": "stopped"}],
        },
        "cancelled": ["t1"],
        "meta": {"cancelled": 1},
        "events": ["cancelled t1 reason=stopped"],
    }


def test_a_cancelled_task_that_is_completed_first_is_completed(queue):
    held(queue)
    step(queue, "cancel", "t1")
    reply, changed = run(queue, "mark_completed", "t1", "1:n1", "ann", RESULT)
    assert reply == 1
    assert changed == completed()
    assert run(queue, "cancel", "t1") == (0, {})


def test_of_cancelled_tasks_the_oldest_goes_with_its_hash_when_there_are_too_many(queue):
    for task in ("t1", "t2", "t3"):
        add(queue, task)
        step(queue, "cancel", task)
    found = dump(queue)
    assert found["cancelled"] == ["t3", "t2"]
    assert "task:t1" not in found
    assert found["meta"]["cancelled"] == 3


def test_the_last_five_errors_are_kept(queue):
    held(queue)
    old = [{"claim": f"{n}:x", "at": n, "error": f"error {n}"} for n in range(1, 6)]
    queue.redis.hset(task_key(queue), "errors", json.dumps(old))
    _, changed = run(queue, "mark_failed", "t1", "1:n1", 'a "quoted"\nëñd', "1", 0.5)
    newest = {"claim": "1:n1", "at": "now", "error": 'a "quoted"\nëñd'}
    assert changed["task:t1"]["errors"] == [*old[1:], newest]


def test_the_oldest_failed_task_beyond_the_limit_goes(queue):
    fail(queue, "old1", "old2")
    held(queue)
    _, changed = run(queue, "mark_failed", "t1", "1:n1", "boom", "0", 0.5)
    assert changed == failed() | {
        "failed": ["t1", "old2"],
        "task:old1": None,
        "meta": {"failed": 3},
    }


@pytest.mark.parametrize("retry", ["0", "1"])
def test_failing_twice_by_the_same_claim_is_harmless(queue, retry):
    held(queue)
    step(queue, "mark_failed", "t1", "1:n1", "boom", retry, 0.5)
    reply, changed = run(queue, "mark_failed", "t1", "1:n1", "boom", retry, 0.5)
    assert reply == 2
    assert changed == {}


def test_failing_twice_is_still_harmless_when_somebody_else_tries_by_now(queue):
    held(queue)
    step(queue, "mark_failed", "t1", "1:n1", "boom", "1", 0)
    assert claim(queue, "bob", "n2") == ("t1", "2:n2")
    reply, changed = run(queue, "mark_failed", "t1", "1:n1", "boom", "1", 0.5)
    assert reply == 2
    assert changed == {}


def test_a_claim_that_was_given_back_cannot_fail_its_task(queue):
    held(queue)
    step(queue, "release", "t1", "1:n1")
    reply, changed = run(queue, "mark_failed", "t1", "1:n1", "boom", "1", 0.5)
    assert reply == 0
    assert changed == {}


def test_a_claim_that_somebody_took_over_cannot_fail_its_task(queue):
    held(queue)
    take_over(queue)
    reply, changed = run(queue, "mark_failed", "t1", "1:n1", "boom", "1", 0.5)
    assert changed == {}
    assert reply == 0, "stale: this claim recorded no error, its lease ran out"


@pytest.mark.parametrize("token", ["2:n1", "1:n", ":n1", ""])
def test_only_the_token_of_the_claim_fails_its_task(queue, token):
    held(queue)
    reply, changed = run(queue, "mark_failed", "t1", token, "boom", "1", 0.5)
    assert reply == 0
    assert changed == {}


def test_failing_a_task_nobody_knows_is_stale_and_makes_no_task(queue):
    assert run(queue, "mark_failed", "t1", "1:n1", "boom", "1", 0.5) == (0, {})


# release


@pytest.mark.parametrize(
    ("priority", "line"), [("high", "pending:high"), ("normal", "pending"), ("low", "pending:low")]
)
def test_a_released_task_is_the_next_of_its_line_and_its_attempt_does_not_count(
    queue, priority, line
):
    held(queue, priority=priority)
    add(queue, "t2", priority=priority)
    forget(queue, "wake")
    reply, changed = run(queue, "release", "t1", "1:n1")
    assert reply == 1
    assert changed == {
        "processing": None,
        "task:t1": {"status": "pending", "claim": "", "attempts": 0},
        line: ["t2", "t1"],
        "wake": ["1"],
        "events": ["released t1"],
    }


def test_a_cancelled_task_that_its_worker_gives_back_ends_and_does_not_wait_in_line(queue):
    held(queue)
    step(queue, "cancel", "t1")
    forget(queue, "wake")
    reply, changed = run(queue, "release", "t1", "1:n1")
    assert reply == 1
    reason = "cancelled while it ran"
    assert changed == {
        "processing": None,
        "task:t1": {
            "status": "cancelled",
            "claim": "",
            "finished_at": "now",
            "errors": [{"at": "now", "error": reason}],
        },
        "cancelled": ["t1"],
        "meta": {"cancelled": 1},
        "events": [f"cancelled t1 reason={reason}"],
    }
    assert run(queue, "release", "t1", "1:n1") == (0, {})


def test_releasing_adds_no_second_token(queue):
    held(queue)
    _, changed = run(queue, "release", "t1", "1:n1")
    assert "wake" not in changed
    assert queue.redis.lrange(queue.keys.wake, 0, -1) == ["1"]


def test_a_claim_releases_once(queue):
    held(queue)
    step(queue, "release", "t1", "1:n1")
    assert run(queue, "release", "t1", "1:n1") == (0, {})


def test_a_claim_that_somebody_took_over_cannot_release_its_task(queue):
    held(queue)
    take_over(queue)
    assert run(queue, "release", "t1", "1:n1") == (0, {})


# renew


def test_a_heartbeat_moves_the_deadline_and_is_a_sign_of_life(queue):
    held(queue)
    expire(queue, "t1")
    rewrite(queue, "workers", "ann", "seen", 1)
    reply, changed = run(queue, "renew", "t1", "1:n1", "ann", "")
    assert reply == 1
    assert changed == {
        "processing": {"t1": {"deadline": "now+60s"}},
        "workers": {"ann": {"seen": "now"}},
    }


def test_a_heartbeat_carries_progress(queue):
    held(queue)
    _, changed = run(queue, "renew", "t1", "1:n1", "ann", "2 of 3 tiles")
    assert changed["task:t1"] == {"progress": "2 of 3 tiles"}


def test_a_heartbeat_of_a_worker_that_left_does_not_bring_it_back(queue):
    held(queue)
    queue.leave("ann")
    reply, changed = run(queue, "renew", "t1", "1:n1", "ann", "")
    assert reply == 1
    assert changed == {"processing": {"t1": {"deadline": "now+60s"}}}


def test_a_heartbeat_hears_that_somebody_asked_to_cancel(queue):
    held(queue)
    step(queue, "cancel", "t1")
    reply, changed = run(queue, "renew", "t1", "1:n1", "ann", "")
    assert reply == 2
    assert changed["processing"] == {"t1": {"deadline": "now+60s"}}


def test_a_claim_that_somebody_took_over_cannot_renew_its_lease(queue):
    held(queue)
    take_over(queue)
    assert run(queue, "renew", "t1", "1:n1", "ann", "nearly done") == (0, {})


def test_a_claim_that_has_ended_cannot_be_renewed(queue):
    complete(queue, "t1")
    assert run(queue, "renew", "t1", "1:done", "ann", "nearly done") == (0, {})


# change_settings


@pytest.mark.parametrize("instead_of", ["", "*"])
def test_the_first_settings_are_stored(queue, instead_of):
    reply = run(queue, "change_settings", "new", instead_of)
    assert reply == ("new", {"meta": {"settings": "new"}})


@pytest.mark.parametrize("instead_of", ["old", "*"])
def test_settings_that_may_be_replaced_are(queue, instead_of):
    step(queue, "change_settings", "old", "")
    reply = run(queue, "change_settings", "new", instead_of)
    assert reply == ("new", {"meta": {"settings": "new"}})


@pytest.mark.parametrize("instead_of", ["", "older"])
def test_settings_that_somebody_else_stored_stay_and_are_told(queue, instead_of):
    step(queue, "change_settings", "old", "")
    assert run(queue, "change_settings", "new", instead_of) == ("old", {})


# reap


def test_a_lease_that_ran_out_is_taken_back_and_one_that_did_not_stays(queue):
    add(queue, "t1", "t2")
    claim(queue)
    claim(queue, "bob", "n2")
    expire(queue, "t1")
    reply, changed = run(queue, "reap", "", "", "", 0.5)
    assert reply == 1
    assert changed == reaped(SILENT)


def test_live_leases_are_left_alone_when_no_dead_worker_is_named(queue):
    held(queue)
    assert run(queue, "reap", "", "", "", 0.5) == (0, {"meta": {"reaped_at": "now"}})


def test_all_a_dead_worker_held_is_taken_back_and_nothing_of_the_others(queue):
    add(queue, "t1", "t2")
    claim(queue)
    claim(queue, "bob", "n2")
    reply, changed = run(queue, "reap", "ann", "", "", 0.5)
    assert reply == 1
    assert changed == reaped(DIED) | {"workers": {"ann": None}}


#: What the nonces of process 7 on the host h begin with.
MARK = hashlib.sha1(b"h:7").hexdigest()[:8]


def test_a_dead_process_gives_back_its_own_claims_and_none_of_another_of_its_name(queue):
    add(queue, "t1", "t2")
    claim(queue, "ann", "n1")
    claim(queue, "ann", MARK + "n2")
    before = queue.redis.hget(queue.keys.workers, "ann")
    reply, changed = run(queue, "reap", "ann", "7", "h", 0.5)
    assert reply == 1
    assert "t1" not in str(changed)
    assert "t2" in str(changed)
    assert queue.redis.hget(queue.keys.workers, "ann") == before, "the record is another's"
    queue.redis.hset(queue.keys.workers, "ann", '{"pid": 7, "host": "h"}')
    reply, changed = run(queue, "reap", "ann", "7", "h", 0.5)
    assert (reply, changed["workers"]) == (0, None)


def test_all_that_a_process_holds_is_renewed_at_once_and_nothing_of_another(queue):
    add(queue, "t1", "t2", "t3")
    claim(queue, "ann", "n1")
    claim(queue, "ann", MARK + "n2")
    claim(queue, "bob", MARK + "n3")
    expire(queue, "t1")
    expire(queue, "t2")
    expire(queue, "t3")
    reply, changed = run(queue, "renew_all", "ann", "7", "h")
    assert reply == 1
    assert set(changed) == {"processing", "workers"}
    assert "t2" in str(changed["processing"])
    assert step(queue, "reap", "", "", "", 0) == 2, "t1 and t3"
    assert queue.tasks("processing") == ["t2"]
    queue.cancel("t2")
    assert step(queue, "renew_all", "ann", "7", "h") == 2
    assert step(queue, "renew_all", "ann", "8", "h") == 0


def test_a_task_that_broke_too_many_workers_is_failed_and_says_who_was_last(queue):
    held(queue)
    queue.redis.hset(task_key(queue), "crashes", 1)
    expire(queue, "t1")
    reply, changed = run(queue, "reap", "", "", "", 0.5)
    assert reply == 1
    reason = "worker ann was silent for a whole lease (2 of 2)"
    assert changed == {
        "processing": None,
        "task:t1": {
            "status": "failed",
            "claim": "",
            "crashes": 2,
            "finished_at": "now",
            "errors": [{"at": "now", "error": reason}],
        },
        "failed": ["t1"],
        "meta": {"failed": 1, "reaped_at": "now"},
        "events": ["expired t1 worker=ann crashes=2", f"failed t1 reason={reason}"],
    }


def test_crashes_have_a_budget_of_their_own_whatever_the_number_of_tries(queue):
    held(queue, max_attempts=1)
    expire(queue, "t1")
    _, changed = run(queue, "reap", "", "", "", 0.5)
    assert changed["task:t1"]["status"] == "delayed"


def test_a_cancelled_task_whose_worker_died_is_not_tried_again(queue):
    held(queue)
    step(queue, "cancel", "t1")
    _, changed = run(queue, "reap", "ann", "", "", 0.5)
    assert changed == {
        "processing": None,
        "workers": None,
        "task:t1": {
            "status": "cancelled",
            "claim": "",
            "crashes": 1,
            "finished_at": "now",
            "errors": [{"at": "now", "error": DIED}],
        },
        "cancelled": ["t1"],
        "meta": {"cancelled": 1, "reaped_at": "now"},
        "events": ["expired t1 worker=ann crashes=1", f"cancelled t1 reason={DIED}"],
    }


def test_two_leases_that_ran_out_wake_one_sleeper_and_come_back_at_different_moments(queue):
    add(queue, "t1", "t2")
    claim(queue)
    claim(queue, nonce="n2")
    expire(queue, "t1", "t2")
    forget(queue, "wake")
    reply, changed = run(queue, "reap", "", "", "", 0.5)
    assert reply == 2
    assert changed["wake"] == ["1"]
    assert changed["processing"] is None
    assert changed["delayed"].keys() == {"t1", "t2"}
    assert len(set(changed["delayed"].values())) == 2


def test_an_entry_whose_task_is_gone_disappears_and_leaves_no_ghost(queue):
    held(queue)
    expire(queue, "t1")
    queue.redis.delete(task_key(queue))
    reply, changed = run(queue, "reap", "", "", "", 0.5)
    assert reply == 0
    assert changed == {"processing": None, "meta": {"reaped_at": "now"}, **set_aside("t1")}


@pytest.mark.parametrize(
    ("script", "arguments"), [("reap", ("", "", "", 0.5)), ("get_tasks", asks("bob", "n2"))]
)
def test_an_entry_that_nobody_can_read_counts_as_run_out(queue, script, arguments):
    held(queue)
    queue.redis.hset(queue.keys.processing, "t1", "rubbish")
    _, changed = run(queue, script, *arguments)
    reason = "worker ? was silent for a whole lease (1 of 2)"
    assert changed["processing"] is None
    assert changed["task:t1"] == {
        "status": "delayed",
        "claim": "",
        "crashes": 1,
        "errors": [{"at": "now", "error": reason}],
    }
    assert changed["delayed"] == {"t1": "now+10s"}
    assert changed["events"][0].startswith("expired t1 ")


# requeue_failed


@pytest.mark.parametrize("ended", ["failed", "cancelled"])
def test_what_failed_or_was_cancelled_starts_afresh_in_its_line_and_keeps_its_errors(queue, ended):
    held(queue, priority="low")
    step(queue, "cancel", "t1")
    step(queue, "reap", "ann", "", "", 0)
    if ended == "failed":  # as an older version left it
        queue.redis.lmove(queue.keys.cancelled, queue.keys.failed)
        queue.redis.hset(task_key(queue), "status", "failed")
    add(queue, "t2", priority="low")
    forget(queue, "wake")
    reply, changed = run(queue, "requeue_failed", "t1")
    assert reply == ["t1"]
    assert changed == {
        ended: None,
        "task:t1": {
            "status": "pending",
            "attempts": 0,
            "crashes": None,
            "cancel": None,
            "finished_at": None,
        },
        "pending:low": ["t1", "t2"],
        "wake": ["1"],
        "events": ["requeued t1"],
    }


def test_only_what_is_in_failed_is_requeued(queue):
    complete(queue, "done")
    fail(queue, "t1", "t2")
    add(queue, "waiting")
    reply, changed = run(queue, "requeue_failed", "t2", "waiting", "done", "nobody", "t1", "t1")
    assert reply == ["t2", "t1"]
    again = {"status": "pending", "attempts": 0, "finished_at": None}
    assert changed == {
        "failed": None,
        "task:t1": again,
        "task:t2": again,
        "pending": ["t1", "t2", "waiting"],
        "events": ["requeued t2", "requeued t1"],
    }


def test_a_failed_id_whose_hash_is_gone_disappears_and_is_not_requeued(queue):
    fail(queue, "t1")
    queue.redis.delete(task_key(queue))
    forget(queue, "wake")
    assert run(queue, "requeue_failed", "t1") == ([], {"failed": None, **set_aside("t1")})


def test_requeueing_nothing_changes_nothing(queue):
    assert run(queue, "requeue_failed") == ([], {})


# cancel


CANCELLED = {
    "task:t1": {
        "status": "cancelled",
        "claim": "",
        "finished_at": "now",
        "errors": [{"at": "now", "error": "cancelled before it ran"}],
    },
    "cancelled": ["t1"],
    "meta": {"cancelled": 1},
    "events": ["cancelled t1 reason=cancelled before it ran"],
}


@pytest.mark.parametrize(
    ("priority", "line"), [("high", "pending:high"), ("normal", "pending"), ("low", "pending:low")]
)
def test_a_pending_task_is_cancelled_out_of_its_line(queue, priority, line):
    add(queue, "t0", "t1", "t2", priority=priority)
    reply, changed = run(queue, "cancel", "t1")
    assert reply == 1
    assert changed == {line: ["t2", "t0"], **CANCELLED}


def test_a_delayed_task_is_cancelled(queue):
    add(queue, "t1", delay=STEP)
    reply, changed = run(queue, "cancel", "t1")
    assert reply == 1
    assert changed == {"delayed": None, **CANCELLED}


@pytest.mark.parametrize(("delay", "place"), [(0, "pending:low"), (STEP, "delayed")])
def test_a_task_whose_record_names_no_priority_is_cancelled_wherever_it_waits(queue, delay, place):
    add(queue, "t1", priority="low", delay=delay)
    queue.redis.hset(task_key(queue), "priority", "urgent")
    reply, changed = run(queue, "cancel", "t1")
    assert reply == 1
    assert changed == {place: None, **CANCELLED}


@pytest.mark.parametrize("place", ["delayed", "pending"])
def test_a_place_of_another_type_keeps_no_task_from_being_cancelled(queue, place):
    if place == "delayed":
        add(queue, "t1")
        queue.redis.set(queue.keys.delayed, "x")
    else:
        add(queue, "t1", delay=STEP)
        queue.redis.set(queue.keys.pending(), "x")
    assert step(queue, "cancel", "t1") == 1
    assert queue.tasks("cancelled") == ["t1"]
    assert queue.check() == []


def test_a_finished_task_that_somebody_puts_in_line_again_cannot_be_cancelled(queue):
    complete(queue, "done")
    fail(queue, "lost")
    queue.redis.lpush(queue.keys.pending(), "done", "lost")
    queue.redis.zadd(queue.keys.delayed, {"done": 1})
    assert run(queue, "cancel", "done") == (0, {})
    assert run(queue, "cancel", "lost") == (0, {})


def test_the_worker_of_a_running_task_is_asked_to_stop(queue):
    held(queue)
    reply, changed = run(queue, "cancel", "t1")
    assert reply == 2
    assert changed == {"task:t1": {"cancel": 1}}


def test_a_finished_task_cannot_be_cancelled(queue):
    complete(queue, "done")
    fail(queue, "lost")
    assert run(queue, "cancel", "done") == (0, {})
    assert run(queue, "cancel", "lost") == (0, {})


def test_cancelling_twice_changes_nothing_more(queue):
    held(queue)
    step(queue, "cancel", "t1")
    assert run(queue, "cancel", "t1") == (2, {})
    step(queue, "release", "t1", "1:n1")
    assert run(queue, "cancel", "t1") == (1, {})


def test_cancelling_a_task_nobody_knows_makes_no_task(queue):
    assert run(queue, "cancel", "t1") == (-1, {})


@pytest.mark.parametrize("delay", [0, STEP])
def test_a_call_that_was_not_heard_is_no_stranger_to_its_own_task(queue, delay):
    assert step(queue, "add_tasks", "high", delay, "", "call1", "t1", PAYLOAD) == []
    assert run(queue, "add_tasks", "high", delay, "", "call1", "t1", PAYLOAD) == ([], {})
    assert run(queue, "add_tasks", "high", delay, "", "call2", "t1", PAYLOAD) == (["t1"], {})
    assert run(queue, "add_tasks", "high", delay, "", "", "t1", PAYLOAD) == (["t1"], {})


def test_a_line_of_another_type_lets_nothing_be_half_added(queue):
    queue.redis.set(queue.keys.pending("high"), "x")
    before = dump(queue)
    with pytest.raises(QueueError, match="another kind of value"):
        step(queue, "add_tasks", "high", 0, "", "", "t1", PAYLOAD)
    assert dump(queue) == before
