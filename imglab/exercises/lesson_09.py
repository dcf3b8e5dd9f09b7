"""Lesson 09: many tasks in few round trips, and Little's law on a queue's own events."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from imglab.exercises.adding_many import judge_adding
from imglab.exercises.examiner import Examiner
from imglab.exercises.exercise import Exercise
from imglab.exercises.same import is_same
from imglab.language import tr

#: (ms, event, task), in the order of their happening.
Record = Sequence[tuple[int, str, str]]
#: What one of the two functions does with the events of a record.
Sum = Callable[[list[dict[str, Any]]], Any]

#: Tasks of a seeded record, and the seeds.
TASKS = 60
SEEDS = (1, 2, 3)
#: The longest pause between two things that happen in it, in ms.
LONGEST_PAUSE_MS = 40


def add_all(r, q, payloads):
    if not payloads:
        return []
    count = len(payloads)
    last = r.incrby(q + "last", count)
    ids = [str(last - count + n) for n in range(1, count + 1)]
    pipe = r.pipeline(transaction=False)
    for task_id, payload in zip(ids, payloads):
        text = json.dumps(payload)
        pipe.hset(q + "task:" + task_id, "payload", text)
    pipe.lpush(q + "pending", *ids)
    pipe.execute()
    return ids


def area(events):
    total = 0
    here = 0
    before = None
    for event in events:
        if here:
            total += here * (event["at"] - before)
        before = event["at"]
        if event["event"] == "added":
            here += 1
        if event["event"] in {"completed", "failed", "cancelled"}:
            here -= 1
    return total


def stays(events):
    total = 0
    came = {}
    for event in events:
        if event["event"] == "added":
            came[event["task"]] = event["at"]
        if event["event"] in {"completed", "failed", "cancelled"}:
            total += event["at"] - came.pop(event["task"])
    return total


class Case(NamedTuple):
    """A record, in words; what comes out, and what helps."""

    given: str
    #: (ms, event, task), in the order of their happening.
    record: Record
    area: int
    stays: int
    #: What helps; "" where it is said of each of the two apart.
    hint: str


ONE = Case(
    tr("a is added at 1,000 ms, claimed at 1,200, completed at 1,500"),
    [(1000, "added", "a"), (1200, "claimed", "a"), (1500, "completed", "a")],
    500,
    500,
    "",
)
AREA_OF_ONE = tr(
    "From one event to the next, the area grows by (tasks that are here) × (ms between): here "
    "1 × 200 and 1 × 300. Let it grow first, then look what the event changes."
)
STAYS_OF_ONE = tr(
    "A task is here from `added` until its end, while it waits and while a worker has it: here "
    "500 ms. What is asked for is a sum of whole ms, and no mean."
)
#: What comes out where only a part of a stay counts.
PARTS_OF_ONE = {
    300: tr("The stay begins with `added`, not with `claimed`: waiting is a part of it."),
    200: tr("`claimed` ends the waiting, not the stay: that ends with `completed`."),
}
CASES = (
    Case(
        tr("a is here from 0 to 400 ms, b from 100 to 300"),
        [
            (0, "added", "a"),
            (100, "added", "b"),
            (150, "claimed", "b"),
            (300, "completed", "b"),
            (300, "claimed", "a"),
            (400, "completed", "a"),
        ],
        600,
        600,
        tr(
            "Between 100 and 300 ms two tasks are here, else one. What counts between two events "
            "is how many were here before the second of them."
        ),
    ),
    Case(
        tr("a is here from 0 to 100 ms, b from 1,000 to 1,100"),
        [
            (0, "added", "a"),
            (100, "completed", "a"),
            (1000, "added", "b"),
            (1100, "completed", "b"),
        ],
        200,
        200,
        tr("From 100 to 1,000 ms nobody is here, and 0 × 900 ms is nothing."),
    ),
    Case(
        tr("the first try of a fails, it waits for another one, and is completed at 900 ms"),
        [
            (0, "added", "a"),
            (100, "claimed", "a"),
            (200, "delayed", "a"),
            (700, "promoted", "a"),
            (700, "claimed", "a"),
            (900, "completed", "a"),
        ],
        900,
        900,
        tr(
            "A task that waits for another try is still here: `delayed` and `promoted` change "
            "nothing. It came once, with `added`."
        ),
    ),
    Case(
        tr("a fails for good at 300 ms, b is cancelled at 500"),
        [
            (0, "added", "a"),
            (100, "added", "b"),
            (300, "failed", "a"),
            (500, "cancelled", "b"),
        ],
        700,
        700,
        tr("Not every task ends well: `failed` (given up) and `cancelled` are ends, too."),
    ),
    Case(
        tr(
            "a is here from 0 to 400 ms, b comes at 100, and the record ends at 400 while b is here"
        ),
        [(0, "added", "a"), (100, "added", "b"), (400, "completed", "a")],
        700,
        400,
        tr(
            "This record does not end empty, so the two differ, and neither can stand in for the "
            "other: the area counts b up to the last event, the stays only tasks that have ended. "
            "So keep for each task when it came."
        ),
    ),
)
TOGETHER = tr(
    "All together now: several at once, gaps, other tries, every end, and tasks that are still "
    "here when the record ends. Who came first need not end first."
)
TWO_FUNCTIONS = tr('Hand in both functions: check("09-exercise-little", (area, stays)).')


def judge_little(answer: tuple[Sum, Sum], exam: Examiner) -> None:
    """One task, two at once, a gap, another try, other ends, a record cut off, seeded ones."""
    exam.case(tr("what you handed in"), TWO_FUNCTIONS)
    are_two = isinstance(answer, tuple) and len(answer) == 2 and all(map(callable, answer))
    exam.require(are_two, tr("two functions"), f"{answer!r:.80}")
    area_of, stays_of = answer
    exam.case(tr("area of this record: {record}", record=ONE.given), AREA_OF_ONE)
    exam.expect(ONE.area, area_of(_events(ONE.record)))
    exam.case(tr("stays of this record: {record}", record=ONE.given), STAYS_OF_ONE)
    got = stays_of(_events(ONE.record))
    for part, hint in PARTS_OF_ONE.items():
        exam.require(not is_same(part, got), f"{ONE.stays}", f"{part}", hint)
    exam.expect(ONE.stays, got)
    for case in CASES:
        exam.case(tr("area of this record: {record}", record=case.given), case.hint)
        exam.expect(case.area, area_of(_events(case.record)))
        exam.case(tr("stays of this record: {record}", record=case.given), case.hint)
        exam.expect(case.stays, stays_of(_events(case.record)))
    for seed in SEEDS:
        record = _seeded(seed)
        both = _both(record)
        exam.case(
            tr("seeded record {seed}: {tasks} tasks of every kind", seed=seed, tasks=TASKS),
            TOGETHER,
        )
        exam.expect(both, (area_of(_events(record)), stays_of(_events(record))))


def _events(record: Record) -> list[dict[str, Any]]:
    """A record as `queue.events()` tells it."""
    return [{"at": at, "event": event, "task": task} for at, event, task in record]


#: What may come after an event, in a seeded record.
_NEXT = {
    "": ("added",),
    "added": ("claimed", "claimed", "claimed", "cancelled"),
    "claimed": ("completed", "completed", "delayed", "failed"),
    "delayed": ("promoted",),
    "promoted": ("claimed",),
}


def _seeded(seed: int) -> Record:
    """A record in which tasks of all kinds come and go; it is cut off before all of them ended."""
    chance = random.Random(seed)
    last = {f"task-{number}": "" for number in range(TASKS)}
    record = []
    at = 1_764_000_000_000
    while len(last) > TASKS // 10:
        # A few at a time: so that there are gaps, and never too many at once.
        task = chance.choice(list(last)[:4])
        event = chance.choice(_NEXT[last[task]])
        at += chance.randrange(LONGEST_PAUSE_MS)
        record.append((at, event, task))
        last[task] = event
        if event not in _NEXT:
            del last[task]
    return record


def _both(record: Record) -> tuple[int, int]:
    """Area and stays, worked out task by task."""
    came: dict[str, int] = {}
    stays = 0
    for at, event, task in record:
        if event == "added":
            came[task] = at
        elif event not in _NEXT:
            stays += at - came.pop(task)
    end = record[-1][0]
    still_here = sum(end - at for at in came.values())
    return stays + still_here, stays


EXERCISES = {
    "09-exercise-add": Exercise(
        task=(
            tr(
                "Write add_all(r, q, payloads). It adds a task for each payload, a dict, to plain "
                'keys: a record, the field payload of the hash q + "task:" + id with the payload '
                'as JSON, and the id in the list q + "pending", LPUSH, the first payload first. '
                'The ids are numbers as strings, from the counter q + "last", which other '
                "producers use, too. It returns the ids in the order of the payloads. A record is "
                "there before its id is in line. 1,000 payloads take at most three round trips."
            )
        ),
        hints=(
            tr(
                "Two things are asked of Redis: numbers for the ids, and then all the writing. The "
                "second cannot begin before the first has answered, so there are two round trips."
            ),
            tr(
                'last = r.incrby(q + "last", len(payloads)) makes the numbers up to last yours: '
                "last - len(payloads) + 1 is the first of them. pipe = "
                "r.pipeline(transaction=False) notes commands, pipe.execute() sends all of them."
            ),
            tr(
                'In a loop, pipe.hset(q + "task:" + task_id, "payload", json.dumps(payload)); '
                'after it, pipe.lpush(q + "pending", *ids) and pipe.execute(), once. Begin with: '
                "if not payloads: return []."
            ),
        ),
        solution=add_all,
        judge=judge_adding,
        redis=True,
    ),
    "09-exercise-little": Exercise(
        task=(
            tr(
                "Write area(events) and stays(events), and hand in both, as a pair. Each event is "
                "a dict with at (ms), event and task, the oldest first. A task is here from its "
                "event added until completed, failed or cancelled; other events change nothing. "
                "area is the area under the number of tasks that are here, from the first event to "
                "the last one; stays is the sum of how long each task was here that has ended. "
                "Both are ms."
            )
        ),
        hints=(
            tr(
                "area goes through the events and keeps how many are here; stays keeps for each "
                "task when it came: a dict."
            ),
            tr(
                "Before an event changes how many are here, the area grows by here × (its at - the "
                'at of the event before). In stays, "added" puts came[event["task"]] = '
                'event["at"].'
            ),
            tr(
                'At "completed", "failed" or "cancelled": here -= 1 in area, and in stays total += '
                'event["at"] - came.pop(event["task"]). All other events only let the area grow.'
            ),
        ),
        solution=(area, stays),
        judge=judge_little,
    ),
}
