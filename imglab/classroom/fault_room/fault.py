"""What a fault has: how it is made, what one hears of it, what proves it, what it is not."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from imglab.classroom.fault_room.copies import Copy
from imglab.classroom.fault_room.plans import Plan
from imglab.classroom.fault_room.room import Room
from imglab.language import tr
from imglab.queues import QueueSettings
from imglab.queues.inspect import read_errors
from imglab.queues.keys import Keys


@dataclass(frozen=True)
class Rival:
    """Another cause that looks the same from afar: a proof answers something else under it."""

    #: Goes on after "if ".
    words: str
    #: Changes the keys of a copy, and what `ps` says there, into what that cause leaves behind.
    change: Callable[[Copy], None]


class Fault(ABC):
    """One kind of fault. It keeps nothing: what differs from person to person is in the plan."""

    #: As `causes` spells it.
    cause: ClassVar[str]
    #: Those of the room's queue.
    settings: ClassVar[QueueSettings] = QueueSettings(backoff=0)
    #: Where the proof is, for whoever names the right cause and a command that proves too little.
    where: ClassVar[str]

    @abstractmethod
    def symptom(self, plan: Plan) -> str:
        """What somebody complains of, who knows nothing of queues."""

    @abstractmethod
    def make(self, room: Room) -> None:
        """Make it, really, and wait until it is there."""

    @abstractmethod
    def proof(self, plan: Plan, keys: Keys) -> str:
        """A command that proves it."""

    @abstractmethod
    def rivals(self) -> tuple[Rival, ...]:
        """The causes that a proof has to rule out."""


class NothingComes(Fault):
    """Faults after which no photograph comes any more."""

    def symptom(self, plan: Plan) -> str:
        """Say that all of them are missing."""
        first, second = plan.others
        return tr(
            "Nothing comes: {photograph}, {first} and {second} are missing.",
            photograph=plan.photograph,
            first=first,
            second=second,
        )


class OneIsMissing(Fault):
    """Faults after which all come but one."""

    def symptom(self, plan: Plan) -> str:
        """Say which one is missing."""
        first, second = plan.others
        return tr(
            "{first} and {second} came, {photograph} did not.",
            first=first.capitalize(),
            second=second,
            photograph=plan.photograph,
        )


def fail_for(copy: Copy, reason: str) -> None:
    """Let the task that does not come have failed for this reason, in a try that killed nobody."""
    latest = read_errors(copy.redis.hget(copy.record, "errors"))[-1]
    errors = json.dumps([{**latest, "error": reason}], separators=(",", ":"))
    copy.redis.hset(copy.record, "errors", errors)
    copy.redis.hdel(copy.record, "crashes")

    def change(event: dict[str, str]) -> dict[str, str]:
        if "reason" in event:
            return {**event, "reason": reason}
        return event

    copy.tell_otherwise(change)
