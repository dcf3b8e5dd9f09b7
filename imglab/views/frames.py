"""What a board shows of one moment, as plain data: read from Redis, or worked out from events."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from imglab.queues import PRIORITIES, RedisTaskQueue
from imglab.queues.connection import speaking_to

#: How many ids of each place a frame names; of the others it knows the number.
NAMED = 200
#: How many events a frame looks back; the board shows the last few in words.
EVENTS = 100

#: Every place a task can be in; of the lines, the first is taken first.
PLACES = (*PRIORITIES, "processing", "delayed", "completed", "failed")
#: Where a task is after an event; `added` and the rest put it into a line.
_AFTER = {
    "claimed": "processing",
    "completed": "completed",
    "failed": "failed",
    "delayed": "delayed",
}


@dataclass(frozen=True)
class Hold:
    """A task in a worker's hands."""

    task: str
    worker: str
    attempt: int = 1
    #: The share of the lease that is left, from 1 down to 0; 1 where nobody knows.
    left: float = 1.0


@dataclass(frozen=True)
class Frame:
    """One moment of a queue."""

    #: Milliseconds of the server's clock.
    at: int
    #: high, normal, low, processing, delayed, completed, failed → how many tasks.
    counts: dict[str, int]
    #: The same places → the first ids: next to be taken, soonest due, latest finished first.
    ids: dict[str, list[str]]
    holds: list[Hold]
    #: Who works here, by name.
    workers: list[str]
    #: The latest events, oldest first.
    events: list[dict[str, Any]]
    #: Completed since the queue began.
    total: int = 0
    is_paused: bool = False

    @classmethod
    def empty(cls) -> Frame:
        """A frame of nothing, for when there is none yet."""
        return cls(0, dict.fromkeys(PLACES, 0), {place: [] for place in PLACES}, [], [], [])

    @property
    def unfinished(self) -> int:
        """Tasks that a worker still has to finish."""
        return sum(self.counts[each] for each in (*PRIORITIES, "processing", "delayed"))


class Camera:
    """Takes frames of a queue in Redis, on a connection of its own: one round trip each."""

    def __init__(self, queue: RedisTaskQueue) -> None:
        self.queue = RedisTaskQueue.from_spec(queue.spec())

    def close(self) -> None:
        """Give the connection back."""
        self.queue.close()

    def shoot(self) -> Frame:
        """The queue now. QueueUnavailable when Redis is away."""
        client, keys = self.queue.redis, self.queue.keys
        lines = [keys[suffix] for suffix in (":pending:high", ":pending", ":pending:low")]
        with speaking_to(client), client.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.hgetall(keys[":processing"])
            pipe.hkeys(keys[":workers"])
            pipe.zcard(keys[":delayed"])
            pipe.zrange(keys[":delayed"], 0, NAMED - 1)
            pipe.hmget(keys[":meta"], ["completed", "paused"])
            pipe.xrevrange(keys[":events"], count=EVENTS)
            for key in lines:
                pipe.llen(key)
                pipe.lrange(key, -NAMED, -1)
            for key in (keys[":completed"], keys[":failed"]):
                pipe.llen(key)
                pipe.lrange(key, 0, NAMED - 1)
            (seconds, micros), held, workers, delayed, due, meta, events, *lists = pipe.execute()
        now = seconds * 1000 + micros // 1000
        holds = [_hold(task, json.loads(entry), now) for task, entry in held.items()]
        holds.sort(key=lambda each: (by_number(each.worker), each.task))
        places = (*PRIORITIES, "completed", "failed")
        counts = dict(zip(places, lists[::2], strict=True))
        ids = dict(zip(places, lists[1::2], strict=True))
        for priority in PRIORITIES:
            ids[priority].reverse()  # the right end is taken first
        return Frame(
            at=now,
            counts=counts | {"processing": len(held), "delayed": delayed},
            ids=ids | {"processing": [each.task for each in holds], "delayed": due},
            holds=holds,
            workers=sorted({*workers, *(each.worker for each in holds)}, key=by_number),
            events=[_event(entry, fields) for entry, fields in reversed(events)],
            total=int(meta[0] or 0),
            is_paused=bool(meta[1]),
        )


def _event(entry: str, fields: dict[str, str]) -> dict[str, Any]:
    return {"at": int(entry.partition("-")[0]), **fields}


def _hold(task: str, entry: dict[str, Any], now: int) -> Hold:
    lease = entry["deadline"] - entry["claimed_at"]
    left = (entry["deadline"] - now) / max(1, lease)
    return Hold(task, entry["worker"], entry["attempt"], min(1.0, max(0.0, left)))


def by_number(name: str) -> tuple[str, int]:
    """So that worker-10 comes after worker-9."""
    stem = name.rstrip("0123456789")
    return stem, int(name[len(stem) :] or 0)


@dataclass
class _Past:
    """A queue as its events tell of it, up to some moment."""

    places: dict[str, dict[str, None]] = field(
        default_factory=lambda: {place: {} for place in PLACES}
    )
    where: dict[str, str] = field(default_factory=dict)
    line: dict[str, str] = field(default_factory=dict)
    holds: dict[str, Hold] = field(default_factory=dict)
    workers: dict[str, None] = field(default_factory=dict)
    recent: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=EVENTS))
    total: int = 0

    def take(self, event: dict[str, Any]) -> None:
        task, what = event["task"], event["event"]
        self.recent.append(event)
        if "priority" in event:
            self.line[task] = event["priority"]
        if what == "expired":  # the next event says where it goes
            return
        place = _AFTER.get(what, self.line.get(task, "normal"))
        if what == "added" and "wait" in event:
            place = "delayed"
        if task in self.where:
            self.places[self.where[task]].pop(task, None)
        self.where[task] = place
        line = self.places[place]
        if what == "released":  # to the head
            self.places[place] = {task: None, **line}
        else:
            line[task] = None
        self.holds.pop(task, None)
        if what == "claimed":
            worker = event["worker"]
            self.workers[worker] = None
            self.holds[task] = Hold(task, worker, int(event.get("attempt", 1)))
        self.total += what == "completed"

    def frame(self, at: int) -> Frame:
        ids = {}
        for place, tasks in self.places.items():
            order = reversed(tasks) if place in ("completed", "failed") else iter(tasks)
            ids[place] = [each for each, _ in zip(order, range(NAMED), strict=False)]
        holds = sorted(self.holds.values(), key=lambda each: (by_number(each.worker), each.task))
        return Frame(
            at=at,
            counts={place: len(tasks) for place, tasks in self.places.items()},
            ids=ids,
            holds=holds,
            workers=sorted(self.workers, key=by_number),
            events=list(self.recent),
            total=self.total,
        )


def frames(events: Iterable[dict[str, Any]], every: float = 0.125) -> Iterator[Frame]:
    """The frames of a record, `every` so many seconds: the queue as its events tell of it.

    A record begins with an empty queue: take it from `queue.events()` of a queue that was cleared.
    """
    past, due = _Past(), None
    last = 0
    for event in events:
        at = int(event["at"])
        due = at if due is None else due
        while at > due:
            yield past.frame(due)
            due += max(1, int(every * 1000))
        past.take(event)
        last = at
    if due is not None:
        yield past.frame(last)
