"""Each Lua script alone: a state, one step, and everything that this step changed in Redis.

What a step leaves as it was does not show up in `changed`, so an equation with it says both: this
was done, and nothing else. Times show as "now" and "now+60s", by the server's clock.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from helpers.server import redis_queue, running

from imglab.errors import QueueError
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.queues import scripts as module
from imglab.queues.keys import Keys
from imglab.queues.scripts import FOLDER
from imglab.queues.vocabulary import PRIORITIES, Event

COMMON = (FOLDER / "_common.lua").read_text()
SCRIPTS = {path.stem: path.read_text() for path in sorted(FOLDER.glob("[!_]*.lua"))}

#: Every length of time is a multiple of STEP, so that a step of the queue may take almost as long.
STEP = 10_000
SETTINGS = QueueSettings(lease=60, max_crashes=2, backoff=20, backoff_cap=100, keep=2, ttl=1000)
ABOUT = (7, "here")
PAYLOAD = '{"n":1}'
RESULT = '{"ok":true}'


@pytest.fixture
def queue(server):
    """An empty queue with short limits, in each kind of server."""
    with redis_queue(server, SETTINGS) as queue:
        yield queue


# Looking at Redis


def decode(text):
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    return json.loads(text) if text.startswith(("{", "[")) else text


def scores(redis, key):
    return {each: int(score) for each, score in redis.zrange(key, 0, -1, withscores=True)}


def events(redis, key):
    """Each entry as one line: "claimed t1 worker=ann attempt=1"."""
    lines = {}
    for entry, values in redis.xrange(key):
        first = values.pop("event"), values.pop("task")
        lines[entry] = " ".join((*first, *(f"{name}={value}" for name, value in values.items())))
    return lines


READ = {
    "hash": lambda redis, key: {name: decode(text) for name, text in redis.hgetall(key).items()},
    "list": lambda redis, key: [
        decode(each) if each.startswith("{") else each for each in redis.lrange(key, 0, -1)
    ],
    "zset": scores,
    "stream": events,
    "string": lambda redis, key: redis.get(key),
}


def dump(queue):
    """All there is under a namespace; the moment a key expires counts as a key of its own."""
    found = {}
    for key in queue.redis.scan_iter(queue.namespace + "*", count=1000):
        short = key.removeprefix(queue.namespace).removeprefix(queue.name + ":")
        found[short] = READ[queue.redis.type(key)](queue.redis, key)
        if (expires := queue.redis.pexpiretime(key)) > 0:
            found[f"{short} expires"] = expires
    return found


def clock(queue):
    seconds, microseconds = queue.redis.time()
    return seconds * 1000 + microseconds // 1000


def in_words(value, start, end):
    """A value with its times as words: from the step itself, or steps of 10 s away from it."""
    if isinstance(value, dict):
        return {name: in_words(each, start, end) for name, each in value.items()}
    if isinstance(value, list):
        return [in_words(each, start, end) for each in value]
    if not isinstance(value, int) or value < 1e12:
        return value
    if value < start:
        return "earlier"
    steps = (value - start) // STEP
    if value - steps * STEP > end:
        return value
    return f"now+{steps * STEP // 1000}s" if steps else "now"


def differences(before, after):
    """What is new or not the same any more, down to single fields; None for what is gone."""
    changed = {}
    for name in before | after:
        old, new = before.get(name), after.get(name)
        if isinstance(new, dict) and old != new:
            changed[name] = differences(old or {}, new)
        elif old != new:
            changed[name] = new
    return changed


def step(queue, script, *arguments):
    """The reply of one script, sent its arguments as they are."""
    return queue._send_script(script, *arguments)


def run(queue, script, *arguments, last_reap=None):
    """The reply of one step, and all it changed.

    A claim reaps when the last reap is half a second ago, so the tests fix that moment: long ago,
    or `last_reap` (ms) from now.
    """
    if last_reap is None:
        queue.redis.hdel(queue.keys.meta, "reaped_at")
    else:
        queue.redis.hset(queue.keys.meta, "reaped_at", clock(queue) + last_reap)
    before, seen = dump(queue), clock(queue)
    while (start := clock(queue)) == seen:
        pass  # in a later millisecond, a time written anew differs from the one before
    reply = step(queue, script, *arguments)
    end = clock(queue)
    changed = differences(before, dump(queue))
    if changed.get("events"):
        changed["events"] = list(changed["events"].values())
    return reply, in_words(changed, start, end)


# Making a state


def add(queue, *ids, priority="normal", delay=0, max_attempts=""):
    pairs = [each for task in ids for each in (task, PAYLOAD)]
    assert step(queue, "add_tasks", priority, delay, max_attempts, "", *pairs) == []


def asks(worker="ann", nonce="n1", random=0.5, limit=1, again="1"):
    """The arguments of a claim, one whose reply may have been lost before unless `again` is ""."""
    return worker, nonce, *ABOUT, random, limit, again


def claim(queue, worker="ann", nonce="n1"):
    """The id and the token of a claim."""
    ((task, *_, token),) = step(queue, "get_tasks", *asks(worker, nonce))
    return task, token


def held(queue, task="t1", **options):
    """A new task that ann holds by the token 1:n1."""
    add(queue, task, **options)
    assert claim(queue) == (task, "1:n1")


def complete(queue, *ids):
    for task in ids:
        add(queue, task)
        _, token = claim(queue, nonce="done")
        assert step(queue, "mark_completed", task, token, "ann", RESULT) == 1


def fail(queue, *ids):
    for task in ids:
        add(queue, task)
        _, token = claim(queue, nonce="lost")
        assert step(queue, "mark_failed", task, token, "boom", "0", 0) == 1


def rewrite(queue, suffix, name, field, value):
    """Change a number inside the JSON of a field, and no other character."""
    key = getattr(queue.keys, suffix)
    text = queue.redis.hget(key, name)
    changed, count = re.subn(rf'"{field}":\d+', f'"{field}":{value}', text)
    assert count == 1, text
    queue.redis.hset(key, name, changed)


def expire(queue, *ids):
    """Let the leases of these tasks be over."""
    for task in ids:
        rewrite(queue, "processing", task, "deadline", 1)


def take_over(queue):
    """After `held`: ann's lease runs out, and bob claims the task by the token 2:n2."""
    expire(queue, "t1")
    assert step(queue, "reap", "", "", "", 0) == 1
    assert claim(queue, "bob", "n2") == ("t1", "2:n2")


def forget(queue, *suffixes):
    for suffix in suffixes:
        queue.redis.delete(getattr(queue.keys, suffix))


def task_key(queue, task="t1"):
    return f"{queue.namespace}task:{task}"


# What more than one test expects


def added(**values):
    return {
        "payload": {"n": 1},
        "priority": "normal",
        "attempts": 0,
        "added_at": "now",
        "status": "pending",
        **values,
    }


def claimed(task="t1", worker="ann", nonce="n1", claims=1):
    """A task's first claim."""
    both = {"worker": worker, "claim": f"1:{nonce}", "claimed_at": "now"}
    return {
        "processing": {task: {**both, "attempt": 1, "deadline": "now+60s"}},
        f"task:{task}": {**both, "attempts": 1, "status": "processing"},
        "workers": {worker: seen(task)},
        "meta": {"claims": claims, "reaped_at": "now"},
        "events": [f"claimed {task} worker={worker} attempt=1"],
    }


def seen(task):
    return {"seen": "now", "task": task, "pid": 7, "host": "here"}


def completed(task="t1"):
    return {
        "processing": None,
        f"task:{task}": {"status": "completed", "claim": "", "finished_at": "now"},
        f"result:{task}": {"result": {"ok": True}, "claim": "1:n1"},
        f"result:{task} expires": "now+1000s",
        "completed": [task],
        "meta": {"completed": 1},
        "events": [f"completed {task} worker=ann"],
    }


def reaped(reason):
    """Of two tasks, t1 was taken from ann for the first time, with 0.5 for a random number.

    The error has no token: it is not ann's word, and must not make her own report a repeated one.
    """
    return {
        "processing": {"t1": None},
        "task:t1": {
            "status": "delayed",
            "claim": "",
            "crashes": 1,
            "errors": [{"at": "now", "error": reason}],
        },
        "delayed": {"t1": "now+10s"},
        "meta": {"reaped_at": "now"},
        "events": [
            "expired t1 worker=ann crashes=1",
            f"delayed t1 wait=10000 reason={reason}",
        ],
    }


def set_aside(task, reason="it has no record of its own"):
    """What is left of an id that is no task."""
    return {
        "odd": [{"id": task, "reason": reason, "at": "now"}],
        "events": [f"set_aside {task} reason={reason}"],
    }


SILENT = "worker ann was silent for a whole lease (1 of 2)"
DIED = "worker ann died (1 of 2)"


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


# mark_failed


def delayed(wait, error="boom", token="1:n1"):
    """An error with tries left, and a wait in ms."""
    return {
        "processing": None,
        "task:t1": {
            "status": "delayed",
            "claim": "",
            "errors": [{"claim": token, "at": "now", "error": error}],
        },
        "delayed": {"t1": f"now+{wait // 1000}s" if wait else "now"},
        "events": [f"delayed t1 wait={wait} reason={error}"],
    }


def failed(error="boom"):
    return {
        "processing": None,
        "task:t1": {
            "status": "failed",
            "claim": "",
            "finished_at": "now",
            "errors": [{"claim": "1:n1", "at": "now", "error": error}],
        },
        "failed": ["t1"],
        "meta": {"failed": 1},
        "events": [f"failed t1 reason={error}"],
    }


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


def fill(queue):
    """One task in every place there is, and one waiting more."""
    complete(queue, "done")
    fail(queue, "lost")
    add(queue, "unwanted")
    step(queue, "cancel", "unwanted")
    held(queue, "running")
    add(queue, "later", delay=STEP)
    add(queue, "low", priority="low")
    add(queue, "high", priority="high")
    add(queue, "normal1", "normal2")
    queue.redis.lpush(queue.keys.odd, "{}")
    queue.pause()


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


@pytest.mark.parametrize("field", ["claims", "completed", "failed", "reaped_at"])
def test_a_number_that_somebody_overwrote_begins_anew_and_no_task_suffers(queue, field):
    add(queue, "t1", "t2")
    queue.redis.hset(queue.keys.meta, field, "abc")
    task, token = claim(queue)
    assert step(queue, "mark_completed", task, token, "ann", RESULT) == 1
    task, token = claim(queue, nonce="n2")
    assert step(queue, "mark_failed", task, token, "boom", "0", 0) == 1
    assert queue.check() == []
    assert queue.get_stats().completed_total == 1


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


# What the files say of themselves


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_header_names_exactly_the_arguments_that_its_script_takes(name):
    header = "\n".join(re.findall(r"^--.*", SCRIPTS[name], re.MULTILINE))
    named = re.findall(r"ARGV\[(\d+)\] +(\w+)", header)
    assert [word for _, word in named] == list(module.script(name).arguments)
    first = 1 + module.COMMON_ARGUMENTS
    assert [int(number) for number, _ in named] == list(range(first, first + len(named)))


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_header_says_where_the_rest_of_the_arguments_begins(name):
    said = re.findall(r"^-- ARGV\[(\d+)\.\.\]", SCRIPTS[name], re.MULTILINE)
    looped_over = re.findall(r"for i = (\d+), #ARGV\b", SCRIPTS[name])
    behind_the_named = 1 + module.COMMON_ARGUMENTS + len(module.script(name).arguments)
    assert said == looped_over
    assert said in ([], [str(behind_the_named)])


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_names_itself_says_what_it_returns_and_is_a_method(name):
    text = SCRIPTS[name]
    assert text.startswith(f"-- {name}: ")
    assert re.search(r"^-- Returns .+", text, re.MULTILINE)
    assert "KEYS[" not in text  # they have names
    assert callable(getattr(RedisTaskQueue, name))


def test_the_scripts_and_the_calls_for_them_are_the_same():
    room = FOLDER.parent
    files = ("redis_queue.py", "redis_reader.py", "redis_settings.py", "redis_walk.py")
    text = "".join((room / name).read_text() for name in files)
    called = re.findall(r'(?:_run|_claim)\(\s*"(\w+)"', text)
    assert sorted(called) == sorted(SCRIPTS) == module.names()


def test_a_script_called_without_one_of_its_arguments_is_an_error_in_python(queue):
    with pytest.raises(KeyError, match="token"):
        queue._run("release", id="t1")


def test_python_sends_the_keys_in_the_order_the_scripts_declare():
    table = re.findall(r"^-- KEYS\[([\d.]+)\] +(\S+) +[A-Z]+ ", COMMON, re.MULTILINE)
    keys = Keys("", "q")
    assert [name for _, name in table] == [
        *(key.removeprefix("q:") for key in keys.all[: -len(PRIORITIES)]),
        "pending",
    ]
    assert [number for number, _ in table] == [*map(str, range(1, 11)), "11.."]
    names = re.search(r"local ([^=]+) =\s+unpack\(KEYS, 1, 10\)", COMMON)[1].split(", ")
    assert names == [name for _, name in table[:10]]
    assert keys.all[10:] == ("q:pending:high", "q:pending", "q:pending:low")


def test_the_keys_have_the_types_that_their_table_says(queue):
    fill(queue)
    table = re.findall(r"^-- KEYS\[[\d.]+\] +(\S+) +([A-Z]+) ", COMMON, re.MULTILINE)
    types = [type_.lower() for _, type_ in table[:-1]] + ["list"] * len(PRIORITIES)
    assert [queue.redis.type(key) for key in queue.keys.all] == types


def test_every_event_that_a_script_writes_is_in_the_vocabulary_and_no_other_is():
    text = "".join(path.read_text() for path in FOLDER.glob("*.lua"))
    written = set(re.findall(r"note\('(\w+)'", text))
    written |= set(re.findall(r"line_up\('[LR]PUSH', id, '(\w+)'\)", text))
    assert written == set(Event)


def test_the_scripts_know_every_setting_of_the_queue_by_its_name():
    words = re.search(r"^-- ARGV\[2\](.+\n.+)", COMMON, re.MULTILINE)[1]
    named = set(re.findall(r"\w+", words)) - {"settings", "JSON", "ms", "s"}
    text = "".join(path.read_text() for path in FOLDER.glob("*.lua"))
    used = set(re.findall(r"settings\.(\w+)", text))
    workers_own = {"time_limit"}
    of_the_queue = {each.name for each in fields(QueueSettings)} - workers_own
    assert named == used == of_the_queue


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_server_takes_every_script_under_the_name_python_calls_it_by(queue, name):
    script = module.script(name)
    assert queue.redis.script_load(script.text) == script.sha


def test_an_installed_package_finds_its_scripts_beside_its_code(tmp_path):
    shutil.copytree(Path(module.__file__).parents[1], tmp_path / "site" / "imglab")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "from imglab.queues import scripts as module\n"
        f"print(module.__file__, *(module.script(name).sha for name in {list(SCRIPTS)}))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.split()
    assert said[0].startswith(str(tmp_path))
    assert said[1:] == [module.script(name).sha for name in SCRIPTS]
