"""What the control room does, for real, without a button and without a notebook."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any

from imglab import server
from imglab.errors import ImglabError
from imglab.imaging import FilterPipeline
from imglab.project import photographs
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.queues.own_password import read_state
from imglab.server.keeper import QUICK, locked
from imglab.workers import WorkerPool

#: A lease so short that a class sees it run out, and a history of a few minutes.
SETTINGS = QueueSettings(lease=5, backoff=0.3, keep_events=4000)
#: A pencil drawing: a tenth of a second or more for each photograph.
PENCIL = FilterPipeline.parse("grayscale,median:size=7,edges,brightness:factor=3,invert").spec()
#: A picture that is not there, by the name of its tasks.
MISSING = {"missing": "images/missing.jpg"}
#: A picture that is there, by the name of the tasks that kill their worker.
POISON = {"poison": "images/sample.jpg"}
#: The signal that does nothing: it only asks whether the process is there.
ASK = 0
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
        self.queue = queue
        #: The pool's size in the beginning, and after `reset`.
        self.size = size
        #: Where the data of the project's own Redis is.
        self.home = home
        self.pool = WorkerPool(1, (), queue, imports=["imglab.classroom.troublemakers"], grace=2)
        self._guards: dict[int, subprocess.Popen[bytes]] = {}

    def add(self, count: int, priority: str, filters: Sequence[Any] = PENCIL) -> str:
        """Add tasks, one for each photograph in turn; return the first and the last id."""
        pictures = {photo.stem: f"images/{photo.name}" for photo in photographs()}
        if not pictures:  # the tasks then say why they fail
            pictures = MISSING
        return self._add(count, priority, pictures, filters)

    def add_poison(self) -> str:
        """Add one task that kills each worker that takes it, as the next one; return its id."""
        return self._add(1, "high", POISON, [{"name": "poison"}])

    def add_missing(self) -> str:
        """Add one task whose picture is not there, as the next one; return its id."""
        return self._add(1, "high", MISSING, PENCIL)

    def _add(
        self, count: int, priority: str, pictures: Mapping[str, str], filters: Sequence[Any]
    ) -> str:
        stats = self.queue.get_stats()
        # Behind all there ever were: they may be older than this notebook's kernel.
        first = stats.completed_total + stats.failed_total + stats.unfinished + 1
        ids = []
        turns = cycle(pictures.items())
        for number in range(first, first + count):
            name, path = next(turns)
            payload = {
                "image_path": path,
                "output_path": f"output/control-room/{name}.png",
                "filters": filters,
            }
            ids.append(self.queue.add_task(payload, priority, task_id=f"{name}-{number}"))
        return ids[0] if count == 1 else f"{ids[0]} to {ids[-1]}"

    def reset(self) -> int:
        """Bring the pool back to its first size and delete all tasks; return how many."""
        self.scale(self.size)
        return self.queue.clear()

    def signal(self, worker: str, number: int) -> int:
        """Send a signal to the worker's process, and return its id."""
        pid = self.pool.pids.get(worker)
        if pid is None:
            raise ImglabError(f"There is no {worker or 'worker'} any more, or not yet.")
        os.kill(pid, number)
        return pid

    def kill(self, worker: str) -> int:
        """Kill the worker's process in the middle of its work, and return its id."""
        return self.signal(worker, signal.SIGKILL)

    def freeze(self, worker: str) -> int:
        """Let the worker's process stand still until `thaw`, or for THAW seconds; return its id."""
        self.thaw(worker)
        pid = self.signal(worker, ASK)
        self._guards[pid] = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", GUARD, str(pid), str(THAW)],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # by then, the worker may be gone
            start_new_session=True,  # the notebook's interrupt is not for it
        )
        return self.signal(worker, signal.SIGSTOP)

    def thaw(self, *workers: str) -> None:
        """Let frozen workers go on: these, or all."""
        pids = [self.signal(worker, ASK) for worker in workers]
        if not workers:
            pids = list(self._guards)
        for pid in pids:
            guard = self._guards.pop(pid, None)
            if guard:
                guard.communicate()  # closes the pipe, and waits for its end

    def stop_gently(self, worker: str) -> None:
        """Ask a worker to end its task and leave, also when it is frozen."""
        self.thaw(worker)
        self.signal(worker, signal.SIGTERM)

    def scale(self, size: int) -> None:
        """Have so many workers, none of them frozen."""
        self.queue.get_stats()  # first, for without Redis the pool would give all of them up
        self.thaw()  # who stands still cannot leave
        self.pool.start()  # does nothing, unless an earlier failure stopped it
        # One after the other, so that the board's first row, number and colour are worker-1's.
        for each in range(min(self.pool.size, size), size + 1):
            self.pool.scale(each)

    def kill_redis(self) -> int:
        """Kill the project's own Redis; return how many tasks there are to do when it is back."""
        now = server.status(self.home)
        if now is None or now.folder is None or now.uptime < QUICK:
            raise ImglabError(
                f"Only our own Redis may be killed, and only once it is {QUICK:g} s old: its "
                "keeper gives up one that dies young again and again."
            )
        os.kill(now.pid, signal.SIGKILL)
        server.ensure(self.home)
        return self.queue.get_stats().unfinished

    def restart_redis(self) -> int:
        """Start the project's own Redis anew; return how many tasks there are to do then."""
        with suppress(FileNotFoundError), locked(self.home / "keeper.lock", wait=False) as lock:
            # Redis leaves with its keeper. A killed one leaves its note, for the next to take the
            # same port: a keeper that is asked to leave takes it along.
            if lock < 0:  # so there is one, and the note is its own
                note = read_state(self.home)
                if note:
                    os.kill(note.keeper, signal.SIGKILL)
        server.stop(self.home)  # waits
        server.ensure(self.home)
        return self.queue.get_stats().unfinished

    def close(self) -> None:
        """Let the workers go; the tasks stay in Redis."""
        self.thaw()
        self.pool.stop()
        self.queue.close()
