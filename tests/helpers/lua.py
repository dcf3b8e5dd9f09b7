"""A queue in a state, one Lua script on it, and all that it changed: what tests of scripts share.

What a step leaves as it was does not show up in `changed`, so an equation with it says both: this
was done, and nothing else. Times show as "now" and "now+60s", by the server's clock.
"""

from __future__ import annotations

import json
import re

from imglab.queues import QueueSettings

#: Every length of time is a multiple of STEP, so that a step of the queue may take almost as long.
STEP = 10_000
SETTINGS = QueueSettings(lease=60, max_crashes=2, backoff=20, backoff_cap=100, keep=2, ttl=1000)
ABOUT = (7, "here")
PAYLOAD = '{"n":1}'
RESULT = '{"ok":true}'


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
        first = values.pop("event", "-"), values.pop("task")  # a batch's endings have no event
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
    queue.begin_batch("holiday")
    queue.pause()
