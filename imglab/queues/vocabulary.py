"""The words of a queue, each spelled here and nowhere else: statuses, priorities, events.

`EVENTS` says of each event what it does to its task, what may come before it, and how a person
would tell it. Whoever shows, replays or judges events asks this table: a new event is a line here,
and a line in the Lua script that writes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from imglab.language import tr

#: From the first to the last to be taken; each has a list of its own.
PRIORITIES = ("high", "normal", "low")
#: The priority of a task that names none.
NORMAL = "normal"


class Status(StrEnum):
    """Where a task is."""

    #: In line, free to be claimed.
    PENDING = "pending"
    #: Claimed: a worker holds it for a lease.
    PROCESSING = "processing"
    #: Waiting for its time: for another try, or because it was added for later.
    DELAYED = "delayed"
    #: Done, with a result.
    COMPLETED = "completed"
    #: Given up: a dead letter.
    FAILED = "failed"
    #: Taken back by a person: nobody is to do it any more.
    CANCELLED = "cancelled"


#: Those of tasks that a worker still has to finish.
UNFINISHED = (Status.PENDING, Status.PROCESSING, Status.DELAYED)
#: Those of tasks that are over; their lists are bounded, the newest comes first.
FINISHED = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)
#: Those of tasks with a deadline: a lease, or the time to be tried again.
TIMED = (Status.PROCESSING, Status.DELAYED)
#: Every place a task can be in, pending once for each priority; the first line is taken first.
PLACES: tuple[str, ...] = (
    *PRIORITIES,
    Status.PROCESSING,
    Status.DELAYED,
    *FINISHED,
)


class Event(StrEnum):
    """What happens to a task."""

    ADDED = "added"
    CLAIMED = "claimed"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DELAYED = "delayed"
    PROMOTED = "promoted"
    RELEASED = "released"
    EXPIRED = "expired"
    REQUEUED = "requeued"
    REPAIRED = "repaired"
    SET_ASIDE = "set_aside"


@dataclass(frozen=True)
class Meaning:
    """What an event says of its task."""

    #: The task's status from now on; None where the next event, or the event itself, tells.
    leads_to: Status | None
    #: What may come right before it in the life of a task; "" is the beginning.
    follows: frozenset[str]
    #: The event as a sentence; {task}, {worker} and {reason} stand for its own.
    sentence: str
    #: Whether it takes the task out of its worker's hands.
    ends_try: bool = False


def _after(*events: Event | str) -> frozenset[str]:
    by_hand = (Event.REPAIRED, Event.SET_ASIDE)
    return frozenset(str(event) for event in (*events, *by_hand))


#: After these a task is not over yet.
_UNFINISHED = _after(
    Event.ADDED,
    Event.CLAIMED,
    Event.DELAYED,
    Event.EXPIRED,
    Event.PROMOTED,
    Event.RELEASED,
    Event.REQUEUED,
)

EVENTS: Mapping[Event, Meaning] = {
    # An id that is no longer kept may begin another life.
    Event.ADDED: Meaning(
        leads_to=Status.PENDING,
        follows=_after("", Event.COMPLETED, Event.FAILED, Event.CANCELLED),
        sentence=tr("{task} added"),
    ),
    Event.CLAIMED: Meaning(
        leads_to=Status.PROCESSING,
        follows=_after(Event.ADDED, Event.PROMOTED, Event.RELEASED, Event.REQUEUED),
        sentence=tr("{worker} claimed {task}"),
    ),
    # It follows `claimed` alone, and only `added` follows it: one accepted commit.
    Event.COMPLETED: Meaning(
        leads_to=Status.COMPLETED,
        follows=_after(Event.CLAIMED),
        sentence=tr("{worker} completed {task}"),
        ends_try=True,
    ),
    # Given up after its last try. An older version noted so as well what was cancelled in line.
    Event.FAILED: Meaning(
        leads_to=Status.FAILED,
        follows=_UNFINISHED,
        sentence=tr("{task} failed: {reason}"),
        ends_try=True,
    ),
    # In line, or at the end of a try that its worker did not complete.
    Event.CANCELLED: Meaning(
        leads_to=Status.CANCELLED,
        follows=_UNFINISHED,
        sentence=tr("{task} was cancelled"),
        ends_try=True,
    ),
    Event.DELAYED: Meaning(
        leads_to=Status.DELAYED,
        follows=_after(Event.CLAIMED, Event.EXPIRED),
        sentence=tr("{task} waits to be tried again: {reason}"),
        ends_try=True,
    ),
    Event.PROMOTED: Meaning(
        leads_to=Status.PENDING,
        follows=_after(Event.ADDED, Event.DELAYED),
        sentence=tr("{task} is due, back in its line"),
    ),
    Event.RELEASED: Meaning(
        leads_to=Status.PENDING,
        follows=_after(Event.CLAIMED),
        sentence=tr("{task} given back"),
        ends_try=True,
    ),
    # The next event says where it goes: to another try, or to the dead letters.
    Event.EXPIRED: Meaning(
        leads_to=None,
        follows=_after(Event.CLAIMED),
        sentence=tr("{worker} lost {task}"),
        ends_try=True,
    ),
    Event.REQUEUED: Meaning(
        leads_to=Status.PENDING,
        follows=_after(Event.FAILED, Event.CANCELLED),
        sentence=tr("{task} gets a fresh start"),
    ),
    # By a person, after whatever somebody did by hand; the event itself says where it is now.
    Event.REPAIRED: Meaning(
        leads_to=None,
        follows=_after("", *Event),
        sentence=tr("{task} was mended: it is {status} now"),
        ends_try=True,
    ),
    # It was in a list and is no task, or none that can be handed out.
    Event.SET_ASIDE: Meaning(
        leads_to=None,
        follows=_after("", *Event),
        sentence=tr("{task} was set aside: {reason}"),
        ends_try=True,
    ),
}


def meaning(event: Mapping[str, Any]) -> Meaning | None:
    """What an event says of its task; None for one that this version does not know."""
    try:
        return EVENTS[Event(event.get("event", ""))]
    except ValueError:
        return None


def status_after(event: Mapping[str, Any]) -> Status | None:
    """The status of a task from this event on; None where the event does not change it."""
    known = meaning(event)
    if known is None:
        return None
    if event["event"] == Event.ADDED and "wait" in event:
        return Status.DELAYED
    if event["event"] == Event.REPAIRED and event.get("status") in list(Status):
        return Status(event["status"])
    return known.leads_to


def impossible_steps(events: Iterable[Mapping[str, Any]]) -> list[str]:
    """The steps that no task may take, each as a sentence.

    Old events may be missing, so what a task did first is never wrong; unknown ones are passed by.
    """
    last: dict[str, str] = {}
    found = []
    for event in events:
        known = meaning(event)
        if known is None:
            continue
        task = event["task"]
        step = event["event"]
        if task in last and last[task] not in known.follows:
            found.append(
                tr(
                    "Task {task} was {step} after it was {before}.",
                    task=task,
                    step=step,
                    before=last[task],
                )
            )
        last[task] = step
    return found
