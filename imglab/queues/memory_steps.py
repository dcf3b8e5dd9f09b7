"""The state of a queue in memory, and the single steps that change it.

Whoever calls a step holds the lock. What a user calls stands in memory_queue.py.
"""

from __future__ import annotations

import random
import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from imglab.errors import LeaseLost, NoSuchTask
from imglab.language import tr
from imglab.queues.base import BaseQueue
from imglab.queues.stored_settings import check_settings
from imglab.queues.task import QueueSettings, Task, decode
from imglab.queues.vocabulary import FINISHED, PRIORITIES, TIMED, Event, Status
from imglab.text import told

#: Every so many claims, one begins with a priority that is not the first.
TURN = 8
#: How often a wait is doubled at the most: beyond any cap, and no more than a number can hold.
MOST_DOUBLINGS = 60


@dataclass
class Record:
    """Everything the queue knows of one task."""

    payload: str
    priority: str
    status: Status
    max_attempts: int | None
    attempts: int = 0
    crashes: int = 0
    claim: str = ""
    worker: str = ""
    #: When the lease runs out, or when a delayed task is due; time.monotonic().
    deadline: float = 0.0
    cancelled: bool = False
    errors: list[dict[str, Any]] = field(default_factory=list)
    progress: str = ""
    result: str | None = None
    #: When the result is too old to be kept; time.monotonic().
    result_ends: float = 0.0
    #: The claim that brought the result.
    committed: str = ""


class MemorySteps(BaseQueue):
    """The part of `TaskQueue` that nobody calls but itself."""

    def __init__(self, settings: QueueSettings | None = None) -> None:
        super().__init__(check_settings(settings))
        # One condition for all: whoever waits looks again after every event.
        self._changed = threading.Condition(threading.RLock())
        self._count = 0
        self._empty()

    def _empty(self) -> None:
        self._records: dict[str, Record] = {}
        self._pending: dict[str, deque[str]] = {each: deque() for each in PRIORITIES}
        #: Ids with a deadline: those that are processing or delayed.
        self._timed: set[str] = set()
        self._finished: dict[Status, deque[str]] = {each: deque() for each in FINISHED}
        self._totals = dict.fromkeys(FINISHED, 0)
        self._events: deque[dict[str, Any]] = deque(maxlen=self.settings.keep_events)
        #: Worker → when it asked last (ms), and what it got then.
        self._workers: dict[str, tuple[int, str]] = {}
        #: How many claims there were.
        self._claimed_total = 0
        self._paused = False

    def _note(self, event: Event, task_id: str, **details: Any) -> None:
        self._events.append({"at": now_ms(), "event": str(event), "task": task_id, **details})
        self._count += 1
        self._changed.notify_all()

    def _next(self) -> str | None:
        for priority in self._priorities_to_ask():
            if self._pending[priority]:
                return self._pending[priority].pop()
        return None

    def _priorities_to_ask(self) -> tuple[str, ...]:
        """The first priority first; but every 8th claim asks the others before it, in turn."""
        if self._claimed_total % TURN != TURN - 1:
            return PRIORITIES
        others = PRIORITIES[:0:-1]
        first = self._claimed_total // TURN % len(others)
        return (*others[first:], *others[:first], PRIORITIES[0])

    def _claim(self, worker: str, limit: int) -> list[Task]:
        claims: list[Task] = []
        while len(claims) < limit and (task_id := self._next()):
            record = self._records[task_id]
            if record.crashes:  # it goes alone: its next crash must not count against others
                limit = 1
            if len(claims) < limit:
                claims.append(self._claim_one(task_id, worker))
            else:
                self._pending[record.priority].append(task_id)
        return claims

    def _claim_one(self, task_id: str, worker: str) -> Task:
        record = self._records[task_id]
        self._claimed_total += 1
        record.attempts += 1
        record.status = Status.PROCESSING
        record.worker = worker
        record.claim = f"{record.attempts}:{secrets.token_hex(6)}"
        record.deadline = time.monotonic() + self.settings.lease
        self._timed.add(task_id)
        self._note(Event.CLAIMED, task_id, worker=worker, attempt=record.attempts)
        return self._remember(self._as_task(task_id, record))

    def _as_task(self, task_id: str, record: Record) -> Task:
        payload = decode(record.payload)
        return Task(task_id, payload, record.priority, record.attempts, record.claim, record.worker)

    def _record(self, task_id: str) -> Record:
        if task_id not in self._records:
            raise NoSuchTask(
                tr(
                    "There is no task {task_id}: it was never added, or is gone.",
                    task_id=told(task_id),
                )
            )
        return self._records[task_id]

    def _owned(self, task: Task) -> Record:
        record = self._records.get(task.id)
        if record is None or record.claim != task.claim or not record.claim:
            raise LeaseLost(task.id)
        return record

    def _with_status(self, *statuses: Status) -> list[tuple[str, Record]]:
        """Records by deadline, the earliest first."""
        timed = ((each, self._records[each]) for each in self._timed)
        found = [(each, record) for each, record in timed if record.status in statuses]
        return sorted(found, key=_deadline)

    def _in_line(self) -> int:
        """How many tasks wait for a worker, now or for later."""
        delayed = [each for each in self._timed if self._records[each].status is Status.DELAYED]
        return len(delayed) + sum(map(len, self._pending.values()))

    def _let_time_pass(self) -> float:
        """Reap, and put in line what is due; when the next change by time alone comes."""
        self.reap()
        now = time.monotonic()
        for task_id, record in self._with_status(Status.DELAYED):
            if record.deadline <= now:
                self._line_up(task_id, Event.PROMOTED)
        timed = self._with_status(*TIMED)
        return timed[0][1].deadline if timed else now + 60

    def _line_up(self, task_id: str, event: Event, **details: Any) -> None:
        record = self._records[task_id]
        record.status = Status.PENDING
        self._timed.discard(task_id)
        self._pending[record.priority].appendleft(task_id)
        self._note(event, task_id, **details)

    def _expire(self, task_id: str, dead_worker: str) -> None:
        record = self._records[task_id]
        budget = self.settings.max_crashes
        record.crashes += 1
        record.claim = ""  # its holder did not report this error, and must hear of the lost lease
        self._note(Event.EXPIRED, task_id, worker=record.worker, crashes=record.crashes)
        why = "died" if record.worker == dead_worker else "was silent for a whole lease"
        reason = f"worker {record.worker} {why} ({record.crashes} of {budget})"
        self._retry_or_bury(task_id, reason, record.crashes, budget)

    def _delay(self, task_id: str, seconds: float) -> None:
        record = self._records[task_id]
        record.status = Status.DELAYED
        record.claim = ""
        record.deadline = time.monotonic() + seconds
        self._timed.add(task_id)

    def _retry_or_bury(self, task_id: str, reason: str, tries: int, budget: int) -> None:
        record = self._records[task_id]
        if record.cancelled:
            self._give_up(task_id, Status.CANCELLED, reason)
            return
        if tries >= budget:
            self._give_up(task_id, Status.FAILED, reason)
            return
        self._keep_error(record, reason)
        doubled = 2.0 ** min(tries - 1, MOST_DOUBLINGS)
        longest = min(self.settings.backoff_cap, self.settings.backoff * doubled)
        wait = random.random() * longest
        self._delay(task_id, wait)
        self._note(Event.DELAYED, task_id, wait=int(wait * 1000), reason=reason)

    def _keep_error(self, record: Record, reason: str) -> None:
        """Keep the last five errors of a task. One without a claim was not told by a worker."""
        error = {"at": now_ms(), "error": reason}
        if record.claim:
            error["claim"] = record.claim
        record.errors.append(error)
        del record.errors[:-5]

    def _give_up(self, task_id: str, status: Status, reason: str) -> None:
        """Have done with a task that nobody completed: it failed for good, or was cancelled."""
        self._keep_error(self._records[task_id], reason)
        self._finish(task_id, status, reason=reason)

    def _may_start_afresh(self, task_id: str) -> bool:
        record = self._records.get(task_id)
        return record is not None and record.status in (Status.FAILED, Status.CANCELLED)

    def _finish(self, task_id: str, status: Status, **details: Any) -> None:
        record = self._records[task_id]
        record.status = status
        record.claim = ""
        self._timed.discard(task_id)
        self._totals[status] += 1
        self._finished[status].appendleft(task_id)
        while len(self._finished[status]) > self.settings.keep:  # it may have been lowered
            del self._records[self._finished[status].pop()]
        self._note(Event(status), task_id, **details)


def now_ms() -> int:
    """The clock of the machine, in milliseconds."""
    return int(time.time() * 1000)


def _deadline(item: tuple[str, Record]) -> float:
    return item[1].deadline
