"""The buttons of the control room: what each does, for real, and the words that tell it.

It needs no notebook: `Controls` does it, `ROWS` says which button does what, and `perform` turns
whatever comes of it into a sentence.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import namedtuple
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any

from imglab import server
from imglab.errors import ImglabError, QueueUnavailable
from imglab.imaging import FilterPipeline
from imglab.project import photographs
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.server.keeper import QUICK, STATE, locked
from imglab.workers import WorkerPool
from imglab.workers.pool import SILENCE

#: A lease so short that a class sees it run out, and a history of a few minutes.
SETTINGS = QueueSettings(lease=5, backoff=0.3, keep_events=4000)
#: A pencil drawing: a tenth of a second or more for each photograph.
PENCIL = FilterPipeline.parse("grayscale,median:size=7,edges,brightness:factor=3,invert").spec()
#: A picture that is not there, by the name of its tasks.
MISSING = {"missing": "images/missing.jpg"}
#: Seconds after which a frozen worker goes on by itself, if its pool has not replaced it before.
THAW = 30.0
#: What lets it go on, in a process of its own: when it is told to; when whoever froze it is gone,
#: for that closes the pipe; or after THAW seconds. The frozen one itself cannot watch its parent.
GUARD = """
import os, select, signal, sys
select.select([sys.stdin], [], [], float(sys.argv[2]))
os.kill(int(sys.argv[1]), signal.SIGCONT)
"""


class Controls:
    """What the buttons do, without a button. ImglabError or OSError when it cannot be done."""

    def __init__(self, queue: RedisTaskQueue, size: int, home: Path) -> None:
        self.queue, self.size, self.home = queue, size, home
        self.pool = WorkerPool(1, (), queue, imports=["imglab.lab.trouble"], grace=2)
        self._guards: dict[int, subprocess.Popen[bytes]] = {}

    def add(
        self,
        count: int,
        priority: str,
        photos: Mapping[str, str] | None = None,
        filters: Sequence[Any] = PENCIL,
    ) -> str:
        """The first and the last id of new tasks, one for each photograph in turn."""
        stats = self.queue.get_stats()
        # Behind all there ever were: they may be older than this notebook's kernel.
        first = stats.completed_total + stats.failed_total + stats.unfinished + 1
        found = photographs()
        photos = photos or {each.stem: f"images/{each.name}" for each in found} or MISSING
        ids = [
            self.queue.add_task(
                {
                    "image_path": path,
                    "output_path": f"output/control-room/{name}.png",
                    "filters": filters,
                },
                priority,
                task_id=f"{name}-{number}",
            )
            for (name, path), number in zip(
                cycle(photos.items()), range(first, first + count), strict=False
            )
        ]
        return " to ".join(dict.fromkeys([ids[0], ids[-1]]))

    def signal(self, worker: str, number: int) -> int:
        """The id of the worker's process, which gets a signal; 0 is none."""
        if (pid := self.pool.pids.get(worker)) is None:
            raise ImglabError(f"There is no {worker or 'worker'} any more, or not yet.")
        os.kill(pid, number)
        return pid

    def freeze(self, worker: str) -> int:
        """The id of the worker's process, which stands still until `thaw`, or for THAW seconds."""
        self.thaw(worker)
        pid = self.signal(worker, 0)
        self._guards[pid] = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", GUARD, str(pid), str(THAW)],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # by then, the worker may be gone
            start_new_session=True,  # the notebook's interrupt is not for it
        )
        return self.signal(worker, signal.SIGSTOP)

    def thaw(self, *workers: str) -> None:
        """Let frozen workers go on: these, or all."""
        for pid in [self.signal(worker, 0) for worker in workers] or list(self._guards):
            if guard := self._guards.pop(pid, None):
                guard.communicate()  # closes the pipe, and waits for its end

    def scale(self, size: int) -> None:
        """Have so many workers, none of them frozen."""
        self.queue.get_stats()  # first, for without Redis the pool would give all of them up
        self.thaw()  # who stands still cannot leave
        self.pool.start()  # does nothing, unless an earlier failure stopped it
        # One after the other, so that the board's first row, number and colour are worker-1's.
        for each in range(min(self.pool.size, size), size + 1):
            self.pool.scale(each)

    def kill_redis(self) -> int:
        """How many tasks are left to do when the project's own Redis, killed, is back."""
        now = server.status(self.home)
        if not (now and now.folder and now.uptime >= QUICK):
            raise ImglabError(
                f"Only our own Redis may be killed, and only once it is {QUICK:g} s old: its "
                "keeper gives up one that dies young again and again."
            )
        os.kill(now.pid, signal.SIGKILL)
        server.ensure(self.home)
        return self.queue.get_stats().unfinished

    def restart_redis(self) -> int:
        """The same when it was asked to leave, or was away."""
        with suppress(FileNotFoundError), locked(self.home / "keeper.lock", wait=False) as lock:
            # Redis leaves with its keeper. A killed one leaves its note, for the next to take the
            # same port: a keeper that is asked to leave takes it along.
            if lock < 0:  # so there is one, and the note is its own
                os.kill(json.loads((self.home / STATE).read_text())["keeper"], signal.SIGKILL)
        server.stop(self.home)  # waits
        server.ensure(self.home)
        return self.queue.get_stats().unfinished

    def close(self) -> None:
        """Let the workers go; the tasks stay in Redis."""
        self.thaw()
        self.pool.stop()
        self.queue.close()


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
