"""Batches in memory: the readable specification of lua/_batch.lua."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from imglab.errors import QueueFull
from imglab.queues.batches import (
    BatchState,
    Ending,
    about_as_text,
    check_batch_name,
    following_as_text,
    no_batch,
    other_batch,
    still_open,
)
from imglab.queues.memory_steps import MemorySteps, Record, now_ms
from imglab.queues.task import check_priority, decode
from imglab.queues.vocabulary import NORMAL, Event, Status

#: How a task of a batch stands until it ends.
OPEN = "open"


@dataclass
class Batch:
    """Everything the queue knows of one batch."""

    about: str
    began_at: int
    at_end: str = ""
    at_end_priority: str = NORMAL
    is_closed: bool = False
    #: Whether tasks were added since it ended last.
    is_owed: bool = False
    ends: int = 0
    ended_at: int = 0
    #: Id -> how it stands, and its label.
    tasks: dict[str, tuple[str, str]] = field(default_factory=dict)
    endings: list[Ending] = field(default_factory=list)

    def state(self, name: str) -> BatchState:
        """How it stands now."""
        counts = Counter(status for status, _ in self.tasks.values())
        return BatchState(
            name=name,
            tasks=len(self.tasks),
            open=counts[OPEN],
            completed=counts[Status.COMPLETED],
            failed=counts[Status.FAILED],
            cancelled=counts[Status.CANCELLED],
            is_closed=self.is_closed,
            about=json.loads(self.about),
            began_at=self.began_at,
            ended_at=self.ended_at,
        )


class MemoryBatches(MemorySteps):
    """The part of `TaskQueue` that keeps batches."""

    def _empty(self) -> None:
        super()._empty()
        self._batches: dict[str, Batch] = {}
        self._last_born = 0

    def begin_batch(self, name: str, about: Mapping[str, Any] | None = None) -> int:
        check_batch_name(name)
        text = about_as_text(about)
        with self._changed:
            if name not in self._batches:
                # The ids of a batch are made of the moment, which no other batch shares.
                self._last_born = max(now_ms(), self._last_born + 1)
                self._batches[name] = Batch(text, self._last_born)
            batch = self._batches[name]
            if batch.about != text:
                raise other_batch(name, batch.about, text)
            batch.is_closed = False
            return batch.began_at

    def _add_to_batch(
        self, name: str, rows: list[tuple[str, str, str]], priority: str, tries: int | None
    ) -> tuple[int, int]:
        with self._changed:
            batch = self._batch(name)
            in_line = self._in_line()
            bound = self.settings.max_pending
            looked_at = 0
            for task_id, label, payload in rows:
                if task_id not in batch.tasks:
                    if bound is not None and in_line >= bound:
                        break
                    self._records[task_id] = Record(payload, priority, Status.PENDING, tries)
                    batch.tasks[task_id] = (OPEN, label)
                    batch.is_owed = True
                    self._line_up(task_id, Event.ADDED, priority=priority)
                    in_line += 1
                looked_at += 1
            return looked_at, in_line

    def _refuse(self, in_line: int) -> None:
        bound = self.settings.max_pending
        if bound is not None:
            raise QueueFull(in_line, bound)

    def close_batch(
        self,
        name: str,
        at_end: Mapping[str, Any] | None = None,
        priority: str = NORMAL,
    ) -> None:
        check_batch_name(name)
        check_priority(priority)
        text = following_as_text(at_end)
        with self._changed:
            batch = self._batch(name)
            batch.is_closed = True
            batch.at_end = text
            batch.at_end_priority = priority
            self._end_if_over(name, batch)

    def forget_batch(self, name: str) -> None:
        with self._changed:
            state = self.batch(name)
            if state.open:
                raise still_open(state)
            del self._batches[name]

    def batches(self) -> list[BatchState]:
        with self._changed:
            states = [batch.state(name) for name, batch in self._batches.items()]
        return states[::-1]

    def batch(self, name: str) -> BatchState:
        check_batch_name(name)
        with self._changed:
            return self._batch(name).state(name)

    def batch_tasks(self, name: str, status: str) -> Iterator[str]:
        check_batch_name(name)
        with self._changed:
            tasks = dict(self._batch(name).tasks)
        return (each for each, (stands, _) in tasks.items() if stands == status)

    def endings_after(self, name: str, mark: str, limit: int) -> tuple[str, list[Ending]]:
        check_batch_name(name)
        first = int(mark.partition("-")[0])
        with self._changed:
            found = self._batch(name).endings[first : first + limit]
        return f"{first + len(found)}-0", found

    def latest_endings(self, name: str, limit: int) -> list[Ending]:
        check_batch_name(name)
        with self._changed:
            return self._batch(name).endings[::-1][:limit]

    def _batch(self, name: str) -> Batch:
        if name not in self._batches:
            raise no_batch(name)
        return self._batches[name]

    def _finish(self, task_id: str, status: Status, **details: Any) -> None:
        result = self._records[task_id].result
        super()._finish(task_id, status, **details)
        reason = details.get("reason", "")
        self._move_in_batch(task_id, status, result if status is Status.COMPLETED else None, reason)

    def _move_in_batch(
        self, task_id: str, status: str, result: str | None = None, reason: str = ""
    ) -> None:
        """Note in its batch where a task is now: open, or how it ended."""
        name, is_in_one, _ = task_id.partition("@")
        batch = self._batches.get(name)
        if not is_in_one or batch is None or task_id not in batch.tasks:
            return
        _, label = batch.tasks[task_id]
        batch.tasks[task_id] = (status, label)
        if status == OPEN:
            return
        recorded = {} if result is None else decode(result)
        batch.endings.append(Ending(task_id, label, status, now_ms(), recorded, reason))
        self._end_if_over(name, batch)

    def _end_if_over(self, name: str, batch: Batch) -> None:
        """End a batch that is closed, with nothing open; add the task that is to follow."""
        if not batch.is_owed or not batch.state(name).is_over:
            return
        batch.is_owed = False
        batch.ends += 1
        batch.ended_at = now_ms()
        if not batch.at_end:
            return
        task_id = f"{name}.end-{batch.began_at}-{batch.ends}"
        record = Record(batch.at_end, batch.at_end_priority, Status.PENDING, None)
        self._records[task_id] = record
        self._line_up(task_id, Event.ADDED, priority=record.priority)
