"""What a board shows of one moment, as plain data: read from Redis, or worked out from events."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

from imglab.queues import RedisTaskQueue
from imglab.queues.batches import BatchState
from imglab.queues.inspect import NAMED, RECENT_EVENTS, UNKNOWN
from imglab.queues.vocabulary import (
    FINISHED,
    NORMAL,
    PLACES,
    PRIORITIES,
    Event,
    Status,
    status_after,
)
from imglab.queues.worker_states import worker_states

#: Milliseconds between two questions how batches stand.
BATCHES_EVERY_MS = 1000
#: For so long a batch that is over is still shown.
ENDED_LATELY_MS = 60_000
#: Digits at the end of a name that are read as a number; with more of them, it is a name.
MAX_DIGITS = 18


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
    #: high, normal, low, processing, delayed, completed, failed, cancelled → how many tasks.
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
    #: How many tasks may be in line and delayed; None for any number, or where nobody knows.
    max_pending: int | None = None
    #: Those of the workers that show no life, each with words for it.
    silent: dict[str, str] = field(default_factory=dict)
    #: Batches that are on their way, or ended lately; the latest begun first.
    batches: list[BatchState] = field(default_factory=list)

    @classmethod
    def empty(cls) -> Frame:
        """A frame of nothing, for when there is none yet."""
        return cls(0, dict.fromkeys(PLACES, 0), {place: [] for place in PLACES}, [], [], [])

    @property
    def unfinished(self) -> int:
        """Tasks that a worker still has to finish."""
        return self.in_line + self.counts[Status.PROCESSING]

    @property
    def in_line(self) -> int:
        """Tasks that wait for a worker, now or for later: those that a bound counts."""
        return sum(self.counts[each] for each in (*PRIORITIES, Status.DELAYED))

    @property
    def is_full(self) -> bool:
        """Whether the queue has a bound, and no more room."""
        return self.max_pending is not None and self.in_line >= self.max_pending


class Camera:
    """Takes frames of a queue in Redis on a connection of its own: a round trip each, or two."""

    def __init__(self, queue: RedisTaskQueue) -> None:
        # Without settings of its own: a difference was said to whoever made the first object.
        self.queue = RedisTaskQueue.from_spec({**queue.spec(), "settings": None})
        self._shown = queue
        self._batches: list[BatchState] = []
        #: When to ask for batches again, in milliseconds of the server's clock.
        self._ask_at = 0

    def close(self) -> None:
        """Give the connection back."""
        self.queue.close()

    def shoot(self) -> Frame:
        """Take the queue as it is now. QueueUnavailable when Redis is away."""
        now = self.queue.snapshot()
        holds = [
            Hold(claim.task, claim.worker, claim.attempt, claim.lease_left(now.at))
            for claim in now.claims
        ]
        holds.sort(key=_by_worker)
        states = worker_states(now, self._shown.settings.lease)
        return Frame(
            at=now.at,
            counts=now.counts,
            ids=now.ids | {Status.PROCESSING: [hold.task for hold in holds]},
            holds=holds,
            workers=sorted((state.name for state in states), key=by_number),
            events=now.events,
            total=now.totals[Status.COMPLETED],
            is_paused=now.is_paused,
            max_pending=now.max_pending,
            silent={state.name: state.words for state in states if not state.is_here},
            batches=[each for each in self._batches_at(now.at) if _is_of_interest(each, now.at)],
        )

    def _batches_at(self, now: int) -> list[BatchState]:
        """How batches stand, about once a second: few queues have any."""
        if now >= self._ask_at:
            self._batches = self.queue.batches()
            self._ask_at = now + BATCHES_EVERY_MS
        return self._batches


def _is_of_interest(batch: BatchState, now: int) -> bool:
    if not batch.is_over:
        return batch.tasks > 0
    return now - batch.ended_at < ENDED_LATELY_MS


def _by_worker(hold: Hold) -> tuple[tuple[str, int], str]:
    return by_number(hold.worker), hold.task


def by_number(name: str) -> tuple[str, int]:
    """So that worker-10 comes after worker-9."""
    stem = name.rstrip("0123456789")
    number = name[len(stem) :]
    if not 0 < len(number) <= MAX_DIGITS:
        return name, 0
    return stem, int(number)


def _empty_places() -> dict[str, dict[str, None]]:
    return {place: {} for place in PLACES}


@dataclass
class _Past:
    """A queue as its events tell of it, up to some moment."""

    #: Place → its tasks, in order: the keys of a dict are found and removed at once.
    places: dict[str, dict[str, None]] = field(default_factory=_empty_places)
    #: Task → the place where it is.
    where: dict[str, str] = field(default_factory=dict)
    #: Task → the line of its priority.
    line: dict[str, str] = field(default_factory=dict)
    #: Task → who has it in hand.
    holds: dict[str, Hold] = field(default_factory=dict)
    #: Everybody who took a task.
    workers: dict[str, None] = field(default_factory=dict)
    #: The latest events, oldest first.
    recent: deque[dict[str, Any]] = field(default_factory=partial(deque, maxlen=RECENT_EVENTS))
    #: Tasks completed so far.
    total: int = 0

    def take(self, event: dict[str, Any]) -> None:
        """Let one more event happen; one of an unknown kind changes nothing."""
        self.recent.append(event)
        task = event["task"]
        if event.get("priority") in PRIORITIES:
            self.line[task] = event["priority"]
        status = status_after(event)
        if status is None:
            return
        self._move(task, status, to_head=event["event"] == Event.RELEASED)
        self.holds.pop(task, None)
        if status is Status.PROCESSING:
            worker = event.get("worker", UNKNOWN)
            self.workers[worker] = None
            self.holds[task] = Hold(task, worker, int(event.get("attempt", 1)))
        if event["event"] == Event.COMPLETED:
            self.total += 1

    def _move(self, task: str, status: Status, *, to_head: bool) -> None:
        place: str = status
        if status is Status.PENDING:
            place = self.line.get(task, NORMAL)
        if task in self.where:
            self.places[self.where[task]].pop(task, None)
        self.where[task] = place
        others = self.places[place]
        if to_head:
            self.places[place] = {task: None, **others}
        else:
            others[task] = None

    def frame(self, at: int) -> Frame:
        """The queue as it is now, with this time in milliseconds."""
        ids = {}
        for place, tasks in self.places.items():
            # Of those that are done with, the latest comes first.
            order = reversed(tasks) if place in FINISHED else iter(tasks)
            ids[place] = list(islice(order, NAMED))
        holds = sorted(self.holds.values(), key=_by_worker)
        return Frame(
            at=at,
            counts={place: len(tasks) for place, tasks in self.places.items()},
            ids=ids,
            holds=holds,
            workers=sorted(self.workers, key=by_number),
            events=list(self.recent),
            total=self.total,
        )


def frames(
    events: Iterable[dict[str, Any]], every: float = 0.125, *, idle: bool = True
) -> Iterator[Frame]:
    """The frames of a record, one each `every` seconds: the queue as its events tell of it.

    A record begins with an empty queue: take it from `queue.events()` of a queue that was cleared.
    Without `idle`, the frames are left out that would be as the one before: a queue that was used
    yesterday and today has more of those than memory.
    """
    past = _Past()
    step = max(1, int(every * 1000))
    due: int | None = None
    last = 0
    for event in events:
        last = int(event["at"])
        if due is None:
            due = last
        while last > due:
            yield past.frame(due)
            due += step
            if not idle and last > due:
                steps = math.ceil((last - due) / step)
                due += steps * step
        past.take(event)
    if due is not None:
        yield past.frame(last)
