"""The queue in memory, for threads of one process: the readable specification of RedisTaskQueue.

The same promises, kept by one lock instead of by scripts, and gone when the process is.
"""

from __future__ import annotations

import json
import random
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from imglab.errors import LeaseLost, TaskError
from imglab.queues.base import BaseQueue, decode
from imglab.queues.invariants import Standing
from imglab.queues.task import PRIORITIES, QueueSettings, QueueStats, Task, check_name

#: The statuses with a deadline.
TIMED = ("processing", "delayed")


@dataclass
class _Record:
    """Everything the queue knows of one task."""

    payload: str
    priority: str
    status: str
    max_attempts: int | None
    attempts: int = 0
    crashes: int = 0
    claim: str = ""
    worker: str = ""
    #: When the lease runs out, or when a delayed task is due; time.monotonic().
    deadline: float = 0.0
    cancelled: bool = False
    errors: list[dict[str, Any]] = field(default_factory=list)
    result: str | None = None
    committed: str = ""


class TaskQueue(BaseQueue):
    """A queue for the threads of one process; see BaseQueue for what it promises."""

    def __init__(self, settings: QueueSettings | None = None) -> None:
        super().__init__(settings or QueueSettings())
        # One condition for all: whoever waits looks again after every event.
        self._changed = threading.Condition(threading.RLock())
        self._count = 0
        self._empty()

    def _empty(self) -> None:
        self._records: dict[str, _Record] = {}
        self._pending: dict[str, deque[str]] = {each: deque() for each in PRIORITIES}
        #: Ids with a deadline: those that are processing or delayed.
        self._timed: set[str] = set()
        self._finished: dict[str, deque[str]] = {"completed": deque(), "failed": deque()}
        self._totals = {"completed": 0, "failed": 0}
        self._events: deque[dict[str, Any]] = deque(maxlen=self.settings.keep_events)
        self._taken = 0
        self._paused = False

    def __repr__(self) -> str:
        return f"TaskQueue({self.get_stats().unfinished} unfinished)"

    # Producers and workers

    def _add(
        self, tasks: dict[str, str], priority: str, delay: float, tries: int | None
    ) -> list[str]:
        with self._changed:
            refused = [task_id for task_id in tasks if task_id in self._records]
            for task_id in tasks.keys() - set(refused) if refused else tasks:
                self._records[task_id] = _Record(tasks[task_id], priority, "pending", tries)
                if delay:
                    self._delay(task_id, delay)
                    self._note("added", task_id, priority=priority, wait=int(delay * 1000))
                else:
                    self._line_up(task_id, "added", priority=priority)
            return refused

    def get_tasks(self, worker: str, limit: int, timeout: float | None = 0) -> list[Task]:
        check_name(worker, "The worker's name")
        until = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while True:
                due = self._let_time_pass()
                if not self._paused and (tasks := self._claim(worker, limit)):
                    return tasks
                now = time.monotonic()
                if until is not None and until <= now:
                    return []
                self._changed.wait(min(until or due, due, now + 60) - now)

    def complete_and_claim_tasks(self, done: Sequence[tuple[Task, str]], limit: int) -> list[Task]:
        with self._changed:
            lost = []
            for task, result in done:
                try:
                    self._complete(task, result)
                except LeaseLost:
                    lost.append(task.id)
            if lost:
                raise LeaseLost(*lost)
            return self.get_tasks(done[0][0].worker, limit) if limit else []

    def _complete(self, task: Task, result: str) -> None:
        with self._changed:
            if (record := self._records.get(task.id)) and record.committed == task.claim:
                return
            record = self._owned(task)
            record.result, record.committed = result, task.claim
            self._finish(task.id, "completed", worker=task.worker)

    def mark_failed(self, task: Task | str, error: str, *, retry: bool = True) -> None:
        task = self._claimed(task)
        with self._changed:
            record = self._records.get(task.id)
            if record and any(each.get("claim") == task.claim for each in record.errors):
                return
            record = self._owned(task)
            tries = record.attempts - record.crashes
            budget = (record.max_attempts or self.settings.max_attempts) if retry else 0
            self._retry_or_bury(task.id, error, tries, budget)

    def release(self, task: Task | str) -> None:
        task = self._claimed(task)
        with self._changed:
            record = self._owned(task)
            record.attempts -= 1
            record.claim = ""
            self._line_up(task.id, "released")
            self._pending[record.priority].rotate(-1)  # from the tail to the head

    def renew(self, task: Task | str, progress: str = "") -> bool:
        task = self._claimed(task)
        with self._changed:
            record = self._owned(task)
            record.deadline = time.monotonic() + self.settings.lease
            return record.cancelled

    def reap(self, dead_worker: str = "") -> int:
        with self._changed:
            now = time.monotonic()
            expired = [
                each
                for each, record in self._with_status("processing")
                if record.deadline <= now or record.worker == dead_worker
            ]
            for task_id in expired:
                self._expire(task_id, dead_worker)
            return len(expired)

    # People

    def requeue_failed(self, task_ids: Iterable[str] | None = None) -> list[str]:
        with self._changed:
            failed = self._finished["failed"]
            wanted = reversed(failed) if task_ids is None else dict.fromkeys(task_ids)
            ids = [each for each in wanted if each in failed]
            for task_id in ids:
                failed.remove(task_id)
                record = self._records[task_id]
                record.attempts, record.crashes, record.cancelled = 0, 0, False
                self._line_up(task_id, "requeued")
            return ids

    def cancel(self, task_id: str) -> bool:
        with self._changed:
            record = self._record(task_id)
            if record.status == "processing":
                record.cancelled = True
                return True
            if record.status not in ("pending", "delayed"):
                return False
            if record.status == "pending":
                self._pending[record.priority].remove(task_id)
            self._finish(task_id, "failed", reason="cancelled before it ran")
            return True

    def pause(self) -> None:
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def clear(self) -> int:
        with self._changed:
            count = len(self._records)
            self._empty()
            return count

    def get_stats(self) -> QueueStats:
        with self._changed:
            return QueueStats(
                pending=sum(map(len, self._pending.values())),
                processing=len(self._with_status("processing")),
                delayed=len(self._with_status("delayed")),
                completed=len(self._finished["completed"]),
                failed=len(self._finished["failed"]),
                completed_total=self._totals["completed"],
                failed_total=self._totals["failed"],
            )

    def task(self, task_id: str) -> Task:
        with self._changed:
            record = self._record(task_id)
            return replace(
                self._as_task(task_id, record),
                status=record.status,
                crashes=record.crashes,
                errors=tuple(record.errors),
            )

    def tasks(self, status: str, limit: int = 100) -> list[str]:
        with self._changed:
            if status == "pending":
                ids = [each for line in PRIORITIES for each in reversed(self._pending[line])]
            elif status in self._finished:
                ids = list(self._finished[status])
            elif status in TIMED:
                ids = [each for each, _ in self._with_status(status)]
            else:
                raise TaskError(f"There is no status {status!r:.80}.")
            return ids[:limit]

    def result(self, task_id: str) -> dict[str, Any] | None:
        with self._changed:
            record = self._records.get(task_id)
            return json.loads(record.result) if record and record.result else None

    def events(self) -> Iterator[dict[str, Any]]:
        with self._changed:
            return iter([dict(event) for event in self._events])

    def standings(self) -> tuple[int, list[Standing]]:
        with self._changed:
            places = [(each, "pending") for line in self._pending.values() for each in line]
            places += [(each, place) for place, ids in self._finished.items() for each in ids]
            places += [(each, record.status) for each, record in self._with_status(*TIMED)]
            return 0, [
                Standing(
                    place, each, r.status, r.claim, r.claim, r.attempts, r.crashes, bool(r.result)
                )
                for each, place in places
                for r in [self._records[each]]
            ]

    def _mark(self) -> str:
        return str(self._count)

    def _until_event(self, mark: str, until: float | None, task_id: str = "") -> bool:
        with self._changed:
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                return False
            # At the latest after a second, to see a lease run out where no worker looks.
            self._changed.wait_for(lambda: str(self._count) != mark, min(left or 1, 1))
            self.reap()
            return True

    # Steps; whoever calls them holds the lock

    def _note(self, event: str, task_id: str, **details: Any) -> None:
        now = int(time.time() * 1000)
        self._events.append({"at": now, "event": event, "task": task_id, **details})
        self._count += 1
        self._changed.notify_all()

    def _next(self) -> str | None:
        # Every 8th claim asks the low list first, so that nothing starves.
        order = ("low", "normal", "high") if self._taken % 8 == 7 else PRIORITIES
        return next((self._pending[each].pop() for each in order if self._pending[each]), None)

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
        self._taken += 1
        record.attempts += 1
        record.status, record.worker = "processing", worker
        record.claim = f"{record.attempts}:{secrets.token_hex(6)}"
        record.deadline = time.monotonic() + self.settings.lease
        self._timed.add(task_id)
        self._note("claimed", task_id, worker=worker, attempt=record.attempts)
        return self._remember(self._as_task(task_id, record))

    def _as_task(self, task_id: str, record: _Record) -> Task:
        payload = decode(record.payload)
        return Task(task_id, payload, record.priority, record.attempts, record.claim, record.worker)

    def _record(self, task_id: str) -> _Record:
        if task_id not in self._records:
            raise TaskError(f"There is no task {task_id!r:.120}: it was never added, or is gone.")
        return self._records[task_id]

    def _owned(self, task: Task) -> _Record:
        record = self._records.get(task.id)
        if record is None or record.status != "processing" or record.claim != task.claim:
            raise LeaseLost(task.id)
        return record

    def _with_status(self, *statuses: str) -> list[tuple[str, _Record]]:
        """Records by deadline, the earliest first."""
        timed = ((each, self._records[each]) for each in self._timed)
        found = [(each, record) for each, record in timed if record.status in statuses]
        return sorted(found, key=lambda item: item[1].deadline)

    def _let_time_pass(self) -> float:
        """Reap, and put in line what is due; when the next change by time alone comes."""
        self.reap()
        now = time.monotonic()
        for task_id, record in self._with_status("delayed"):
            if record.deadline <= now:
                self._line_up(task_id, "promoted")
        return min((r.deadline for _, r in self._with_status(*TIMED)), default=now + 60)

    def _line_up(self, task_id: str, event: str, **details: Any) -> None:
        record = self._records[task_id]
        record.status = "pending"
        self._timed.discard(task_id)
        self._pending[record.priority].appendleft(task_id)
        self._note(event, task_id, **details)

    def _expire(self, task_id: str, dead_worker: str) -> None:
        record, budget = self._records[task_id], self.settings.max_crashes
        record.crashes += 1
        record.claim = ""  # its holder did not report this error, and must hear of the lost lease
        self._note("expired", task_id, worker=record.worker, crashes=record.crashes)
        why = "died" if record.worker == dead_worker else "was silent for a whole lease"
        reason = f"worker {record.worker} {why} ({record.crashes} of {budget})"
        self._retry_or_bury(task_id, reason, record.crashes, budget)

    def _delay(self, task_id: str, seconds: float) -> None:
        record = self._records[task_id]
        record.status, record.claim = "delayed", ""
        record.deadline = time.monotonic() + seconds
        self._timed.add(task_id)

    def _retry_or_bury(self, task_id: str, reason: str, tries: int, budget: int) -> None:
        record = self._records[task_id]
        now = int(time.time() * 1000)
        by = {"claim": record.claim} if record.claim else {}
        record.errors.append({**by, "at": now, "error": reason})
        del record.errors[:-5]
        if record.cancelled or tries >= budget:
            self._finish(task_id, "failed", reason=reason)
            return
        longest = min(self.settings.backoff_cap, self.settings.backoff * 2 ** (tries - 1))
        wait = random.random() * longest
        self._delay(task_id, wait)
        self._note("delayed", task_id, wait=int(wait * 1000), reason=reason)

    def _finish(self, task_id: str, status: str, **details: Any) -> None:
        record = self._records[task_id]
        record.status, record.claim = status, ""
        self._timed.discard(task_id)
        self._totals[status] += 1
        self._finished[status].appendleft(task_id)
        if len(self._finished[status]) > self.settings.keep:
            del self._records[self._finished[status].pop()]
        self._note(status, task_id, **details)


__all__ = ["TaskQueue"]
