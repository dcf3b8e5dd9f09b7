"""The Lua scripts that bring a task in, hand it out and complete it, each of them alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from helpers.lua import (
    PAYLOAD,
    RESULT,
    SETTINGS,
    SILENT,
    STEP,
    add,
    added,
    asks,
    claim,
    claimed,
    clock,
    complete,
    completed,
    expire,
    fail,
    forget,
    held,
    reaped,
    rewrite,
    run,
    seen,
    set_aside,
    step,
    take_over,
    task_key,
)
from helpers.server import redis_queue


@pytest.fixture
def queue(server):
    """An empty queue with short limits, in each kind of server."""
    with redis_queue(server, SETTINGS) as queue:
        yield queue


# add_tasks


@pytest.mark.parametrize(
    ("priority", "line"), [("high", "pending:high"), ("normal", "pending"), ("low", "pending:low")]
)
def test_a_new_task_is_stored_stands_in_its_line_and_rings(queue, priority, line):
    reply, changed = run(queue, "add_tasks", priority, 0, "", "", "t1", PAYLOAD)
    assert reply == []
    assert changed == {
        "task:t1": added(priority=priority),
        line: ["t1"],
        "wake": ["1"],
        "events": [f"added t1 priority={priority}"],
    }


def test_new_tasks_stand_behind_those_already_there_in_the_order_given(queue):
    add(queue, "t1")
    reply, changed = run(queue, "add_tasks", "normal", 0, 7, "", "t2", PAYLOAD, "t3", PAYLOAD)
    assert reply == []
    assert changed == {
        "task:t2": added(max_attempts=7),
        "task:t3": added(max_attempts=7),
        "pending": ["t3", "t2", "t1"],
        "events": ["added t2 priority=normal", "added t3 priority=normal"],
    }


def test_a_task_for_later_waits_in_delayed_and_rings_so_that_sleepers_set_their_alarm(queue):
    reply, changed = run(queue, "add_tasks", "low", 20_000, "", "", "t1", PAYLOAD)
    assert reply == []
    assert changed == {
        "task:t1": added(priority="low", status="delayed"),
        "delayed": {"t1": "now+20s"},
        "wake": ["1"],
        "events": ["added t1 priority=low wait=20000"],
    }


@pytest.mark.parametrize("delay", [0, 20_000])
def test_an_id_that_exists_is_refused_and_left_as_it_is(queue, delay):
    held(queue)
    reply, changed = run(queue, "add_tasks", "high", delay, 7, "", "t1", '{"n":2}')
    assert reply == ["t1"]
    assert changed == {}


def test_an_id_that_exists_does_not_stop_the_others(queue):
    add(queue, "t1")
    reply, changed = run(
        queue, "add_tasks", "high", 0, "", "", "t1", PAYLOAD, "t2", PAYLOAD, "t2", '{"n":2}'
    )
    assert reply == ["t1", "t2"]
    assert changed == {
        "task:t2": added(priority="high"),
        "pending:high": ["t2"],
        "events": ["added t2 priority=high"],
    }


def bound(queue, number):
    queue._use(replace(SETTINGS, max_pending=number))


FOR_NOW = ("normal", 0, "", "")
FOR_LATER = ("normal", 20_000, "", "")


@pytest.mark.parametrize("kind", [FOR_NOW, FOR_LATER])
def test_a_full_queue_takes_no_task_writes_nothing_and_wakes_nobody(queue, kind):
    bound(queue, 4)
    for priority in ("low", "normal", "high"):
        add(queue, priority, priority=priority)
    add(queue, "later", delay=STEP)
    forget(queue, "wake")
    reply, changed = run(queue, "add_tasks", *kind, "t1", PAYLOAD, "t2", PAYLOAD)
    assert reply == [0, 4]
    assert changed == {}


@pytest.mark.parametrize("kind", [FOR_NOW, FOR_LATER])
def test_of_many_tasks_the_first_are_taken_for_which_there_is_room(queue, kind):
    bound(queue, 4)
    add(queue, "high", priority="high")
    add(queue, "later", delay=STEP)
    tasks = [word for n in range(1, 5) for word in (f"t{n}", PAYLOAD)]
    reply, changed = run(queue, "add_tasks", *kind, *tasks)
    assert reply == [2, 4]
    assert {name for name in changed if name.startswith("task:")} == {"task:t1", "task:t2"}
    assert len(changed["events"]) == 2


def test_what_a_worker_holds_and_what_is_over_needs_no_room(queue):
    complete(queue, "t1")
    held(queue, "t2")
    bound(queue, 1)
    reply, changed = run(queue, "add_tasks", *FOR_NOW, "t3", PAYLOAD)
    assert reply == []
    assert changed["pending"] == ["t3"]


def test_an_id_that_exists_needs_no_room(queue):
    bound(queue, 2)
    mine = ("high", 0, "", "call1")
    assert step(queue, "add_tasks", *mine, "t1", PAYLOAD, "t2", PAYLOAD) == []
    tasks = ("t1", PAYLOAD, "t2", PAYLOAD)
    assert step(queue, "add_tasks", *mine, *tasks) == []
    reply, changed = run(queue, "add_tasks", *FOR_NOW, *tasks, "t3", PAYLOAD, "t2", PAYLOAD)
    assert reply == [2, 2, "t1", "t2"]
    assert changed == {}


def test_more_in_line_than_a_bound_that_came_later_stays_and_is_counted(queue):
    add(queue, "t1", "t2", "t3")
    bound(queue, 2)
    assert run(queue, "add_tasks", *FOR_NOW, "t4", PAYLOAD) == ([0, 3], {})


def test_a_place_of_another_type_counts_nothing_and_is_left_to_who_needs_it(queue):
    bound(queue, 1)
    queue.redis.set(queue.keys.pending("low"), "x")
    queue.redis.set(queue.keys.delayed, "x")
    reply, changed = run(queue, "add_tasks", *FOR_NOW, "t1", PAYLOAD)
    assert reply == []
    assert changed.keys() == {"pending", "task:t1", "wake", "events"}


def test_without_a_bound_nobody_counts(queue):
    queue.redis.config_resetstat()
    add(queue, "t1")
    calls = queue.redis.info("commandstats")
    assert "cmdstat_llen" not in calls
    assert "cmdstat_zcard" not in calls


# get_tasks


def test_a_claim_takes_the_task_for_one_lease(queue):
    add(queue, "t1")
    reply, changed = run(queue, "get_tasks", *asks())
    assert reply == [["t1", PAYLOAD, "normal", 1, "1:n1"]]
    assert changed == {"pending": None, **claimed()}


def test_a_claim_from_an_empty_queue_leaves_a_sign_of_life_and_may_sleep_a_minute(queue):
    reply, changed = run(queue, "get_tasks", *asks())
    assert reply == [60_000]
    assert changed == {"workers": {"ann": seen("")}, "meta": {"reaped_at": "now"}}


def test_a_claim_without_work_may_sleep_until_a_delayed_task_is_due(queue):
    add(queue, "t1", delay=30_000)
    add(queue, "t2", delay=20_000)
    (wait,), changed = run(queue, "get_tasks", *asks())
    assert 10_000 < wait <= 20_000
    assert changed == {"workers": {"ann": seen("")}, "meta": {"reaped_at": "now"}}


def test_a_claim_without_work_may_sleep_until_a_lease_runs_out(queue):
    held(queue)
    rewrite(queue, "processing", "t1", "deadline", clock(queue) + 20_000)
    (wait,), changed = run(queue, "get_tasks", *asks("bob", "n2"))
    assert 10_000 < wait <= 20_000
    assert changed == {"workers": {"bob": seen("")}, "meta": {"reaped_at": "now"}}


def test_of_one_line_the_oldest_task_goes_first(queue):
    add(queue, "t1", "t2", "t3")
    assert [claim(queue, nonce=f"n{n}")[0] for n in range(3)] == ["t1", "t2", "t3"]


def test_high_goes_before_normal_before_low(queue):
    for priority in ("low", "normal", "high"):
        add(queue, priority, priority=priority)
    assert [claim(queue, nonce=f"n{n}")[0] for n in range(3)] == ["high", "normal", "low"]


def test_every_eighth_claim_asks_low_then_normal_then_high(queue):
    add(queue, *(f"high{n}" for n in range(22)), priority="high")
    add(queue, "low", priority="low")
    add(queue, "normal")
    taken = [claim(queue, nonce=f"n{n}")[0] for n in range(24)]
    assert taken.index("low") == 7
    assert taken.index("normal") == 15
    assert taken[23] == "high21"


@pytest.mark.parametrize("priority", ["high", "normal", "low"])
def test_a_claim_that_leaves_work_behind_wakes_the_next_worker(queue, priority):
    add(queue, "t1", priority="high")
    add(queue, "t2", priority=priority)
    forget(queue, "wake")
    _, changed = run(queue, "get_tasks", *asks())
    assert changed["processing"].keys() == {"t1"}
    assert changed["wake"] == ["1"]


def test_a_claim_that_leaves_work_behind_adds_no_second_token(queue):
    add(queue, "t1", "t2")
    _, changed = run(queue, "get_tasks", *asks())
    assert changed == {"pending": ["t2"], **claimed()}


def test_a_claim_that_takes_the_last_task_wakes_nobody(queue):
    add(queue, "t1")
    forget(queue, "wake")
    _, changed = run(queue, "get_tasks", *asks())
    assert changed == {"pending": None, **claimed()}


def test_a_claim_of_several_takes_each_for_a_lease_and_under_one_nonce(queue):
    add(queue, "t1", "t2", "t3")
    reply, changed = run(queue, "get_tasks", *asks(limit=2))
    assert reply == [[each, PAYLOAD, "normal", 1, "1:n1"] for each in ("t1", "t2")]
    one, two = claimed("t1"), claimed("t2")
    assert changed == one | two | {
        "pending": ["t3"],
        "processing": one["processing"] | two["processing"],
        "workers": {"ann": seen("t1 t2")},
        "meta": {"claims": 2, "reaped_at": "now"},
        "events": one["events"] + two["events"],
    }


def test_a_claim_of_several_takes_what_there_is_by_priority(queue):
    add(queue, "t1")
    add(queue, "t2", priority="low")
    add(queue, "t3", priority="high")
    reply, _ = run(queue, "get_tasks", *asks(limit=5))
    assert [task[0] for task in reply] == ["t3", "t1", "t2"]


def test_within_one_claim_of_several_every_eighth_is_a_low_one(queue):
    add(queue, *(f"t{n}" for n in range(1, 10)))
    add(queue, "low", priority="low")
    reply, _ = run(queue, "get_tasks", *asks(limit=9))
    assert [task[0] for task in reply].index("low") == 7


def test_a_task_that_broke_a_worker_is_claimed_alone_even_by_who_asks_for_several(queue):
    add(queue, "t1", "t2", "t3")
    queue.redis.hset(task_key(queue, "t2"), "crashes", 1)
    reply, changed = run(queue, "get_tasks", *asks(limit=5))
    assert [task[0] for task in reply] == ["t1"]
    assert changed["pending"] == ["t3", "t2"]
    assert [task[0] for task in step(queue, "get_tasks", *asks(nonce="n2", limit=5))] == ["t2"]
    assert [task[0] for task in step(queue, "get_tasks", *asks(nonce="n3", limit=5))] == ["t3"]


def test_a_claim_of_several_whose_reply_was_lost_gives_those_it_still_holds(queue):
    add(queue, "t1", "t2", "t3")
    first = step(queue, "get_tasks", *asks(limit=3))
    step(queue, "mark_failed", "t2", "1:n1", "boom", "1", 0.5)
    reply, changed = run(queue, "get_tasks", *asks(limit=3))
    assert reply == [first[0], first[2]]
    assert changed == {}


def test_a_claim_whose_reply_was_lost_is_given_again_and_changes_nothing(queue):
    add(queue, "t1", "t2")
    first = step(queue, "get_tasks", *asks())
    reply, changed = run(queue, "get_tasks", *asks())
    assert reply == first == [["t1", PAYLOAD, "normal", 1, "1:n1"]]
    assert changed == {}


def test_a_lost_claim_is_given_again_even_while_the_queue_is_paused(queue):
    held(queue)
    queue.pause()
    reply, changed = run(queue, "get_tasks", *asks())
    assert reply == [["t1", PAYLOAD, "normal", 1, "1:n1"]]
    assert changed == {}


@pytest.mark.parametrize(("worker", "nonce"), [("ann", "n2"), ("ann", "n"), ("bob", "n1")])
def test_another_nonce_or_another_worker_claims_another_task(queue, worker, nonce):
    add(queue, "t1", "t2")
    claim(queue)
    reply, changed = run(queue, "get_tasks", *asks(worker, nonce))
    assert reply == [["t2", PAYLOAD, "normal", 1, f"1:{nonce}"]]
    assert changed["processing"].keys() == {"t2"}


def test_a_lost_claim_that_somebody_took_over_is_not_given_again(queue):
    held(queue)
    take_over(queue)
    add(queue, "t2")
    reply, changed = run(queue, "get_tasks", *asks())
    assert reply == [["t2", PAYLOAD, "normal", 1, "1:n1"]]
    # The nonce is the same, the task is not.
    again = claimed("t2", claims=3) | {"workers": {"ann": {"seen": "now", "task": "t2"}}}
    assert changed == {"pending": None, **again}


def test_what_is_due_joins_the_tail_of_its_line_and_the_rest_stays_delayed(queue):
    add(queue, "t1")
    add(queue, "due2", "due1", "later", delay=STEP)
    add(queue, "low", priority="low", delay=STEP)
    queue.redis.zadd(queue.keys.delayed, {"due1": 1, "due2": 2, "low": 3})
    reply, changed = run(queue, "get_tasks", *asks())
    assert reply[0][0] == "t1"
    expected = claimed()
    expected["events"] = [
        *("promoted due1", "promoted due2", "promoted low"),
        "claimed t1 worker=ann attempt=1",
    ]
    assert changed == {
        **expected,
        "delayed": {"due1": None, "due2": None, "low": None},
        "pending": ["due2", "due1"],
        "pending:low": ["low"],
        "task:due1": {"status": "pending"},
        "task:due2": {"status": "pending"},
        "task:low": {"status": "pending"},
    }


def test_a_claim_promotes_at_most_a_hundred_tasks_and_the_next_one_goes_on(queue):
    add(queue, *(f"t{n}" for n in range(130)), delay=STEP)
    queue.redis.zadd(queue.keys.delayed, {f"t{n}": n for n in range(130)})
    queue.pause()
    assert step(queue, "get_tasks", *asks()) == [0]
    assert queue.redis.llen(queue.keys.pending()) == 100
    assert step(queue, "get_tasks", *asks(nonce="n2")) == [60_000]
    assert queue.redis.llen(queue.keys.pending()) == 130


def test_a_delayed_id_whose_hash_is_gone_is_set_aside_when_it_is_due(queue):
    queue.redis.zadd(queue.keys.delayed, {"ghost": 1})
    reply, changed = run(queue, "get_tasks", *asks())
    assert reply == [60_000]
    assert changed == {
        "delayed": None,
        "workers": {"ann": seen("")},
        "meta": {"reaped_at": "now"},
        **set_aside("ghost"),
    }


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
def test_an_ended_task_that_somebody_delays_is_not_put_in_line_again(queue, status):
    if status == "completed":
        complete(queue, "t1")
    elif status == "failed":
        fail(queue, "t1")
    else:
        add(queue, "t1")
        step(queue, "cancel", "t1")
    forget(queue, "wake", "workers")
    queue.redis.zadd(queue.keys.delayed, {"t1": 1})
    reply, changed = run(queue, "get_tasks", *asks())
    assert reply == [60_000]
    assert changed == {
        "delayed": None,
        "workers": {"ann": seen("")},
        "meta": {"reaped_at": "now"},
        "odd": set_aside("t1", f"it was put in line again, and is {status}")["odd"],
    }


def test_a_held_task_that_somebody_delays_stays_with_its_worker(queue):
    held(queue)
    forget(queue, "wake")
    queue.redis.zadd(queue.keys.delayed, {"t1": 1})
    reply, changed = run(queue, "get_tasks", *asks("bob", "n2"))
    assert len(reply) == 1
    assert changed == {
        "delayed": None,
        "workers": {"bob": seen("")},
        "meta": {"reaped_at": "now"},
        "odd": set_aside("t1", "it was put in line again, and a worker has it")["odd"],
    }


def test_a_task_that_somebody_delays_by_hand_and_is_nowhere_else_joins_its_line(queue):
    add(queue, "t1")
    forget(queue, "wake")
    queue.redis.delete(queue.keys.pending())
    queue.redis.zadd(queue.keys.delayed, {"t1": 1})
    reply, changed = run(queue, "get_tasks", *asks())
    assert reply[0][0] == "t1"
    expected = claimed()
    expected["events"] = ["promoted t1", *expected["events"]]
    assert changed == {"delayed": None, **expected}


def test_a_paused_queue_hands_out_nothing_but_goes_on_promoting(queue):
    add(queue, "t1")
    add(queue, "due", delay=STEP)
    queue.redis.zadd(queue.keys.delayed, {"due": 1})
    queue.pause()
    reply, changed = run(queue, "get_tasks", *asks())
    assert reply == [60_000]
    assert changed == {
        "delayed": None,
        "pending": ["due", "t1"],
        "task:due": {"status": "pending"},
        "workers": {"ann": seen("")},
        "meta": {"reaped_at": "now"},
        "events": ["promoted due"],
    }


def test_an_id_whose_hash_is_gone_is_nobodys_task(queue):
    add(queue, "ghost1", "t1")
    queue.redis.delete(task_key(queue, "ghost1"))
    reply, changed = run(queue, "get_tasks", *asks())
    assert reply[0][0] == "t1"
    events = set_aside("ghost1")["events"] + claimed()["events"]
    assert changed == {"pending": None, **set_aside("ghost1"), **claimed(), "events": events}


@pytest.mark.parametrize("last_reap", [None, -500, STEP])
def test_a_claim_reaps_now_and_then_although_there_is_work(queue, last_reap):
    """Half a second after the last time; at once when the server's clock was set back."""
    held(queue)
    expire(queue, "t1")
    add(queue, "t2")
    reply, changed = run(queue, "get_tasks", *asks("bob", "n2"), last_reap=last_reap)
    assert reply[0][0] == "t2"
    first, then = reaped(SILENT), claimed("t2", "bob", "n2", claims=2)
    assert changed == {
        "pending": None,
        **(first | then),
        "processing": first["processing"] | then["processing"],
        "events": first["events"] + then["events"],
    }


def test_a_claim_with_work_at_hand_does_not_reap_twice_within_half_a_second(queue):
    held(queue)
    expire(queue, "t1")
    add(queue, "t2")
    _, changed = run(queue, "get_tasks", *asks("bob", "n2"), last_reap=0)
    expected = claimed("t2", "bob", "n2", claims=2) | {"meta": {"claims": 2}}
    assert changed == {"pending": None, **expected}


def test_a_claim_without_work_reaps_whenever_the_last_time_was(queue):
    held(queue)
    expire(queue, "t1")
    forget(queue, "wake")
    _, changed = run(queue, "get_tasks", *asks("bob", "n2"), last_reap=0)
    assert changed["delayed"] == {"t1": "now+10s"}
    assert changed["wake"] == ["1"]  # bob himself will look again


# mark_completed


def test_a_completion_is_recorded_with_a_result_that_expires(queue):
    held(queue)
    reply, changed = run(queue, "mark_completed", "t1", "1:n1", "ann", RESULT)
    assert reply == 1
    assert changed == completed()


def test_completing_twice_by_the_same_claim_is_harmless(queue):
    held(queue)
    step(queue, "mark_completed", "t1", "1:n1", "ann", RESULT)
    reply, changed = run(queue, "mark_completed", "t1", "1:n1", "ann", '{"ok":false}')
    assert reply == 2
    assert changed == {}


@pytest.mark.parametrize("token", ["1:n1", "2:n1", "1:n2", ""])
def test_nobody_completes_a_task_that_waits(queue, token):
    held(queue)
    step(queue, "release", "t1", "1:n1")
    reply, changed = run(queue, "mark_completed", "t1", token, "ann", RESULT)
    assert reply == 0
    assert changed == {}


@pytest.mark.parametrize("token", ["1:n1", "2:n1", "1:n2", ":n2", "2:n", ""])
def test_only_the_claim_that_took_the_task_over_completes_it(queue, token):
    held(queue)
    take_over(queue)
    reply, changed = run(queue, "mark_completed", "t1", token, "ann", RESULT)
    assert reply == 0
    assert changed == {}
    assert step(queue, "mark_completed", "t1", "2:n2", "bob", RESULT) == 1
    assert run(queue, "mark_completed", "t1", token, "ann", '{"ok":false}') == (0, {})


def test_a_released_task_that_somebody_else_claimed_is_not_completed_by_the_first_claim(queue):
    held(queue)
    step(queue, "release", "t1", "1:n1")
    assert claim(queue, "bob", "n2") == ("t1", "1:n2")  # the same attempt, another claim
    reply, changed = run(queue, "mark_completed", "t1", "1:n1", "ann", RESULT)
    assert reply == 0
    assert changed == {}


def test_a_lease_that_ran_out_still_completes_while_nobody_took_over(queue):
    held(queue)
    expire(queue, "t1")
    reply, changed = run(queue, "mark_completed", "t1", "1:n1", "ann", RESULT)
    assert reply == 1
    assert changed == completed()


def test_the_oldest_completed_task_beyond_the_limit_goes_with_its_result(queue):
    complete(queue, "t1", "t2")
    add(queue, "t3")
    claim(queue)
    reply, changed = run(queue, "mark_completed", "t3", "1:n1", "ann", RESULT)
    assert reply == 1
    assert changed == completed("t3") | {
        "completed": ["t3", "t2"],
        "task:t1": None,
        "result:t1": None,
        "result:t1 expires": None,
        "meta": {"completed": 3},
    }


def test_a_list_far_beyond_its_limit_shrinks_by_a_hundred_at_a_time(queue):
    held(queue)
    queue.redis.lpush(queue.keys.completed, *(f"old{n}" for n in range(150)))
    _, changed = run(queue, "mark_completed", "t1", "1:n1", "ann", RESULT)
    assert changed["completed"] == ["t1", *(f"old{n}" for n in range(149, 99, -1))]


# complete_and_claim


def test_one_step_completes_a_task_and_claims_the_next(queue):
    held(queue)
    add(queue, "t2", priority="low")
    reply, changed = run(queue, "complete_and_claim", *asks(nonce="n2"), "t1", "1:n1", RESULT)
    assert reply == [1, [["t2", PAYLOAD, "low", 1, "1:n2"]]]
    expected = completed() | claimed("t2", nonce="n2") | {"pending:low": None}
    expected["processing"]["t1"] = None
    expected["workers"]["ann"] = {"seen": "now", "task": "t2"}
    expected["meta"] = {"completed": 1, "claims": 2, "reaped_at": "now"}
    expected["events"] = ["completed t1 worker=ann", "claimed t2 worker=ann attempt=1"]
    assert changed == expected


def test_one_step_with_a_new_nonce_does_not_look_for_what_it_claimed(queue):
    held(queue)
    add(queue, "t2")
    words = ("complete_and_claim", *asks(nonce="n1", again=""), "t1", "1:n1", RESULT)
    assert step(queue, *words) == [1, [["t2", PAYLOAD, "normal", 1, "1:n1"]]]


def test_one_step_completes_several_tasks_and_claims_several(queue):
    add(queue, "t1", "t2", "t3", "t4", "t5")
    step(queue, "get_tasks", *asks(limit=2))
    done = ("t1", "1:n1", RESULT, "t2", "1:n1", RESULT)
    reply, changed = run(queue, "complete_and_claim", *asks(nonce="n2", limit=2, again=""), *done)
    assert reply == [1, 1, [[each, PAYLOAD, "normal", 1, "1:n2"] for each in ("t3", "t4")]]
    assert changed["completed"] == ["t2", "t1"]
    assert changed["processing"].keys() == {"t1", "t2", "t3", "t4"}
    assert changed["pending"] == ["t5"]
    assert changed["meta"] == {"completed": 2, "claims": 4, "reaped_at": "now"}


def test_one_step_completes_without_claiming(queue):
    add(queue, "t1", "t2")
    step(queue, "get_tasks", *asks())
    reply, changed = run(
        queue, "complete_and_claim", *asks(nonce="n2", limit=0, again=""), "t1", "1:n1", RESULT
    )
    assert reply == [1]
    assert changed == completed()


def test_of_several_completions_the_stale_one_is_refused_and_nothing_is_claimed(queue):
    add(queue, "t1", "t2", "t3")
    step(queue, "get_tasks", *asks(limit=2))
    expire(queue, "t1")
    step(queue, "reap", "", "", "", 0.5)
    done = ("t1", "1:n1", RESULT, "t2", "1:n1", RESULT)
    reply, changed = run(queue, "complete_and_claim", *asks(nonce="n2", limit=2, again=""), *done)
    assert reply == [0, 1]
    assert changed == completed("t2")


def test_completing_several_again_after_a_lost_reply_gives_the_same_tasks(queue):
    add(queue, "t1", "t2", "t3", "t4")
    step(queue, "get_tasks", *asks(limit=2))
    arguments = (*asks(nonce="n2", limit=2, again="1"), "t1", "1:n1", RESULT, "t2", "1:n1", RESULT)
    first = step(queue, "complete_and_claim", *arguments)
    reply, changed = run(queue, "complete_and_claim", *arguments)
    assert first[2:] == reply[2:]
    assert reply[:2] == [2, 2]
    assert changed == {}


def test_one_step_completes_the_last_task_and_says_how_long_to_sleep(queue):
    held(queue)
    reply, changed = run(queue, "complete_and_claim", *asks(nonce="n2"), "t1", "1:n1", RESULT)
    assert reply == [1, [60_000]]
    assert changed == completed() | {
        "workers": {"ann": {"seen": "now", "task": ""}},
        "meta": {"completed": 1, "reaped_at": "now"},
    }


def test_a_stale_completion_claims_nothing(queue):
    held(queue)
    take_over(queue)
    add(queue, "t2")
    reply, changed = run(queue, "complete_and_claim", *asks(nonce="n3"), "t1", "1:n1", RESULT)
    assert reply == [0]
    assert changed == {}


def test_completing_and_claiming_again_after_a_lost_reply_gives_the_same_task(queue):
    held(queue)
    add(queue, "t2", "t3")
    arguments = (*asks(nonce="n2"), "t1", "1:n1", RESULT)
    assert step(queue, "complete_and_claim", *arguments) == [
        1,
        [["t2", PAYLOAD, "normal", 1, "1:n2"]],
    ]
    reply, changed = run(queue, "complete_and_claim", *arguments)
    assert reply == [2, [["t2", PAYLOAD, "normal", 1, "1:n2"]]]
    assert changed == {}
