"""A pool of worker processes: start, wait until ready, watch, replace, scale, stop."""

from __future__ import annotations

import math
import os
import signal
import time
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING

from imglab.errors import ImglabError
from imglab.language import tr
from imglab.project import project_home
from imglab.queues import RedisTaskQueue
from imglab.queues.arguments import as_count, as_delay, as_names, as_timeout
from imglab.queues.task import check_name
from imglab.workers.arguments import (
    as_prefixes,
    checked_max_memory,
    checked_max_tasks,
    checked_prefetch,
)
from imglab.workers.crew import Crew
from imglab.workers.logs import checked_format, last_lines
from imglab.workers.spec import WorkerSpec

if TYPE_CHECKING:
    from imglab.imaging import BaseFilter, FilterPipeline

#: How often `join` looks whether there is still somebody who works, in seconds.
LOOK_INTERVAL_S = 1.0


class WorkerPool:
    """`size` worker processes on one queue; `with WorkerPool(3, pipeline, queue) as pool: …`.

    A worker that dies is replaced, and its task goes back to the queue at once. The processes
    outlive the notebook's interrupt, and leave within two seconds when this process is gone. They
    leave as well when nobody holds the pool any more, as when its name is given to another one.
    Their names are `prefix`-1, -2 and so on, but for those that other workers of the queue have.
    A task has `grace` seconds to end when its worker is stopped or it is cancelled. For small
    tasks, `prefetch` says how many a worker claims and reports at a time. They read below the
    folders in `read` (images/ when there are none) and write below `write`, and touch addresses
    below `prefixes` (those of IMGLAB_PREFIXES when there are None). `imports` names modules
    with filters of one's own. What they print goes to `.imglab/logs/<name>.log`, at most a
    megabyte; what was before it is in `<name>.log.1`; as lines of JSON with `log_format="json"`.

    A worker that has run `max_tasks` tasks, or has more than `max_memory` (bytes, or such as
    "500MB") after one, leaves and is replaced: no task is lost, none counts as a crash, and
    `renewals` tells why. Where the largest pictures of all of them may not fit into the memory of
    this machine, a line of the log says what to do.
    """

    def __init__(
        self,
        size: int = 3,
        pipeline: FilterPipeline | Iterable[BaseFilter | str] = (),
        queue: RedisTaskQueue | None = None,
        *,
        prefix: str = "worker",
        imports: Iterable[str] = (),
        read: Iterable[str] = (),
        write: str = "output",
        prefixes: Iterable[str] | None = None,
        grace: float = 10.0,
        prefetch: int = 1,
        max_tasks: int | None = None,
        max_memory: int | str | None = None,
        log_format: str = "text",
    ) -> None:
        from imglab.imaging import FilterPipeline  # noqa: PLC0415 - each worker imports this file

        size = as_count(size, tr("A pool needs at least one worker, and its size"), 1)
        if queue is None:
            queue = RedisTaskQueue()
        self.queue = queue
        self.size = size
        self.prefix = check_name(prefix, tr("The names' prefix"))
        self.logs = project_home() / "logs"
        spec = WorkerSpec(
            name="",
            queue=self.queue.spec(),
            filters=FilterPipeline(pipeline).spec(),
            imports=as_names(imports, "imports"),
            read=as_names(read, "read"),
            write=write,
            prefixes=as_prefixes(prefixes),
            parent=os.getpid(),
            grace=as_delay(grace, "grace"),
            prefetch=checked_prefetch(prefetch, queue.settings.max_crashes),
            max_tasks=checked_max_tasks(max_tasks),
            max_memory=checked_max_memory(max_memory),
            log_format=checked_format(log_format),
        )
        self._crew = Crew(queue, spec, prefix, self.logs)
        weakref.finalize(self, self._crew.abandon)

    def __repr__(self) -> str:
        return f"WorkerPool({len(self.pids)} of {self.size} alive, {self.queue!r})"

    def __enter__(self) -> WorkerPool:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pids(self) -> dict[str, int]:
        """The processes that live now: worker's name → process id."""
        return self._crew.pids()

    @property
    def names(self) -> list[str]:
        """The workers of this pool, also one that died and is about to be replaced."""
        return list(self._crew.members)

    @property
    def renewals(self) -> list[str]:
        """Who left to be replaced, and why, the latest last: "worker-1: it had run 100 tasks, …".

        The last hundred of them; the log of each worker has all of its own.
        """
        return list(self._crew.renewals)

    def start(self) -> WorkerPool:
        """Start the processes and wait until every one of them asks for work.

        ImglabError, with what it printed last, for a worker that does not get so far.
        """
        if not self._crew.is_watched:
            self._crew.watch()
            self.scale(self.size)
        return self

    def scale(self, size: int) -> None:
        """Have `size` workers: start more and wait until they are ready, or let the newest go.

        ImglabError when so many cannot even start in the memory of this machine.
        """
        size = as_count(size, tr("The number of workers"), 0)
        self._crew.check_room(size)
        self.size = size
        try:
            self._crew.scale(size)
        except BaseException:
            self.stop()
            raise

    def kill(self, name: str) -> int:
        """Kill one worker (`kill -9`), to see that nothing is lost; return its process id."""
        pid = self.pids.get(name)
        if pid is None:
            raise ImglabError(
                tr(
                    "There is no worker {name!r}; there are {names}.",
                    name=name,
                    names=", ".join(self.pids),
                )
            )
        os.kill(pid, signal.SIGKILL)
        return pid

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the queue has nothing unfinished; False after `timeout` seconds.

        ImglabError, with their last words, when all workers of this pool have given up.
        """
        timeout = as_timeout(timeout)
        until = math.inf
        if timeout is not None:
            until = time.monotonic() + timeout
        while not self.queue.join(max(0, min(LOOK_INTERVAL_S, until - time.monotonic()))):
            self.check()
            if time.monotonic() >= until:
                return False
        return True

    def check(self) -> None:
        """Raise ImglabError, with their last words, when all workers of this pool have given up."""
        self._crew.check()

    def stop(self, timeout: float | None = None) -> None:
        """Let every worker finish its task; kill what still runs after `timeout` seconds.

        Without a `timeout` they have a little more than their `grace`.
        """
        timeout = as_timeout(timeout)
        if timeout is None:
            timeout = self._crew.longest_leave
        self._crew.stop(timeout)

    def log(self, name: str, lines: int = 20) -> str:
        """The last lines of what a worker printed."""
        return last_lines(self._crew.log_file(name), lines)
