"""What the control room does, for real, without a button and without a notebook."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from imglab import server
from imglab.classroom.controls.freezer import Freezer, Thawed
from imglab.classroom.controls.producer import Producer
from imglab.errors import ImglabError
from imglab.imaging import FilterPipeline
from imglab.language import tr
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
#: The most letters of a photograph's name in the ids of its tasks.
NAME_LETTERS = 80
#: The signal that does nothing: it only asks whether the process is there.
ASK = 0
#: Photographs that `keep_adding` adds each second: more than one worker draws, less than many do.
STEADY = 5
#: The most unfinished tasks to which it adds more.
MOST_UNFINISHED = 500
#: The longest that `reset` waits for a sign of life of its workers, in seconds; they give one each
#: second.
FIRST_LIFE = 3.0
#: Seconds between two looks whether they have.
LOOK_EVERY = 0.05
#: The lines of a worker's log in which a refusal is looked for.
LOG_LINES = 100


def _named(photos: Sequence[Path]) -> dict[str, str]:
    """Each photograph's path, by a name that a task's id may have: no two have the same."""
    named: dict[str, str] = {}
    for photo in photos:
        fit = re.sub(r"[^\w.@-]", "_", photo.stem, flags=re.ASCII)[:NAME_LETTERS]
        name = fit
        number = 2
        while name in named:
            name = f"{fit}_{number}"
            number += 1
        named[name] = f"images/{photo.name}"
    return named


class Controls:
    """What the buttons do, without a button. ImglabError or OSError when it cannot be done."""

    def __init__(
        self, queue: RedisTaskQueue, size: int, home: Path, *, owns_redis: bool = False
    ) -> None:
        self.queue = queue
        #: The pool's size in the beginning, and after `reset`.
        self.size = size
        #: Where the data of the project's own Redis is.
        self.home = home
        #: Whether the queue is in that one, so that it may be started.
        self.owns_redis = owns_redis
        self.pool = WorkerPool(1, (), queue, imports=["imglab.classroom.troublemakers"], grace=2)
        self._freezer = Freezer(queue)
        self._producer: Producer | None = None
        # The buttons' thread and the producer's both count the tasks to name the next ones.
        self._naming = threading.Lock()

    def add(self, count: int, priority: str, filters: Sequence[Any] = PENCIL) -> str:
        """Add tasks, one for each photograph in turn; return the first and the last id."""
        pictures = _named(photographs())
        if not pictures:  # the tasks then say why they fail
            pictures = MISSING
        return self._add(count, priority, pictures, filters)

    @property
    def is_adding(self) -> bool:
        """Whether photographs come in steadily."""
        return self._producer is not None

    def keep_adding(self, priority: str) -> None:
        """Add STEADY photographs a second until `stop_adding`, unless too many are unfinished."""
        self.stop_adding()
        self._add_some(priority)  # first, for without Redis there is nothing to go on with
        self._producer = Producer(partial(self._add_some, priority))

    def stop_adding(self) -> None:
        """Add no more photographs by itself."""
        if self._producer is not None:
            self._producer.stop()
            self._producer = None

    def _add_some(self, priority: str) -> None:
        if self.queue.get_stats().unfinished < MOST_UNFINISHED:
            self.add(STEADY, priority)

    def add_poison(self) -> str:
        """Add one task that kills each worker that takes it, as the next one; return its id."""
        return self._add(1, "high", POISON, [{"name": "poison"}])

    def add_missing(self) -> str:
        """Add one task whose picture is not there, as the next one; return its id."""
        return self._add(1, "high", MISSING, PENCIL)

    def _add(
        self, count: int, priority: str, pictures: Mapping[str, str], filters: Sequence[Any]
    ) -> str:
        with self._naming:
            ids = self._add_named(count, priority, pictures, filters)
        if count == 1:
            return ids[0]
        return tr("{first} to {last}", first=ids[0], last=ids[-1])

    def _add_named(
        self, count: int, priority: str, pictures: Mapping[str, str], filters: Sequence[Any]
    ) -> list[str]:
        stats = self.queue.get_stats()
        # Behind all there ever were: they may be older than this notebook's kernel.
        finished = stats.completed_total + stats.failed_total + stats.cancelled_total
        first = finished + stats.unfinished + 1
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
        return ids

    def reset(self) -> int:
        """Put all back as it was when the room was opened; return how many tasks were deleted.

        Redis runs, the pool has its first size and nobody is frozen, no task and no event is left,
        nothing is paused and nothing is added.
        """
        self.stop_adding()
        if self.owns_redis:
            server.ensure(self.home)
        self.scale(self.size)
        deleted = self.queue.clear()
        self._until_all_show_life()
        return deleted

    def _until_all_show_life(self) -> None:
        limit = time.monotonic() + FIRST_LIFE
        while not set(self.pool.names) <= set(self.queue.workers()):
            if time.monotonic() > limit:
                return  # one is deep in a long filter, or died: the board shows it when it comes
            time.sleep(LOOK_EVERY)

    def signal(self, worker: str, number: int) -> int:
        """Send a signal to the worker's process, and return its id."""
        pid = self.pool.pids.get(worker)
        if pid is None:
            raise ImglabError(
                tr("There is no {worker} any more, or not yet.", worker=worker or "worker")
            )
        os.kill(pid, number)
        return pid

    def kill(self, worker: str) -> int:
        """Kill the worker's process in the middle of its work, and return its id."""
        return self.signal(worker, signal.SIGKILL)

    def freeze(self, worker: str) -> int:
        """Let the worker's process stand still until `thaw`, or for THAW seconds; return its id."""
        pid = self.signal(worker, ASK)
        self._freezer.let_go(pid)
        self._freezer.freeze(worker, pid)
        return pid

    def thaw(self, worker: str) -> Thawed | None:
        """Let a frozen worker go on, and see what becomes of its tasks; None if it was not frozen.

        When it comes too late, this waits some seconds to see its report refused.
        """
        pid = self.signal(worker, ASK)
        return self._freezer.thaw(pid, partial(self.pool.log, worker, LOG_LINES))

    def stop_gently(self, worker: str) -> None:
        """Ask a worker to end its task and leave, also when it is frozen."""
        pid = self.signal(worker, ASK)
        self._freezer.let_go(pid)
        self.signal(worker, signal.SIGTERM)

    def scale(self, size: int) -> None:
        """Have so many workers, none of them frozen."""
        self.queue.get_stats()  # first, for without Redis the pool would give all of them up
        self._freezer.let_all_go()  # who stands still cannot leave
        self.pool.start()  # does nothing, unless an earlier failure stopped it
        # One after the other, so that the board's first row, number and colour are worker-1's.
        for each in range(min(self.pool.size, size), size + 1):
            self.pool.scale(each)

    def kill_redis(self) -> tuple[int, float]:
        """Kill the project's own Redis; return how many tasks there are to do when it is back.

        With it, the seconds until it answered again.
        """
        now = server.status(self.home)
        if now is None or now.folder is None or now.uptime < QUICK:
            raise ImglabError(
                tr(
                    "Only our own Redis may be killed, and only once it is {seconds:g} s old: its "
                    "keeper gives up one that dies young again and again.",
                    seconds=QUICK,
                )
            )
        begun = time.monotonic()
        os.kill(now.pid, signal.SIGKILL)
        server.ensure(self.home)
        unfinished = self.queue.get_stats().unfinished
        return unfinished, time.monotonic() - begun

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
        self.stop_adding()
        self._freezer.let_all_go()
        self.pool.stop()
        self.queue.close()
