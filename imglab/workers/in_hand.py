"""What a worker holds at this moment: tasks that wait, the one that runs, those that are done.

Three threads share it, and none of them ever waits for another:

* the main thread, the loop, alone writes `waiting`, `task`, `began`, `done`, `reported` and
  `speaking`;
* the heartbeat's thread alone adds to `cancelled` and `lost`;
* the watch thread of a worker process alone adds to `given_back`.

Only the main thread removes anything. Each change is one step of a list, a deque, a dict or a set,
which Python does whole, and whoever loops over one of them makes a copy first.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable

from imglab.queues import Task

#: What tells one claim from all others: the task's id and the claim's token.
Claim = tuple[str, str]


class Cancelled(Exception):
    """Somebody cancelled the task at hand: it is to end as such."""


class NotOurs(Exception):
    """The task at hand belongs to somebody else, or to nobody, by now: nothing is to be told."""


class Flag:
    """Something that is so for as long as a block lasts: `with flag: …`."""

    def __init__(self) -> None:
        self.is_up = False

    def __enter__(self) -> None:
        self.is_up = True

    def __exit__(self, *_: object) -> None:
        self.is_up = False


class InHand:
    """The tasks of one worker, from their claim to their report."""

    def __init__(self) -> None:
        #: Up while the main thread speaks with the queue: tasks may come or go at any moment.
        self.speaking = Flag()
        #: Claimed and not begun, in the order of the queue.
        self.waiting: deque[Task] = deque()
        #: The task that runs, and when it began (seconds of time.monotonic()).
        self.task: Task | None = None
        self.began = 0.0
        #: Done and not reported yet, each with its result as JSON text.
        self.done: list[tuple[Task, str]] = []
        #: When something was reported last (seconds of time.monotonic()).
        self.reported = 0.0
        #: Claims that somebody cancelled, and those whose lease is lost; since when (as above).
        self.cancelled: dict[Claim, float] = {}
        self.lost: dict[Claim, float] = {}
        #: Claims that this worker gave up, because it must leave: that is no cancelling.
        self.given_back: set[Claim] = set()

    # The main thread

    def claimed(self, tasks: Iterable[Task]) -> None:
        """Take tasks in that were just claimed; the marks of earlier ones are of no more use."""
        self.cancelled.clear()
        self.lost.clear()
        self.given_back.clear()
        self.waiting.extend(tasks)

    def begin(self) -> Task:
        """Make the first task that waits the one that runs, and return it."""
        # The time comes first: the watch thread looks whether the task is overdue.
        self.began = time.monotonic()
        # The task must never be in neither place: the watch thread may have to give everything
        # back at any moment.
        task = self.waiting[0]
        self.task = task
        self.waiting.popleft()
        return task

    def end(self) -> None:
        """Have no task that runs."""
        self.task = None

    def check(self) -> None:
        """Raise Cancelled or NotOurs when the task that runs is not wanted any more."""
        task = self.task
        if task is None:
            return
        claim = claim_of(task)
        if claim in self.given_back or claim in self.lost:
            raise NotOurs
        if claim in self.cancelled:
            raise Cancelled

    def reported_all(self) -> None:
        """Forget what was done, for it is reported."""
        self.done.clear()
        self.reported = time.monotonic()

    # Any thread

    def unfinished(self) -> list[Task]:
        """What is claimed and not done: the task that runs, then those that wait."""
        # In this order: a task that begins in between is seen twice, not never.
        waiting = list(self.waiting)
        running = self.task
        if running is None or running in waiting:
            return waiting
        return [running, *waiting]

    def held(self) -> list[Task]:
        """Every task with a claim to keep alive."""
        done = [task for task, _ in list(self.done)]
        return [*self.unfinished(), *done]

    def unwanted_for(self, task: Task) -> float:
        """For how many seconds it is known that a task was cancelled or lost; 0 while it is not."""
        claim = claim_of(task)
        since = self.cancelled.get(claim) or self.lost.get(claim)
        if since is None:
            return 0.0
        return time.monotonic() - since


def claim_of(task: Task) -> Claim:
    """What tells this claim of a task from all others."""
    return task.id, task.claim
