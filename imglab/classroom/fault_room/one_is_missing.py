"""Four faults with one symptom: poison, an id without a task, a task for next week, a bad path."""

from __future__ import annotations

from typing import ClassVar

from imglab.classroom.fault_room import causes
from imglab.classroom.fault_room.copies import Copy
from imglab.classroom.fault_room.fault import OneIsMissing, Rival, fail_for
from imglab.classroom.fault_room.plans import Plan
from imglab.classroom.fault_room.room import Room, until
from imglab.language import tr
from imglab.queues import QueueSettings
from imglab.queues.keys import Keys
from imglab.queues.vocabulary import Event, Status

#: Why a task fails whose picture is none.
BROKEN = tr("it is no picture that can be read")
#: A delay that is nothing unusual, in milliseconds.
SOON_MS = 10_000
#: Seconds in a minute, and milliseconds in a second: the second was one too many.
MINUTE_S = 60
MILLISECONDS = 1000
#: A folder in which no worker may write.
FORBIDDEN_FOLDER = "somewhere-else"


def _until_the_others_came(room: Room) -> None:
    others = len(room.plan.others)
    until(lambda: room.queue.get_stats().completed == others, tr("the other photographs came"))


class PoisonTask(OneIsMissing):
    """A task that kills each worker that takes it, until the queue gives it up."""

    cause = causes.POISON
    settings: ClassVar[QueueSettings] = QueueSettings(backoff=0, max_crashes=2)
    where = tr("How often a worker died over a task is in the task's own record, a hash.")

    def make(self, room: Room) -> None:
        """Let a pool lose two workers over it, and do the rest."""
        plan = room.plan
        payload = {**room.payload(plan.photograph), "filters": [{"name": "poison"}]}
        room.queue.add_task(payload, task_id=plan.photograph)
        room.add_others()
        room.start_pool()
        until(lambda: room.queue.get_stats().failed == 1, tr("the poison was given up"))
        _until_the_others_came(room)

    def proof(self, plan: Plan, keys: Keys) -> str:
        """Ask how many workers died."""
        return f"HGET {keys.task(plan.photograph)} crashes"

    def rivals(self) -> tuple[Rival, ...]:
        """A task that failed for another reason is in the same list."""
        return (Rival(tr("the file were no picture, which kills nobody"), _break_picture),)


def _break_picture(copy: Copy) -> None:
    fail_for(copy, BROKEN)


class NoRecord(OneIsMissing):
    """Somebody wrote an id into the line by hand: the worker set it aside."""

    cause = causes.NO_RECORD
    where = tr(
        "What was no task is in the list odd, with the reason; and a task has a record, "
        "whatever became of it."
    )

    def make(self, room: Room) -> None:
        """Write the id as a careless hand does, and let a worker meet it."""
        room.queue.redis.lpush(room.queue.keys.pending(), room.plan.photograph)
        room.add_others()
        room.start_worker()
        _until_the_others_came(room)

    def proof(self, plan: Plan, keys: Keys) -> str:
        """Ask for the record."""
        return f"EXISTS {keys.task(plan.photograph)}"

    def rivals(self) -> tuple[Rival, ...]:
        """A real task that failed, or was cancelled, did not come either."""
        return (
            Rival(tr("it were a task that has failed"), _fail),
            Rival(tr("it were a task that somebody cancelled"), _cancel),
        )


def _fail(copy: Copy) -> None:
    _be_a_task(copy, Status.FAILED)


def _cancel(copy: Copy) -> None:
    _be_a_task(copy, Status.CANCELLED)


def _be_a_task(copy: Copy, status: Status) -> None:
    """Let there have been a task, which ended so."""
    task = copy.plan.photograph
    copy.redis.delete(copy.keys.odd)
    copy.redis.lpush(copy.keys.finished(status), task)
    copy.redis.hset(copy.record, mapping={"status": status, "attempts": "1"})

    def change(event: dict[str, str]) -> dict[str, str]:
        if event["event"] == Event.SET_ASIDE:
            return {"event": status, "task": task}
        return event

    copy.tell_otherwise(change)


class FarAway(OneIsMissing):
    """A producer meant minutes, and gave milliseconds where seconds are asked for."""

    cause = causes.FAR_AWAY
    where = tr(
        "That it is in delayed would be so as well if it came in a moment. When it may be "
        "taken is its score there, in milliseconds since 1970."
    )

    def make(self, room: Room) -> None:
        """Add the task with a delay of days, and let a worker do the others."""
        plan = room.plan
        delay = plan.minutes * MINUTE_S * MILLISECONDS
        room.queue.add_task(room.payload(plan.photograph), task_id=plan.photograph, delay=delay)
        room.add_others()
        room.start_worker()
        _until_the_others_came(room)

    def proof(self, plan: Plan, keys: Keys) -> str:
        """Ask for its moment."""
        return f"ZSCORE {keys.delayed} {plan.photograph}"

    def rivals(self) -> tuple[Rival, ...]:
        """A task that is due in a moment, for the first time or once more."""
        return (
            Rival(tr("it were due in a few seconds"), _be_due_soon),
            Rival(tr("it waited for another try"), _try_again),
        )


def _be_due_soon(copy: Copy) -> None:
    copy.redis.zadd(copy.keys.delayed, {copy.plan.photograph: copy.now + SOON_MS})

    def change(event: dict[str, str]) -> dict[str, str]:
        if "wait" in event:
            return {**event, "wait": str(SOON_MS)}
        return event

    copy.tell_otherwise(change)


def _try_again(copy: Copy) -> None:
    _be_due_soon(copy)
    copy.redis.hset(copy.record, "attempts", "1")


class ForbiddenPath(OneIsMissing):
    """The worked example: a task that wants to write where no worker may."""

    cause = causes.FORBIDDEN
    where = tr("Why a task failed is in its own record.")

    def make(self, room: Room) -> None:
        """Add such a task, and let a worker refuse it."""
        plan = room.plan
        target = f"{FORBIDDEN_FOLDER}/{plan.photograph}.jpg"
        payload = {**room.payload(plan.photograph), "output_path": target}
        room.queue.add_task(payload, task_id=plan.photograph)
        room.add_others()
        room.start_worker()
        until(lambda: room.queue.get_stats().failed == 1, tr("the task was refused"))
        _until_the_others_came(room)

    def proof(self, plan: Plan, keys: Keys) -> str:
        """Ask for the reason."""
        return f"HGET {keys.task(plan.photograph)} errors"

    def rivals(self) -> tuple[Rival, ...]:
        """A task that failed for another reason is in the same list."""
        return (Rival(tr("the file were no picture"), _break_picture),)
