"""Batches: many tasks under one name, each added once, and what became of every one of them.

A batch is begun, tasks are added to it, and it is closed. Whoever does the same again adds only
what is new: the id of a task is made of the batch's name and of a key that says what is to be done.
How a batch stands is counted as its tasks end, so to ask for it costs the same for ten of them and
for a million.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from imglab.errors import NoSuchBatch, QueueError, TaskError
from imglab.language import tr
from imglab.queues.arguments import as_timeout, as_tries
from imglab.queues.bound import WaitForRoom
from imglab.queues.patience import Patience, end_of
from imglab.queues.task import THE_PAYLOAD, as_utf8, check_priority, encode
from imglab.queues.vocabulary import NORMAL
from imglab.queues.waiting import Waiting
from imglab.text import told

#: Tasks that are added in one step.
CHUNK = 500
#: Bytes of the part of an id that is made of a task's key; it is written in twice as many letters.
KEY_BYTES = 8
#: What the label of a task may have at most, in letters.
LABEL_LENGTH = 1000
#: Endings that are read in one step.
PAGE = 1000
#: The mark before all endings.
FIRST_MARK = "0-0"
#: What the store keeps of a task: id, label, payload.
Row = tuple[str, str, str]
_NAME = re.compile(r"[\w.-]{1,60}", re.ASCII)


@dataclass(frozen=True)
class BatchState:
    """How a batch stands at one moment."""

    name: str
    #: How many tasks were added; each of them is in one of the four figures that follow.
    tasks: int = 0
    #: Not ended yet.
    open: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    #: Whether nobody adds to it any more.
    is_closed: bool = False
    #: What all its tasks have in common, as whoever began it said.
    about: Mapping[str, Any] = field(default_factory=dict)
    #: Milliseconds of the server's clock; 0 for not yet.
    began_at: int = 0
    ended_at: int = 0

    @property
    def ended(self) -> int:
        """How many of its tasks have ended."""
        return self.completed + self.failed + self.cancelled

    @property
    def is_over(self) -> bool:
        """Whether it is closed, and nothing of it is open."""
        return self.is_closed and self.open == 0


@dataclass(frozen=True)
class Ending:
    """What became of one task of a batch."""

    task: str
    #: What whoever added it called it, such as the path of its picture.
    label: str
    #: completed, failed or cancelled.
    status: str
    #: Milliseconds of the server's clock.
    at: int
    #: What its worker recorded; empty for one that did not complete.
    result: Mapping[str, Any] = field(default_factory=dict)
    #: Why it failed or was cancelled.
    reason: str = ""


@dataclass(frozen=True)
class BatchTask:
    """A task that is to be in a batch."""

    #: What is to be done, as a text: tasks with the same key are one task.
    key: str
    payload: Mapping[str, Any]
    #: What it is called for people.
    label: str = ""


class Batches(Waiting):
    """The part of a queue that keeps batches."""

    @abstractmethod
    def begin_batch(self, name: str, about: Mapping[str, Any] | None = None) -> int:
        """Begin a batch, or go on with it; return when it began, in ms of the server's clock.

        `about` says what all its tasks have in common. QueueError for a batch that is about
        something else.
        """

    def add_to_batch(
        self,
        name: str,
        tasks: Iterable[BatchTask],
        priority: str = NORMAL,
        *,
        max_attempts: int | None = None,
        timeout: float | None = 0,
        progress: Callable[[int], object] | None = None,
    ) -> int:
        """Add tasks to a batch that was begun; return how many more it has than before.

        They are taken as they come, some hundred at a time, so there may be any number of them;
        `progress` is told how many were taken. A full queue has to make room within `timeout`
        seconds, None for ever: else QueueFull. What stops half-way may be called again with the
        same tasks: none is added twice.
        NoSuchBatch where it was not begun; TaskError for a payload as in `add_task`.
        """
        check_priority(priority)
        tries = as_tries(max_attempts)
        timeout = as_timeout(timeout)
        before = self.batch(name)
        room = WaitForRoom(self, timeout)
        patience = Patience(self.patience, end_of(timeout))
        rest = iter(tasks)
        taken = 0
        while chunk := list(itertools.islice(rest, CHUNK)):
            left = [_row(before, each) for each in chunk]
            while left:
                with patience:
                    left = self._add_some(name, left, priority, tries, room)
            taken += len(chunk)
            if progress:
                progress(taken)
        return self.batch(name).tasks - before.tasks

    def _add_some(
        self, name: str, rows: list[Row], priority: str, tries: int | None, room: WaitForRoom
    ) -> list[Row]:
        """Add as many as there is room for, wait for room if need be; return the others."""
        looked_at, in_line = self._add_to_batch(name, rows, priority, tries)
        left = rows[looked_at:]
        if not left:
            room.was_found()
        elif room.is_late():
            self._refuse(in_line)
        else:
            room.wait()
        return left

    @abstractmethod
    def close_batch(
        self,
        name: str,
        at_end: Mapping[str, Any] | None = None,
        priority: str = NORMAL,
    ) -> None:
        """Say that nobody adds to a batch any more: it ends when none of its tasks is open.

        `at_end` is the payload of one task that is added then, with this priority, whatever became
        of the others: once for each time that tasks were added. NoSuchBatch where it was not begun.
        """

    @abstractmethod
    def forget_batch(self, name: str) -> None:
        """Delete what is known of a batch; its tasks are left as they are.

        QueueError while some of them are open.
        """

    @abstractmethod
    def batches(self) -> list[BatchState]:
        """How every batch stands, the latest begun first."""

    @abstractmethod
    def batch(self, name: str) -> BatchState:
        """How one batch stands; NoSuchBatch when it was never begun, or is forgotten."""

    @abstractmethod
    def batch_tasks(self, name: str, status: str) -> Iterator[str]:
        """The ids of a batch's tasks that stand so: open, completed, failed or cancelled."""

    def endings(self, name: str) -> Iterator[Ending]:
        """What became of a batch's tasks, in the order in which they ended.

        A task that was given a fresh start ends again, and its last ending counts.
        """
        mark = FIRST_MARK
        while True:
            mark, page = self.endings_after(name, mark, PAGE)
            yield from page
            if len(page) < PAGE:
                return

    @abstractmethod
    def endings_after(self, name: str, mark: str, limit: int) -> tuple[str, list[Ending]]:
        """The next endings after a mark, and the mark of the last of them; see FIRST_MARK."""

    @abstractmethod
    def latest_endings(self, name: str, limit: int) -> list[Ending]:
        """The last endings, the newest first."""

    # What a store has to bring

    @abstractmethod
    def _add_to_batch(
        self, name: str, rows: list[Row], priority: str, tries: int | None
    ) -> tuple[int, int]:
        """Add these (id, label, payload), those that are not in it, as many as there is room for.

        Returns how many were looked at, and how many tasks are in line.
        """

    @abstractmethod
    def _refuse(self, in_line: int) -> None:
        """Raise QueueFull, unless the bound is another one by now."""


def check_batch_name(name: str) -> str:
    """The name itself; TaskError unless it is 1 to 60 letters, digits or . _ -."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise TaskError(
            tr(
                "A batch's name {name} must be 1 to 60 letters, digits or any of . _ -",
                name=told(name),
            )
        )
    return name


def task_id_in(name: str, began_at: int, key: str) -> str:
    """The id of a task with this key in this batch: another one when the batch begins anew."""
    words = f"{began_at} {key}"
    digest = hashlib.blake2b(words.encode(), digest_size=KEY_BYTES).hexdigest()
    return f"{name}@{digest}"


def about_as_text(about: Mapping[str, Any] | None) -> str:
    """What a batch is about as JSON, the same text for the same meaning; TaskError as usual."""
    text = encode(about or {}, tr("What a batch is about"))
    return json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False)


def following_as_text(payload: Mapping[str, Any] | None) -> str:
    """The task that follows a batch as JSON, "" for none; TaskError as for any payload."""
    if payload is None:
        return ""
    return encode(payload, tr("The payload of the task at the end"))


def other_batch(name: str, about: str, instead: str) -> QueueError:
    """The error for a batch that is in use for something else."""
    return QueueError(
        tr(
            "The batch {name} is in use for something else: it is about {about}, and not about "
            "{instead}. Nothing was added. Choose another name, or forget that batch first: "
            "`imglab batch {name} --forget`.",
            name=name,
            about=about,
            instead=instead,
        )
    )


def still_open(state: BatchState) -> QueueError:
    """The error for a batch that cannot be forgotten yet."""
    name = state.name
    return QueueError(
        tr(
            "Of the batch {name}, {open:,} of {tasks:,} tasks have not ended. "
            "Wait for them, or cancel them first: `imglab batch {name} --cancel`.",
            name=name,
            open=state.open,
            tasks=state.tasks,
        )
    )


def no_batch(name: str) -> NoSuchBatch:
    """The error for a batch that there is not."""
    return NoSuchBatch(
        tr(
            "There is no batch {name}: it was never begun, or is forgotten. `imglab batch` "
            "lists those there are.",
            name=told(name),
        )
    )


def _row(batch: BatchState, task: BatchTask) -> Row:
    """What the store keeps of a task: id, label, payload."""
    task_id = task_id_in(batch.name, batch.began_at, task.key)
    payload = encode(task.payload, THE_PAYLOAD)
    return task_id, as_utf8(task.label, LABEL_LENGTH), payload
