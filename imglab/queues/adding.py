"""What becomes of many tasks that are added in one call: their ids, and who of them is in."""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from imglab.errors import AddingInterrupted, PartlyAdded, QueueError, QueueUnavailable
from imglab.language import tr
from imglab.queues.task import check_name

#: Bytes of an id that the queue makes; it is written in twice as many letters.
ID_BYTES = 8


@dataclass
class Adding:
    """How far one call has come."""

    #: Its id, under which it can be repeated.
    call_id: str
    #: Id and payload, JSON, of the tasks that are not in yet.
    left: deque[tuple[str, str]] = field(default_factory=deque)
    added: list[str] = field(default_factory=list)
    #: Of those that are left: sent, and no reply has come.
    unsure: list[str] = field(default_factory=list)
    #: Of those that are in: whoever added them, it was not this call.
    refused: list[str] = field(default_factory=list)
    #: Whether the caller chose the ids: then somebody else may have chosen the same.
    has_own_ids: bool = False
    #: Whether there was no room for the last task that was sent.
    lacks_room: bool = False

    @property
    def total(self) -> int:
        """How many tasks the call is about."""
        return len(self.added) + len(self.left)

    def are_in(self, count: int) -> None:
        """Note that so many of those that were left are in, and that no other one is."""
        for _ in range(count):
            task_id, _ = self.left.popleft()
            self.added.append(task_id)
        self.unsure = []

    def stopped_by(self, why: QueueError) -> PartlyAdded:
        """The error for a call of `add_tasks` that stopped in the middle."""
        words = self.how_far()
        return self._error(
            why,
            tr(
                "{how_far} add_tasks(the same payloads, resume=error) adds only the rest.",
                how_far=words,
            ),
        )

    def is_unknown(self, why: QueueError) -> PartlyAdded:
        """The error for a call of `add_task` of which nobody knows what became."""
        return self._error(
            why,
            tr(
                "Nobody knows whether the task is in. Add it with task_id=error.unsure[0]: "
                "TaskExists means that it is."
            ),
        )

    def how_far(self) -> str:
        """How many tasks are in, as a sentence."""
        if not self.unsure:
            return tr(
                "{added:,} of {total:,} tasks are in.", added=len(self.added), total=self.total
            )
        return tr(
            "{added:,} of {total:,} tasks are in, and of {unsure:,} nobody knows.",
            added=len(self.added),
            total=self.total,
            unsure=len(self.unsure),
        )

    def _error(self, why: QueueError, words: str) -> PartlyAdded:
        kind = AddingInterrupted if isinstance(why, QueueUnavailable) else PartlyAdded
        return kind(
            f"{why} {words}", why=why, call_id=self.call_id, added=self.added, unsure=self.unsure
        )


def ids_in(call_id: str, payloads: Iterable[str]) -> list[str]:
    """An id for each payload, JSON: the same ones for the same call, in whatever order.

    Payloads that are equal are counted, so that each has an id of its own.
    """
    seen: Counter[str] = Counter()
    ids = []
    for payload in payloads:
        seen[payload] += 1
        words = f"{call_id} {seen[payload]} {payload}"
        ids.append(hashlib.blake2b(words.encode(), digest_size=ID_BYTES).hexdigest())
    return ids


def new_id() -> str:
    """An id that nobody else has."""
    return secrets.token_hex(ID_BYTES)


def call_id_of(resume: PartlyAdded | str | None) -> str:
    """The id of the call that is repeated, or a new one."""
    if resume is None:
        return new_id()
    if isinstance(resume, PartlyAdded):
        return resume.call_id
    return check_name(resume, tr("What is resumed"))
