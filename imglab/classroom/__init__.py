"""What only lessons use: the bench, the demo, races, load, the control room, the fault room."""

from typing import TYPE_CHECKING

from imglab.lazy import offer

if TYPE_CHECKING:
    from imglab.classroom import demo, engines, load, storms, watching
    from imglab.classroom.controls.panel import control_room
    from imglab.classroom.fault_room.rooms import FaultRooms
    from imglab.classroom.interleavings import Explorer, explore
    from imglab.classroom.lone_worker import LoneWorker
    from imglab.classroom.seats import take_seat
    from imglab.classroom.setup_check import bench
    from imglab.classroom.shared import shared_room
    from imglab.classroom.threads_or_processes import compare, gil, turns
else:
    # A type checker must not see it: it would take any name for one of ours.
    # A worker imports the troublemakers from here, and should not load a notebook's views as well.
    __getattr__, __dir__ = offer(
        __name__,
        {
            "Explorer": "imglab.classroom.interleavings",
            "FaultRooms": "imglab.classroom.fault_room.rooms",
            "LoneWorker": "imglab.classroom.lone_worker",
            "bench": "imglab.classroom.setup_check",
            "compare": "imglab.classroom.threads_or_processes",
            "control_room": "imglab.classroom.controls.panel",
            "demo": "imglab.classroom.demo",
            "engines": "imglab.classroom.engines",
            "explore": "imglab.classroom.interleavings",
            "gil": "imglab.classroom.threads_or_processes",
            "load": "imglab.classroom.load",
            "storms": "imglab.classroom.storms",
            "shared_room": "imglab.classroom.shared",
            "take_seat": "imglab.classroom.seats",
            "turns": "imglab.classroom.threads_or_processes",
            "watching": "imglab.classroom.watching",
        },
    )

__all__ = [
    "Explorer",
    "FaultRooms",
    "LoneWorker",
    "bench",
    "compare",
    "control_room",
    "demo",
    "engines",
    "explore",
    "gil",
    "load",
    "shared_room",
    "storms",
    "take_seat",
    "turns",
    "watching",
]
