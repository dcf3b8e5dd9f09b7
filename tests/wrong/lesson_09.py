"""Typical wrong answers to lesson 09, each with words of its hint; right ones of other styles."""

import itertools
import json
import uuid

from imglab.exercises.lesson_09 import add_all, area, stays

# add_all


def one_by_one(r, q, payloads):
    ids = []
    for payload in payloads:
        task_id = str(r.incr(q + "last"))
        r.hset(q + "task:" + task_id, "payload", json.dumps(payload))
        r.lpush(q + "pending", task_id)
        ids.append(task_id)
    return ids


def executes_in_the_loop(r, q, payloads):
    if not payloads:
        return []
    last = r.incrby(q + "last", len(payloads))
    ids = [str(last - len(payloads) + n) for n in range(1, len(payloads) + 1)]
    pipe = r.pipeline()
    for task_id, payload in zip(ids, payloads, strict=True):
        pipe.hset(q + "task:" + task_id, "payload", json.dumps(payload))
        pipe.lpush(q + "pending", task_id)
        pipe.execute()
    return ids


def never_executes(r, q, payloads):
    pipe = r.pipeline()
    ids = [str(number) for number, _ in enumerate(payloads, 1)]
    for task_id, payload in zip(ids, payloads, strict=True):
        pipe.hset(q + "task:" + task_id, "payload", json.dumps(payload))
        pipe.lpush(q + "pending", task_id)
    return ids


def a_dict_as_python_writes_it(r, q, payloads):
    if not payloads:
        return []
    ids = _numbers(r, q, payloads)
    pipe = r.pipeline()
    for task_id, payload in zip(ids, payloads, strict=True):
        pipe.hset(q + "task:" + task_id, "payload", str(payload))
    pipe.lpush(q + "pending", *ids)
    pipe.execute()
    return ids


def the_last_one_first(r, q, payloads):
    ids = add_all(r, q, payloads)
    if ids:
        r.ltrim(q + "pending", len(ids), -1)
        r.rpush(q + "pending", *ids)
    return ids


def numbers_in_place_of_texts(r, q, payloads):
    return [int(each) for each in add_all(r, q, payloads)]


def gives_back_how_many(r, q, payloads):
    return len(add_all(r, q, payloads))


def nothing_comes_back(r, q, payloads):
    add_all(r, q, payloads)


def pushes_nothing(r, q, payloads):
    ids = _numbers(r, q, payloads)
    pipe = r.pipeline(transaction=False)
    for task_id, payload in zip(ids, payloads, strict=True):
        pipe.hset(q + "task:" + task_id, "payload", json.dumps(payload))
    pipe.lpush(q + "pending", *ids)
    pipe.execute()
    return ids


def counts_the_line(r, q, payloads):
    if not payloads:
        return []
    first = r.llen(q + "pending") + 1
    return _store(r, q, [str(first + n) for n in range(len(payloads))], payloads)


def a_counter_in_the_program(r, q, payloads):
    if not payloads:
        return []
    return _store(r, q, [str(next(COUNTER)) for _ in payloads], payloads)


def reads_the_counter_and_then_sets_it(r, q, payloads):
    if not payloads:
        return []
    before = int(r.get(q + "last") or 0)
    r.set(q + "last", before + len(payloads))
    return _store(r, q, [str(before + n) for n in range(1, len(payloads) + 1)], payloads)


def takes_a_pipeline_for_a_number(r, q, payloads):
    if not payloads:
        return []
    pipe = r.pipeline()
    last = pipe.incrby(q + "last", len(payloads))
    return _store(r, q, [str(last - n) for n in range(len(payloads))], payloads)


def in_line_before_it_is_there(r, q, payloads):
    if not payloads:
        return []
    ids = _numbers(r, q, payloads)
    pipe = r.pipeline(transaction=False)
    pipe.lpush(q + "pending", *ids)
    for task_id, payload in zip(ids, payloads, strict=True):
        pipe.hset(q + "task:" + task_id, "payload", json.dumps(payload))
    pipe.execute()
    return ids


def sends_more_than_asked_for(r, q, payloads):
    if not payloads:
        return []
    ids = _numbers(r, q, payloads)
    pipe = r.pipeline(transaction=False)
    for task_id, payload in zip(ids, payloads, strict=True):
        record = {"payload": json.dumps(payload), "status": "pending", "note": "x" * 100}
        pipe.hset(q + "task:" + task_id, mapping=record)
    pipe.lpush(q + "pending", *ids)
    pipe.execute()
    return ids


COUNTER = itertools.count(1)


def _numbers(r, q, payloads):
    last = r.incrby(q + "last", len(payloads))
    return [str(last - len(payloads) + n) for n in range(1, len(payloads) + 1)]


def _store(r, q, ids, payloads):
    pipe = r.pipeline()
    for task_id, payload in zip(ids, payloads, strict=True):
        pipe.hset(q + "task:" + task_id, "payload", json.dumps(payload))
    pipe.lpush(q + "pending", *ids)
    pipe.execute()
    return ids


# area and stays


def the_work_alone(events):
    total = 0
    claimed = {}
    for event in events:
        if event["event"] == "claimed":
            claimed[event["task"]] = event["at"]
        if event["event"] in {"completed", "failed", "cancelled"}:
            total += event["at"] - claimed.pop(event["task"])
    return total


def the_wait_alone(events):
    total = 0
    came = {}
    for event in events:
        if event["event"] == "added":
            came[event["task"]] = event["at"]
        if event["event"] == "claimed":
            total += event["at"] - came.pop(event["task"])
    return total


def counts_the_event_first(events):
    total = 0
    here = 0
    before = events[0]["at"]
    for event in events:
        if event["event"] == "added":
            here += 1
        if event["event"] in {"completed", "failed", "cancelled"}:
            here -= 1
        total += here * (event["at"] - before)
        before = event["at"]
    return total


def whoever_came_first_goes_first(events):
    total = 0
    came = []
    for event in events:
        if event["event"] == "added":
            came.append(event["at"])
        if event["event"] in {"completed", "failed", "cancelled"}:
            total += event["at"] - came.pop(0)
    return total


def whoever_came_last_goes_first(events):
    total = 0
    came = []
    for event in events:
        if event["event"] == "added":
            came.append(event["at"])
        if event["event"] in {"completed", "failed", "cancelled"}:
            total += event["at"] - came.pop()
    return total


def a_mean(events):
    return stays(events) / sum(event["event"] == "added" for event in events)


def as_long_as_anybody_is_here(events):
    total = 0
    here = 0
    before = events[0]["at"]
    for event in events:
        if here > 0:
            total += event["at"] - before
        before = event["at"]
        here += event["event"] == "added"
        here -= event["event"] in {"completed", "failed", "cancelled"}
    return total


def at_least_one_is_here(events):
    total = 0
    here = 0
    before = events[0]["at"]
    for event in events:
        total += max(1, here) * (event["at"] - before)
        before = event["at"]
        here += event["event"] == "added"
        here -= event["event"] in {"completed", "failed", "cancelled"}
    return total


def another_try_is_another_task(events):
    total = 0
    came = {}
    for event in events:
        if event["event"] in {"added", "promoted"}:
            came[event["task"]] = event["at"]
        if event["event"] in {"completed", "failed", "cancelled", "delayed"}:
            total += event["at"] - came.pop(event["task"])
    return total


def only_what_ends_well(events):
    total = 0
    here = 0
    before = events[0]["at"]
    for event in events:
        total += here * (event["at"] - before)
        before = event["at"]
        here += event["event"] == "added"
        here -= event["event"] == "completed"
    return total


def stays_of_all(events):
    came = {}
    total = 0
    for event in events:
        if event["event"] == "added":
            came[event["task"]] = event["at"]
        if event["event"] in {"completed", "failed", "cancelled"}:
            total += event["at"] - came.pop(event["task"])
    return total + sum(events[-1]["at"] - at for at in came.values())


WRONG = {
    "09-exercise-add": [
        (one_by_one, "so is each execute()"),
        (executes_in_the_loop, "so is each execute()"),
        (never_executes, "A pipeline only notes the commands"),
        (a_dict_as_python_writes_it, "A pipeline only notes the commands"),
        (the_last_one_first, "the first payload first"),
        (numbers_in_place_of_texts, "A counter gives numbers"),
        (gives_back_how_many, "A counter gives numbers"),
        (nothing_comes_back, "Your function returned None"),
        (pushes_nothing, "LPUSH without an id is an error"),
        (counts_the_line, "takes its numbers from the same counter"),
        (a_counter_in_the_program, "takes its numbers from the same counter"),
        (reads_the_counter_and_then_sets_it, "GET and then SET leaves a gap"),
        (takes_a_pipeline_for_a_number, "gives the pipeline back"),
        (in_line_before_it_is_there, "gets a task without a payload"),
        (sends_more_than_asked_for, "Send each payload once"),
    ],
    "09-exercise-little": [
        (area, "Hand in both functions"),
        ((area, the_work_alone), "waiting is a part of it"),
        ((area, the_wait_alone), "`claimed` ends the waiting"),
        ((area, a_mean), "and no mean"),
        ((counts_the_event_first, stays), "Let it grow first"),
        ((area, whoever_came_first_goes_first), "need not end first"),
        ((area, whoever_came_last_goes_first), "neither can stand in for the other"),
        ((as_long_as_anybody_is_here, stays), "two tasks are here"),
        ((at_least_one_is_here, stays), "0 × 900 ms is nothing"),
        ((area, another_try_is_another_task), "waits for another try is still here"),
        ((only_what_ends_well, stays), "(given up) and `cancelled` are ends"),
        ((area, stays_of_all), "neither can stand in for the other"),
        ((area, area), "neither can stand in for the other"),
        ((stays, stays), "neither can stand in for the other"),
    ],
}

# Right ones


def in_a_transaction(r, q, payloads):
    """MULTI … EXEC, and a push for each task: still one round trip."""
    if not payloads:
        return []
    return _store(r, q, _numbers(r, q, payloads), payloads)


def with_ids_of_its_own(r, q, payloads):
    """Nobody else has a UUID, so nobody is asked for numbers: one round trip."""
    ids = [uuid.uuid4().hex for _ in payloads]
    if ids:
        _store(r, q, ids, payloads)
    return ids


def as_a_transaction_that_watches(r, q, payloads):
    """GET and SET, and all over again where somebody else changed the counter between them."""

    def write(pipe):
        before = int(pipe.get(q + "last") or 0)
        ids = [str(before + n) for n in range(1, len(payloads) + 1)]
        pipe.multi()
        pipe.set(q + "last", before + len(payloads))
        for task_id, payload in zip(ids, payloads, strict=True):
            pipe.hset(q + "task:" + task_id, "payload", json.dumps(payload))
        if ids:
            pipe.lpush(q + "pending", *ids)
        return ids

    return r.transaction(write, q + "last", value_from_callable=True)


SCRIPT = """
local ids = {}
for _, payload in ipairs(ARGV) do
  local id = redis.call('INCR', KEYS[2])
  redis.call('LPUSH', KEYS[1], id)
  redis.call('HSET', KEYS[3] .. id, 'payload', payload)
  ids[#ids + 1] = tostring(id)
end
return ids
"""


def by_a_script(r, q, payloads):
    """A script is one step: in which order it writes, nobody sees."""
    texts = [json.dumps(payload) for payload in payloads]
    return list(r.eval(SCRIPT, 3, q + "pending", q + "last", q + "task:", *texts))


def area_by_pairs(events):
    total = 0
    for number, (event, following) in enumerate(itertools.pairwise(events), 1):
        seen = [each["event"] for each in events[:number]]
        ended = sum(map(seen.count, ("completed", "failed", "cancelled")))
        here = seen.count("added") - ended
        total += here * (following["at"] - event["at"])
    return total


def stays_by_two_sums(events):
    ends = {
        each["task"]: each["at"]
        for each in events
        if each["event"] in ("completed", "failed", "cancelled")
    }
    came = {each["task"]: each["at"] for each in events if each["event"] == "added"}
    return sum(ends.values()) - sum(came[task] for task in ends)


class Room:
    """Who is here, and the clock on its wall."""

    ENDS = frozenset(("completed", "failed", "cancelled"))

    def __init__(self):
        self.came = {}
        self.area = 0
        self.stays = 0
        self.clock = None

    def take(self, event):
        now = event["at"]
        if self.clock is not None:
            self.area += len(self.came) * (now - self.clock)
        self.clock = now
        if event["event"] == "added":
            self.came[event["task"]] = now
        elif event["event"] in self.ENDS:
            self.stays += now - self.came.pop(event["task"])

    def after(self, events):
        for event in events:
            self.take(event)
        return self


def area_of_a_room(events):
    return Room().after(events).area


def stays_of_a_room(events):
    return Room().after(events).stays


def area_by_task(events):
    """Each task adds its own part to the area: from its coming to its end, or to the last event."""
    last = events[-1]["at"]
    came = sum(last - each["at"] for each in events if each["event"] == "added")
    ends = ("completed", "failed", "cancelled")
    return came - sum(last - each["at"] for each in events if each["event"] in ends)


RIGHT = {
    "09-exercise-add": [
        in_a_transaction,
        with_ids_of_its_own,
        as_a_transaction_that_watches,
        by_a_script,
    ],
    "09-exercise-little": [
        (area_by_pairs, stays_by_two_sums),
        (area_of_a_room, stays_of_a_room),
        (area_by_task, stays),
    ],
}
