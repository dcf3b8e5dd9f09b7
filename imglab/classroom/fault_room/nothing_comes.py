"""Three faults with one symptom: a frozen worker, a paused queue, a worker at another queue."""

from __future__ import annotations

from typing import ClassVar

from imglab.classroom.fault_room import causes
from imglab.classroom.fault_room.copies import Copy
from imglab.classroom.fault_room.fault import NothingComes, Rival
from imglab.classroom.fault_room.plans import Plan
from imglab.classroom.fault_room.processes import NO_PROCESS, ProcessState, line_of_ps
from imglab.classroom.fault_room.room import Room, until
from imglab.language import tr
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.queues.keys import Keys

#: A worker that takes its time, so that it can be frozen with a task in its hands.
SLOW = "busy:ms=4000"


class FrozenWorker(NothingComes):
    """A worker's process is stopped (SIGSTOP) while it works."""

    cause = causes.FROZEN
    # A lease of half a second: it is over by the time that anybody looks.
    settings: ClassVar[QueueSettings] = QueueSettings(lease=0.5, backoff=0)
    where = tr(
        "Redis knows only that the worker is silent, and it would be just as silent if it were "
        "dead. Only the machine on which the process is can tell: which command asks that?"
    )

    def make(self, room: Room) -> None:
        """Freeze a worker that has a task, and let its lease run out."""
        room.add_all()
        worker = room.start_worker(SLOW)
        until(lambda: len(room.queue.claims()) == 1, tr("the worker has a task"))
        room.freeze(worker)
        until(lambda: _is_late(room), tr("its lease is over"))

    def proof(self, plan: Plan, keys: Keys) -> str:
        """Ask the operating system."""
        return "ps"

    def rivals(self) -> tuple[Rival, ...]:
        """A worker that was killed leaves the same keys."""
        return (Rival(tr("the worker had been killed"), _kill),)


def _is_late(room: Room) -> bool:
    now = room.queue.server_time()
    claims = room.queue.claims()
    return len(claims) == 1 and claims[0].deadline < now


def _kill(copy: Copy) -> None:
    copy.ps = line_of_ps(copy.plan.worker, ProcessState.GONE)


class PausedQueue(NothingComes):
    """Somebody paused the queue, and forgot it."""

    cause = causes.PAUSED
    where = tr("What a queue notes about itself is in the hash meta, in a field of its own.")

    def make(self, room: Room) -> None:
        """Pause the queue before the tasks come; its worker is idle."""
        room.start_worker()
        room.queue.pause()
        room.add_all()

    def proof(self, plan: Plan, keys: Keys) -> str:
        """Ask for the field."""
        return f"HGET {keys.meta} paused"

    def rivals(self) -> tuple[Rival, ...]:
        """A queue without a worker, and one whose worker is slow."""
        return (
            Rival(tr("nobody worked here"), _leave_without_worker),
            Rival(tr("the worker were only slow, and the queue not paused"), _go_on),
        )


def _leave_without_worker(copy: Copy) -> None:
    _go_on(copy)
    copy.redis.delete(copy.keys.workers)
    copy.ps = NO_PROCESS


def _go_on(copy: Copy) -> None:
    copy.redis.hdel(copy.keys.meta, "paused")


class OtherQueue(NothingComes):
    """A worker was started with another namespace than that of the tasks."""

    cause = causes.OTHER_QUEUE
    where = tr(
        "That this queue has no worker would be so as well if there were none at all. Find the "
        "hash of workers in which it says that it is there: SCAN, or %monitor, shows where it "
        "asks."
    )

    def make(self, room: Room) -> None:
        """Start a worker elsewhere; the tasks are here."""
        namespace = f"{room.queue.namespace}{room.plan.other_queue}:"
        elsewhere = RedisTaskQueue(url=room.url, namespace=namespace)
        room.close_later(elsewhere)
        room.start_worker(queue=elsewhere)
        room.add_all()

    def proof(self, plan: Plan, keys: Keys) -> str:
        """Ask who works at the other queue."""
        other = Keys(f"{keys.namespace}{plan.other_queue}:", "image_processing")
        return f"HKEYS {other.workers}"

    def rivals(self) -> tuple[Rival, ...]:
        """A room without a worker, and a worker at the right queue that is slow."""
        return (
            Rival(tr("nobody worked anywhere"), _be_nowhere),
            Rival(tr("the worker asked at the right queue, and were only slow"), _come_over),
        )


def _be_nowhere(copy: Copy) -> None:
    copy.drop(f"{copy.plan.other_queue}:*")
    copy.ps = NO_PROCESS


def _come_over(copy: Copy) -> None:
    workers = copy.key_of_other_queue("workers")
    copy.redis.copy(workers, copy.keys.workers)
    copy.drop(f"{copy.plan.other_queue}:*")
