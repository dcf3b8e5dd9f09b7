"""A pool of worker processes: start, wait until ready, watch, replace, scale, stop."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from imglab.errors import ImglabError, QueueError
from imglab.project import private_folder, project_home
from imglab.queues import RedisTaskQueue
from imglab.workers.logs import LOG_VARIABLE, last_lines
from imglab.workers.process import VARIABLE, WorkerSpec

if TYPE_CHECKING:
    from imglab.imaging import BaseFilter, FilterPipeline

logger = logging.getLogger(__name__)

#: The time between two looks at the processes, in seconds.
LOOK_INTERVAL_S = 0.1
#: How many looks go by from one search for frozen processes, which asks Redis, to the next.
LOOKS_PER_SEARCH = 10
#: How long a worker may take until it asks for work, in seconds.
START_TIMEOUT_S = 30.0
#: The time between two questions whether all workers are ready, in seconds.
READY_INTERVAL_S = 0.01
#: A worker process that shows no life for so many leases is frozen, and is replaced.
SILENT_LEASES = 3
#: A worker that fails so many times before it is ready is not started again.
MAX_FALSE_STARTS = 3
#: How long a process may take to end when its `grace` is over, in seconds.
EXIT_TIMEOUT_S = 5.0


@dataclass
class _Member:
    """One worker process, and how often it died before it was ready."""

    process: subprocess.Popen[bytes]
    false_starts: int = 0
    #: The last sign of life that Redis knows of, in milliseconds of its clock.
    seen: int = 0
    #: When that was new here, in seconds of time.monotonic(): two clocks are never compared.
    seen_at: float = field(default_factory=time.monotonic)


class WorkerPool:
    """`size` worker processes on one queue; `with WorkerPool(3, pipeline, queue) as pool: …`.

    A worker that dies is replaced, and its task goes back to the queue at once. The processes
    outlive the notebook's interrupt, and leave within a second when this process is gone.
    A task has `grace` seconds to end when its worker is stopped or it is cancelled. For small
    tasks, `prefetch` says how many a worker claims and reports at a time. They read below the
    folders in `read` (images/ when there are none) and write below `write`. `imports` names modules
    with filters of one's own. What they print goes to `.imglab/logs/<name>.log`, at most a
    megabyte; what was before it is in `<name>.log.1`.
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
        grace: float = 10.0,
        prefetch: int = 1,
    ) -> None:
        from imglab.imaging import FilterPipeline  # noqa: PLC0415 - each worker imports this file

        if size < 1:
            raise ImglabError(f"A pool needs at least one worker, not {size!r}.")
        if queue is None:
            queue = RedisTaskQueue()
        self.queue = queue
        self.size = size
        self.prefix = prefix
        self.logs = project_home() / "logs"
        self._spec = WorkerSpec(
            name="",
            queue=self.queue.spec(),
            filters=FilterPipeline(pipeline).spec(),
            imports=tuple(imports),
            read=tuple(read),
            write=write,
            parent=os.getpid(),
            grace=grace,
            prefetch=prefetch,
        )
        self._members: dict[str, _Member] = {}
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._watch: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"WorkerPool({len(self.pids)} of {self.size} alive, {self.queue!r})"

    def __enter__(self) -> WorkerPool:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pids(self) -> dict[str, int]:
        """The processes that live now: worker's name → process id."""
        with self._lock:
            return {
                name: member.process.pid
                for name, member in self._members.items()
                if member.process.poll() is None
            }

    def start(self) -> WorkerPool:
        """Start the processes and wait until every one of them asks for work.

        ImglabError, with what it printed last, for a worker that does not get so far.
        """
        if self._watch is None:
            self._watch = threading.Thread(target=self._watch_over, name="pool", daemon=True)
            self._watch.start()
            self.scale(self.size)
        return self

    def scale(self, size: int) -> None:
        """Have `size` workers: start more and wait until they are ready, or let the newest go."""
        with self._lock:
            self.size = size
            newest = list(self._members)[size:]
            leaving = {name: self._members.pop(name) for name in newest}
            for number in range(1, size + 1):
                name = f"{self.prefix}-{number}"
                if name not in self._members:
                    self._members[name] = self._spawn(name)
        try:
            self._finish(leaving, self._spec.grace + EXIT_TIMEOUT_S)
            self._until_ready()
        except BaseException:
            self.stop()
            raise

    def kill(self, name: str) -> int:
        """Kill one worker (`kill -9`), to see that nothing is lost; return its process id."""
        pid = self.pids.get(name)
        if pid is None:
            raise ImglabError(f"There is no worker {name!r}; there are {', '.join(self.pids)}.")
        os.kill(pid, signal.SIGKILL)
        return pid

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the queue has nothing unfinished; False after `timeout` seconds."""
        return self.queue.join(timeout)

    def stop(self, timeout: float | None = None) -> None:
        """Let every worker finish its task; kill what still runs after `timeout` seconds.

        Without a `timeout` they have a little more than their `grace`.
        """
        if timeout is None:
            timeout = self._spec.grace + EXIT_TIMEOUT_S
        self._stopping.set()
        if self._watch:
            self._watch.join()
        with self._lock:
            members = self._members
            self._members = {}
        self._finish(members, timeout)
        self._watch = None
        self._stopping.clear()

    def log(self, name: str, lines: int = 20) -> str:
        """The last lines of what a worker printed."""
        return last_lines(self._log_file(name), lines)

    # Processes

    def _spawn(self, name: str, false_starts: int = 0) -> _Member:
        private_folder(self.logs)
        path = self._log_file(name)
        settings = {
            VARIABLE: replace(self._spec, name=name).to_json(),
            LOG_VARIABLE: str(path.resolve()),
        }
        with path.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "imglab.workers"],
                env={**os.environ, **settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # the notebook's interrupt is not for them
            )
        return _Member(process, false_starts)

    def _log_file(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def _until_ready(self) -> None:
        limit = time.monotonic() + START_TIMEOUT_S
        names = [f"{self.prefix}-{number}" for number in range(1, self.size + 1)]
        while waiting := [name for name in names if not self._is_ready(name)]:
            failed = [name for name in waiting if name not in self._members]  # see _replace
            if time.monotonic() > limit:
                failed += waiting
            if failed:
                name = failed[0]
                raise ImglabError(f"{name} did not start. Its last words:\n{self.log(name, 3)}")
            time.sleep(READY_INTERVAL_S)

    def _is_ready(self, name: str) -> bool:
        """Whether this very process has asked for work."""
        record = self.queue.workers().get(name)
        member = self._members.get(name)
        return bool(record and member and record["pid"] == member.process.pid)

    def _watch_over(self) -> None:
        for looks in itertools.count(1):
            if self._stopping.wait(LOOK_INTERVAL_S):
                return
            with self._lock:
                if looks % LOOKS_PER_SEARCH == 0:
                    self._kill_the_frozen()
                for name, member in list(self._members.items()):
                    if member.process.poll() is not None:
                        self._replace(name, member)

    def _kill_the_frozen(self) -> None:
        try:
            records = self.queue.workers()
        except QueueError:
            records = {}  # without Redis nobody can show life: the count begins anew
        for name, member in self._members.items():
            seen = records.get(name, {}).get("seen", 0)
            if seen != member.seen or not records:
                member.seen = seen
                member.seen_at = time.monotonic()
            silent_for = time.monotonic() - member.seen_at
            is_frozen = silent_for > SILENT_LEASES * self.queue.settings.lease
            if is_frozen and member.process.poll() is None:
                logger.warning("%s shows no life for %.0f s: killed", name, silent_for)
                member.process.kill()

    def _replace(self, name: str, member: _Member) -> None:
        try:
            # An exit code of its own, before it asked for work. Killed by a signal, it is negative.
            failed = member.process.returncode > 0 and not self._is_ready(name)
            false_starts = 0
            if failed:
                false_starts = member.false_starts + 1
            # Its process is gone, so the lease of what it held need not run out first.
            self.queue.reap(dead_worker=name)
        except QueueError as error:
            logger.debug("%s died, and Redis cannot be told: %s", name, error)
            return  # the next look tries again
        if false_starts < MAX_FALSE_STARTS:
            self._members[name] = self._spawn(name, false_starts)
        else:
            logger.error("%s failed %d times before it was ready; see its log", name, false_starts)
            del self._members[name]

    def _finish(self, members: dict[str, _Member], timeout: float) -> None:
        for member in members.values():
            member.process.terminate()
        limit = time.monotonic() + timeout
        for name, member in members.items():
            try:
                member.process.wait(max(0, limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                member.process.kill()
                member.process.wait()
                with contextlib.suppress(QueueError):  # then its task waits for its lease
                    self.queue.reap(dead_worker=name)
