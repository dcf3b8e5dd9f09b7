"""One room: a queue in real Redis, real workers on it, and what one can ask about both."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Self

from imglab.classroom.controls.freezer import Freezer
from imglab.classroom.fault_room.plans import Plan
from imglab.classroom.fault_room.processes import NO_PROCESS, ProcessState, line_of_ps, state_of
from imglab.classroom.lone_worker import TROUBLEMAKERS, LoneWorker
from imglab.errors import ImglabError, NoSuchTask
from imglab.language import tr
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.queues.vocabulary import Status
from imglab.workers import WorkerPool

#: What a worker of a room does with a photograph.
FILTERS = "grayscale"
#: How long a frozen worker stands still if nobody lets it go on, in seconds: longer than a class.
FROZEN_S = 4 * 3600.0
#: The longest that a fault may take until it is there, and the time between two looks, in seconds.
MAKE_TIMEOUT_S = 30.0
LOOK_INTERVAL_S = 0.02


class Room:
    """A queue, its workers and their processes; `with Room(plan, url, "lesson-10:") as room: …`."""

    def __init__(
        self, plan: Plan, url: str, space: str, settings: QueueSettings | None = None
    ) -> None:
        self.plan = plan
        self.url = url
        self.settings = settings
        #: The queue as its producers know it.
        self.queue = RedisTaskQueue(url=url, namespace=f"{space}{plan.number}:", settings=settings)
        self._ends = ExitStack()
        self._ends.callback(self.queue.close)
        self._freezer = Freezer(self.queue, FROZEN_S)
        self._workers: list[LoneWorker] = []
        #: Worker → how to learn its process id; a pool gives new ones.
        self._pids: dict[str, Callable[[], int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process, wait until it is gone, and delete the room's keys."""
        try:
            self._freezer.let_all_go()
            for worker in self._workers:
                worker.kill()  # what it is at work on is thrown away with the room
            self._ends.pop_all().close()
        finally:
            with RedisTaskQueue(url=self.url, namespace=self.queue.namespace) as queue:
                queue.delete_namespace()

    # What is in the room

    @property
    def photographs(self) -> tuple[str, ...]:
        """Those that are to come, the first in line first."""
        return (self.plan.photograph, *self.plan.others)

    def payload(self, photograph: str) -> dict[str, Any]:
        """What a task says that asks for a photograph."""
        return {
            "image_path": f"images/{photograph}.jpg",
            "output_path": f"output/lesson-10/{self.plan.number}-{photograph}.jpg",
        }

    def add_all(self) -> None:
        """Add a task for each photograph; its id is the photograph's name."""
        for photograph in self.photographs:
            self.queue.add_task(self.payload(photograph), task_id=photograph)

    def add_others(self) -> None:
        """Add a task for each photograph but the one that does not come."""
        for photograph in self.plan.others:
            self.queue.add_task(self.payload(photograph), task_id=photograph)

    def close_later(self, queue: RedisTaskQueue) -> None:
        """Give back what another queue of this room holds, when the room is closed."""
        self._ends.callback(queue.close)

    def start_worker(
        self, filters: str = FILTERS, queue: RedisTaskQueue | None = None
    ) -> LoneWorker:
        """Start a worker process, on the room's queue or on another one."""
        if queue is None:
            queue = self.queue
        worker = self._ends.enter_context(LoneWorker(self.plan.worker, filters, queue))
        self._workers.append(worker)
        self._pids[worker.name] = lambda: worker.pid
        return worker

    def start_pool(self) -> None:
        """Start one worker process that is replaced when it dies."""
        pool = WorkerPool(1, [FILTERS], self.queue, imports=[TROUBLEMAKERS])
        self._ends.callback(pool.stop, timeout=0)
        pool.start()
        (name,) = pool.names
        self._pids[name] = lambda: pool.pids.get(name, 0)

    def freeze(self, worker: LoneWorker) -> None:
        """Let a worker's process stand still until the room is closed."""
        self._freezer.freeze(worker.name, worker.pid)
        until(
            lambda: state_of(worker.pid) is ProcessState.STOPPED,
            tr("{worker} stands still", worker=worker.name),
        )

    def thaw(self) -> None:
        """Let every frozen worker go on, as `kill -CONT` does."""
        self._freezer.let_all_go()

    # What one can ask

    def ps(self) -> str:
        """The workers' processes, as the operating system sees them: a line for each."""
        lines = []
        for name, pid in sorted(self._pids.items()):
            lines.append(line_of_ps(name, state_of(pid())))
        return "\n".join(lines) or NO_PROCESS

    def is_well(self) -> bool:
        """Whether every photograph came."""
        return set(self.photographs) <= self._came()

    def _came(self) -> set[str]:
        """The photographs that are done, whatever the ids of their tasks."""
        paths = {f"images/{each}.jpg": each for each in self.photographs}
        came = set()
        for task_id in self.queue.tasks(Status.COMPLETED):
            try:
                path = self.queue.task(task_id).payload.get("image_path")
            except NoSuchTask:  # somebody wrote into the list by hand
                continue
            if path in paths:
                came.add(paths[path])
        return came


def until(is_so: Callable[[], bool], what: str) -> None:
    """Wait until something is so; ImglabError when it takes too long."""
    limit = time.monotonic() + MAKE_TIMEOUT_S
    while not is_so():
        if time.monotonic() > limit:
            raise ImglabError(
                tr(
                    "The fault cannot be made, for after {seconds:g} s it is not so that {what}. "
                    "Run the cell again.",
                    seconds=MAKE_TIMEOUT_S,
                    what=what,
                )
            )
        time.sleep(LOOK_INTERVAL_S)
