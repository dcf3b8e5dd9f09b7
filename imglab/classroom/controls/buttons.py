"""The buttons of the control room: which does what, and the words that tell it.

`ROWS` says which button does what, and `perform` turns whatever comes of it into a sentence.
"""

from __future__ import annotations

import signal
from collections import namedtuple
from collections.abc import Mapping
from typing import Any

from imglab.classroom.controls.actions import MISSING, SETTINGS, THAW, Controls
from imglab.errors import ImglabError, QueueUnavailable
from imglab.workers.pool import SILENCE

#: A button: its words; what the status line says at once, and in the end, of the inputs of its row
#: and of what was `done`; and what it does, with these inputs.
Knob = namedtuple("Knob", "label tooltip meanwhile sentence action")
#: The rows of the panel: title → inputs, and buttons.
ROWS: dict[str, tuple[list[str], list[Knob]]] = {
    "Tasks": (
        ["count", "priority"],
        [
            Knob(
                "Add photographs",
                "As many tasks as the box says: draw a photograph in pencil",
                "adding {count} at {priority} priority",
                "Added {count} at {priority} priority: {done}.",
                Controls.add,
            ),
            Knob(
                "Add poison",
                "One task that kills each worker that takes it; at high priority, so it is next",
                "adding a poison task",
                "Added {done}. It kills its worker, each time; "
                f"after {SETTINGS.max_crashes} of them it is failed.",
                lambda it, **_: it.add(
                    1, "high", {"poison": "images/sample.jpg"}, [{"name": "poison"}]
                ),
            ),
            Knob(
                "Add missing file",
                "One task whose picture is not there; at high priority, so it is next",
                "adding a task that must fail",
                "Added {done}, a picture that is not there. It fails at once: no retry can help.",
                lambda it, **_: it.add(1, "high", MISSING),
            ),
        ],
    ),
    "Queue": (
        ["queue"],
        [
            Knob(
                "Pause",
                "Hand out no more tasks",
                "pausing",
                "Paused: no worker gets a task any more. What they hold they finish.",
                lambda it, **_: it.queue.pause(),
            ),
            Knob(
                "Resume",
                "Hand out tasks again",
                "resuming",
                "Resumed: idle workers look for tasks within a second.",
                lambda it, **_: it.queue.resume(),
            ),
            Knob(
                "Reset",
                "Delete the control room's tasks, and bring the pool back to its first size",
                "resetting",
                "Reset: {done} tasks deleted, the pool as in the beginning. Nobody else's keys.",
                lambda it, **_: it.scale(it.size) or it.queue.clear(),
            ),
        ],
    ),
    "Worker": (
        ["worker"],
        [
            Knob(
                "Kill -9",
                "SIGKILL: it dies at once, in the middle of its task",
                "killing {worker}",
                "Killed {worker} (kill -9 {done}). Its task comes back; the pool replaces it.",
                lambda it, worker: it.signal(worker, signal.SIGKILL),
            ),
            Knob(
                "Freeze",
                f"SIGSTOP: it stands still, for {THAW:g} s at most",
                "freezing {worker}",
                f"Froze {{worker}} (SIGSTOP). In {SETTINGS.lease:g} s its lease is over and its "
                f"task free; in {SILENCE * SETTINGS.lease:g} s the pool replaces it.",
                Controls.freeze,
            ),
            Knob(
                "Thaw",
                "SIGCONT: it goes on where it was",
                "thawing {worker}",
                "{worker} goes on (SIGCONT). If its lease is over, its result will be refused.",
                lambda it, worker: it.thaw(worker),
            ),
            Knob(
                "Stop gently",
                "SIGTERM: it ends its task and leaves",
                "stopping {worker}",
                "Asked {worker} to stop (SIGTERM): it ends its task, then the pool replaces it.",
                lambda it, worker: it.thaw(worker) or it.signal(worker, signal.SIGTERM),
            ),
        ],
    ),
    "Pool": (
        ["size"],
        [
            Knob(
                str(size) if size else "Stop all",
                f"Have {size} workers, none of them frozen",
                f"scaling to {size}",
                f"Workers in the pool now: {size}.",
                lambda it, size_=size, **_: it.scale(size_),
            )
            for size in range(9)
        ],
    ),
    "Redis": (
        ["redis"],
        [
            Knob(
                "Kill -9",
                "SIGKILL: its keeper starts it again, on the same port",
                "killing Redis",
                "Killed Redis (kill -9). It is back, with {done} tasks to do, out of its file.",
                lambda it, **_: it.kill_redis(),
            ),
            Knob(
                "Restart",
                "SIGTERM, and a new start on the same port",
                "restarting Redis",
                "Restarted Redis. It is back, with {done} tasks to do, out of its file.",
                lambda it, **_: it.restart_redis(),
            ),
        ],
    ),
}
OPEN = Knob("", "", "starting workers", "Ready.", lambda it: it.scale(it.size))


def perform(it: Controls, knob: Knob, values: Mapping[str, Any]) -> str:
    """Do what a button is for; what came of it, as a sentence, and be it an error."""
    try:
        return str(knob.sentence).format(done=knob.action(it, **values), **values)
    except QueueUnavailable:
        return "Redis is away, so this was not done. Wait until the board moves, or restart Redis."
    except (ImglabError, OSError) as error:
        return f"This was not done. {error}"
