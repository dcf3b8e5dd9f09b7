"""Every fault by its cause, and the room that has it."""

from __future__ import annotations

from imglab.classroom.fault_room.fault import Fault
from imglab.classroom.fault_room.nothing_comes import FrozenWorker, OtherQueue, PausedQueue
from imglab.classroom.fault_room.one_is_missing import (
    FarAway,
    ForbiddenPath,
    NoRecord,
    PoisonTask,
)
from imglab.classroom.fault_room.plans import Plan
from imglab.classroom.fault_room.room import Room

_FAULTS: tuple[Fault, ...] = (
    FrozenWorker(),
    OtherQueue(),
    PausedQueue(),
    PoisonTask(),
    NoRecord(),
    FarAway(),
    ForbiddenPath(),
)
_BY_CAUSE = {fault.cause: fault for fault in _FAULTS}


def fault_of(plan: Plan) -> Fault:
    """The fault that a plan asks for."""
    return _BY_CAUSE[plan.cause]


def room_of(plan: Plan, url: str, space: str) -> Room:
    """The room for a plan, still without its fault; its keys begin with `space` and its number."""
    return Room(plan, url, space, fault_of(plan).settings)
