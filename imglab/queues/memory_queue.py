"""The queue in memory, for threads of one process: the readable specification of RedisTaskQueue.

The same promises, kept by one lock instead of by scripts, and gone when the process is.
"""

from __future__ import annotations

import os
import socket
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from imglab.errors import LeaseLost, QueueFull
from imglab.queues.adding import Adding
from imglab.queues.arguments import as_count, as_id, as_ids, as_timeout
from imglab.queues.invariants import Standing
from imglab.queues.memory_batches import OPEN, MemoryBatches
from imglab.queues.memory_steps import Record, now_ms
from imglab.queues.stored_settings import changed
from imglab.queues.task import (
    TEXT_LENGTH,
    WORKERS_NAME,
    QueueSettings,
    QueueStats,
    Task,
    as_utf8,
    check_name,
    check_status,
    decode,
)
from imglab.queues.vocabulary import FINISHED, PRIORITIES, TIMED, Event, Status


class TaskQueue(MemoryBatches):
    """A queue for the threads of one process; see BaseQueue for what it promises."""

    def __repr__(self) -> str:
        return f"TaskQueue({self.get_stats().unfinished} unfinished)"

    # Producers and workers

    def _add(self, call: Adding, priority: str, delay: float, tries: int | None) -> None:
        with self._changed:
            bound = self.settings.max_pending
            in_line = 0
            if bound is not None:
                in_line = self._in_line()
            while call.left:
                task_id, payload = call.left[0]
                if task_id in self._records:
                    call.refused.append(task_id)
                elif bound is not None and in_line >= bound:
                    raise QueueFull(in_line, bound)
                else:
                    self._store(task_id, Record(payload, priority, Status.PENDING, tries), delay)
                    in_line += 1
                call.are_in(1)

    def _store(self, task_id: str, record: Record, delay: float) -> None:
        self._records[task_id] = record
        priority = record.priority
        if delay:
            self._delay(task_id, delay)
            self._note(Event.ADDED, task_id, priority=priority, wait=int(delay * 1000))
        else:
            self._line_up(task_id, Event.ADDED, priority=priority)

    def get_tasks(self, worker: str, limit: int, timeout: float | None = 0) -> list[Task]:
        check_name(worker, WORKERS_NAME)
        limit = as_count(limit, "limit", 1)
        timeout = as_timeout(timeout)
        until = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while True:
                next_change = self._let_time_pass()
                tasks = [] if self._paused else self._claim(worker, limit)
                self._workers[worker] = now_ms(), " ".join(task.id for task in tasks)
                now = time.monotonic()
                if tasks or (until is not None and until <= now):
                    return tasks
                if until is not None:
                    next_change = min(next_change, until)
                self._changed.wait(min(next_change, now + 60) - now)

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
            known = self._records.get(task.id)
            if known and task.claim and known.committed == task.claim:
                return
            record = self._owned(task)
            record.result = result
            record.result_ends = time.monotonic() + self.settings.ttl
            record.committed = task.claim
            self._finish(task.id, Status.COMPLETED, worker=task.worker)

    def mark_failed(self, task: Task | str, error: str, *, retry: bool = True) -> None:
        task = self._claimed(task)
        with self._changed:
            known = self._records.get(task.id)
            if known and any(each.get("claim") == task.claim for each in known.errors):
                return
            record = self._owned(task)
            tries = record.attempts - record.crashes
            budget = 0
            if retry:
                budget = record.max_attempts or self.settings.max_attempts
            self._retry_or_bury(task.id, as_utf8(error, TEXT_LENGTH), tries, budget)

    def release(self, task: Task | str) -> None:
        task = self._claimed(task)
        with self._changed:
            record = self._owned(task)
            record.claim = ""
            if record.cancelled:
                self._give_up(task.id, Status.CANCELLED, "cancelled while it ran")
                return
            record.attempts -= 1
            self._line_up(task.id, Event.RELEASED)
            self._pending[record.priority].rotate(-1)  # from the tail to the head

    def renew(self, task: Task | str, progress: str = "") -> bool:
        task = self._claimed(task)
        with self._changed:
            record = self._owned(task)
            record.deadline = time.monotonic() + self.settings.lease
            record.progress = as_utf8(progress or "", TEXT_LENGTH) or record.progress
            return record.cancelled

    def reap(self, dead_worker: str = "", pid: int | None = None) -> int:
        if dead_worker:
            check_name(dead_worker, WORKERS_NAME)
        if pid not in (None, os.getpid()):
            dead_worker = ""  # all who work here are threads of this process
        with self._changed:
            now = time.monotonic()
            expired = [
                each
                for each, record in self._with_status(Status.PROCESSING)
                if record.deadline <= now or record.worker == dead_worker
            ]
            for task_id in expired:
                self._expire(task_id, dead_worker)
            return len(expired)

    # People

    def requeue_failed(self, task_ids: Iterable[str] | None = None) -> list[str]:
        with self._changed:
            wanted = list(reversed(self._finished[Status.FAILED]))
            if task_ids is not None:
                wanted = as_ids(task_ids)
            ids = [each for each in dict.fromkeys(wanted) if self._may_start_afresh(each)]
            for task_id in ids:
                record = self._records[task_id]
                self._finished[record.status].remove(task_id)
                record.attempts = 0
                record.crashes = 0
                record.cancelled = False
                self._line_up(task_id, Event.REQUEUED)
                self._move_in_batch(task_id, OPEN)
            return ids

    def cancel(self, task_id: str) -> bool:
        task_id = as_id(task_id)
        with self._changed:
            record = self._record(task_id)
            if record.status is Status.PROCESSING:
                record.cancelled = True
                return True
            if record.status in FINISHED:
                return record.status is Status.CANCELLED
            if record.status is Status.PENDING:
                self._pending[record.priority].remove(task_id)
            self._give_up(task_id, Status.CANCELLED, "cancelled before it ran")
            return True

    def pause(self) -> None:
        with self._changed:
            self._paused = True

    def resume(self) -> None:
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    def change_settings(
        self, settings: QueueSettings | None = None, /, **changes: Any
    ) -> QueueSettings:
        with self._changed:
            self.settings = changed(self.settings, settings, changes)
            self._events = deque(self._events, self.settings.keep_events)
            return self.settings

    def clear(self) -> int:
        with self._changed:
            count = len(self._records)
            self._empty()
            return count

    def get_stats(self) -> QueueStats:
        with self._changed:
            return QueueStats(
                pending=sum(map(len, self._pending.values())),
                processing=len(self._with_status(Status.PROCESSING)),
                delayed=len(self._with_status(Status.DELAYED)),
                completed=len(self._finished[Status.COMPLETED]),
                failed=len(self._finished[Status.FAILED]),
                completed_total=self._totals[Status.COMPLETED],
                failed_total=self._totals[Status.FAILED],
                cancelled=len(self._finished[Status.CANCELLED]),
                cancelled_total=self._totals[Status.CANCELLED],
            )

    def task(self, task_id: str) -> Task:
        task_id = as_id(task_id)
        with self._changed:
            record = self._record(task_id)
            return replace(
                self._as_task(task_id, record),
                status=record.status,
                crashes=record.crashes,
                errors=tuple(record.errors),
                progress=record.progress,
            )

    def tasks(self, status: str, limit: int = 100) -> list[str]:
        wanted = check_status(status)
        limit = as_count(limit, "limit", 0)
        with self._changed:
            if wanted is Status.PENDING:
                ids: list[str] = []
                for priority in PRIORITIES:
                    ids += reversed(self._pending[priority])
            elif wanted in FINISHED:
                ids = list(self._finished[wanted])
            else:
                ids = [each for each, _ in self._with_status(wanted)]
            return ids[:limit]

    def result(self, task_id: str) -> dict[str, Any] | None:
        with self._changed:
            record = self._records.get(as_id(task_id))
            if record is None or record.result is None:
                return None
            if record.result_ends <= time.monotonic():
                record.result = None
                return None
            return decode(record.result)

    def workers(self) -> dict[str, dict[str, Any]]:
        with self._changed:
            about = {"pid": os.getpid(), "host": socket.gethostname()}
            return {
                name: {"seen": seen, "task": task, **about}
                for name, (seen, task) in sorted(self._workers.items())
            }

    def events(self) -> Iterator[dict[str, Any]]:
        with self._changed:
            return iter([dict(event) for event in self._events])

    def standings(self) -> tuple[int, list[Standing]]:
        with self._changed:
            found = []
            for line in self._pending.values():
                found += [self._standing(each, Status.PENDING) for each in line]
            for status, ids in self._finished.items():
                found += [self._standing(each, status) for each in ids]
            for task_id, record in self._with_status(*TIMED):
                found.append(self._standing(task_id, record.status))
            return 0, found

    def _standing(self, task_id: str, place: Status) -> Standing:
        record = self._records[task_id]
        return Standing(
            place=place,
            id=task_id,
            status=record.status,
            claim=record.claim,
            held=record.claim,
            attempts=record.attempts,
            crashes=record.crashes,
            has_result=bool(record.committed),
        )

    def _mark(self) -> str:
        return str(self._count)

    def _until_event(self, mark: str, until: float | None, task_id: str = "") -> bool:
        with self._changed:
            # At the latest after a second, to see a lease run out where no worker looks.
            seconds = 1.0
            if until is not None:
                seconds = min(seconds, until - time.monotonic())
            if seconds <= 0:
                return False
            if str(self._count) == mark:
                self._changed.wait(seconds)
            self.reap()
            return True
