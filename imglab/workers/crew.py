"""The processes of a pool, and the thread that watches over them.

A crew knows nothing of its pool: so the thread does not keep alive what nobody else holds.
"""

from __future__ import annotations

import itertools
import logging
import subprocess
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from imglab.errors import ImglabError, QueueError
from imglab.language import tr
from imglab.queues import RedisTaskQueue
from imglab.workers.launch import start_process
from imglab.workers.logs import last_lines
from imglab.workers.names import free_names
from imglab.workers.renewal import Cause, in_short
from imglab.workers.room import check_room
from imglab.workers.spec import WorkerSpec

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
#: How many of a log's last lines are told as a worker's last words.
LAST_WORDS = 3
#: How many renewals of workers are remembered.
MAX_RENEWALS = 100


@dataclass
class Member:
    """One worker process, and how often it died before it was ready."""

    process: subprocess.Popen[bytes]
    false_starts: int = 0
    #: Whether Redis was told that its process is gone.
    is_reported: bool = False
    #: Why it could not be started again when that was tried last.
    hindrance: str = ""
    #: The longest lease that counted in its time, in seconds: it may beat by that one still.
    lease: float = 0.0
    #: The last sign of life that Redis knows of, in milliseconds of its clock.
    seen: int = 0
    #: When that was new here, in seconds of time.monotonic(): two clocks are never compared.
    seen_at: float = field(default_factory=time.monotonic)


class Crew:
    """The worker processes of one pool."""

    def __init__(self, queue: RedisTaskQueue, spec: WorkerSpec, prefix: str, logs: Path) -> None:
        self.queue = queue
        self.spec = spec
        self.prefix = prefix
        self.logs = logs
        #: By name, in the order in which they were started.
        self.members: dict[str, Member] = {}
        #: Those that failed too often to be started again.
        self.given_up: list[str] = []
        #: Who left to be replaced, and why.
        self.renewals: deque[str] = deque(maxlen=MAX_RENEWALS)
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._watch: threading.Thread | None = None
        #: Whether nobody holds the pool any more. Not an Event: it is set while garbage is
        #: collected, in whichever thread that is, and must wait for no lock.
        self._is_abandoned = False

    def pids(self) -> dict[str, int]:
        """The processes that live now: worker's name → process id."""
        with self._lock:
            return {
                name: member.process.pid
                for name, member in self.members.items()
                if member.process.poll() is None
            }

    @property
    def is_watched(self) -> bool:
        """Whether the crew was started, and not stopped since."""
        return self._watch is not None

    def watch(self) -> None:
        """Replace from now on who dies."""
        self._watch = threading.Thread(target=self._watch_over, name="pool", daemon=True)
        self._watch.start()

    def abandon(self) -> None:
        """Let all of them leave soon, without waiting for it."""
        self._is_abandoned = True

    def check_room(self, size: int) -> None:
        """Warn when so many may not fit into the memory; ImglabError when they cannot."""
        check_room(size, self.spec.max_memory)

    def scale(self, size: int) -> None:
        """Be so many: start more and wait until they are ready, or let the newest go."""
        with self._lock:
            self.given_up.clear()
            newest = list(self.members)[size:]
            leaving = {name: self.members.pop(name) for name in newest}
            missing = size - len(self.members)
            for name in free_names(self.queue, self.prefix, missing, self.members):
                self.members[name] = self._spawn(name)
            names = list(self.members)
        self._finish(leaving, self.longest_leave)
        self._until_ready(names)

    def stop(self, timeout: float) -> None:
        """Let all of them finish their tasks; kill who still runs after `timeout` seconds."""
        self.end_watch()
        with self._lock:
            members = self.members
            self.members = {}
        self._finish(members, timeout)

    def end_watch(self) -> None:
        """Replace nobody from now on."""
        self._stopping.set()
        if self._watch:
            self._watch.join()
        self._watch = None
        self._stopping.clear()

    @property
    def longest_leave(self) -> float:
        """How long a worker may take to leave, in seconds."""
        return self.spec.grace + EXIT_TIMEOUT_S

    def log_file(self, name: str) -> Path:
        """What a worker printed, and all that had its name before."""
        return self.logs / f"{name}.log"

    def last_words(self, name: str) -> str:
        """The last lines of what a worker printed."""
        return last_lines(self.log_file(name), LAST_WORDS)

    def check(self) -> None:
        """Raise ImglabError, with their last words, when all have given up."""
        with self._lock:
            if self.members or not self.given_up:
                return
            words = [f"{name}: {self.last_words(name)}" for name in self.given_up]
        raise ImglabError(
            tr(
                "No worker of this pool is left: each one failed {count} times before it was "
                "ready. Their last words:\n{words}",
                count=MAX_FALSE_STARTS,
                words="\n".join(words),
            )
        )

    # Processes

    def _spawn(self, name: str, false_starts: int = 0) -> Member:
        process = start_process(replace(self.spec, name=name), self.log_file(name))
        return Member(process, false_starts)

    def _until_ready(self, names: list[str]) -> None:
        limit = time.monotonic() + START_TIMEOUT_S
        while waiting := [name for name in names if not self._is_ready(name)]:
            failed = [name for name in waiting if name not in self.members]  # see _replace
            if time.monotonic() > limit:
                failed += waiting
            if failed:
                name = failed[0]
                words = self.last_words(name)
                raise ImglabError(
                    tr("{name} did not start. Its last words:\n{words}", name=name, words=words)
                )
            time.sleep(READY_INTERVAL_S)

    def _is_ready(self, name: str) -> bool:
        """Whether this very process has asked for work."""
        record = self.queue.workers().get(name)
        member = self.members.get(name)
        return bool(record and member and record["pid"] == member.process.pid)

    def _watch_over(self) -> None:
        for looks in itertools.count(1):
            if self._stopping.wait(LOOK_INTERVAL_S):
                return
            if self._is_abandoned:
                self._finish(self.members, self.longest_leave)
                return
            with self._lock:
                if looks % LOOKS_PER_SEARCH == 0:
                    self._kill_the_frozen()
                for name, member in list(self.members.items()):
                    if member.process.poll() is not None:
                        self._replace(name, member)

    def _kill_the_frozen(self) -> None:
        try:
            records = self.queue.workers()
            self.queue.take_up_settings()  # a worker started since goes by those
        except QueueError:
            records = {}  # without Redis nobody can show life: the count begins anew
        for name, member in self.members.items():
            record = records.get(name, {})
            seen = record.get("seen", 0)
            if seen != member.seen or not records:
                member.seen = seen
                member.seen_at = time.monotonic()
            silent_for = time.monotonic() - member.seen_at
            member.lease = max(member.lease, self.queue.settings.lease)
            limit = SILENT_LEASES * member.lease
            has_begun = record.get("pid") == member.process.pid
            if not has_begun:
                limit = max(limit, START_TIMEOUT_S)
            is_frozen = silent_for > limit
            if is_frozen and member.process.poll() is None:
                logger.warning(tr("%s shows no life for %.0f s: killed"), name, silent_for)
                member.process.kill()

    def _replace(self, name: str, member: Member) -> None:
        if not member.is_reported:
            self._report(name, member)
        if not member.is_reported:
            return  # the next look tries again
        if member.false_starts < MAX_FALSE_STARTS:
            self._start_again(name, member)
        else:
            words = tr("%s failed %d times before it was ready; see its log")
            logger.error(words, name, member.false_starts)
            self.given_up.append(name)
            del self.members[name]

    def _report(self, name: str, member: Member) -> None:
        """Tell Redis that a process is gone, unless Redis is away."""
        try:
            # An exit code of its own, before it asked for work. Killed by a signal, it is negative.
            code = member.process.returncode
            was_renewed = code in list(Cause)
            failed = code > 0 and not was_renewed and not self._is_ready(name)
            # Its process is gone, so the lease of what it held need not run out first.
            self.queue.reap(dead_worker=name, pid=member.process.pid)
        except QueueError as error:
            logger.debug("%s died, and Redis cannot be told: %s", name, error)
            return
        member.is_reported = True
        if failed:
            member.false_starts += 1
        else:
            member.false_starts = 0
        if was_renewed:
            self._note_renewal(name, Cause(code))

    def _start_again(self, name: str, member: Member) -> None:
        """Start a process in place of one that is gone; where that fails, the next look tries."""
        try:
            self.members[name] = self._spawn(name, member.false_starts)
        except OSError as error:  # too many files, processes, or a full disk: it may pass
            if str(error) != member.hindrance:
                logger.error(tr("%s cannot be started again yet: %s"), name, error)  # noqa: TRY400
            member.hindrance = str(error)

    def _note_renewal(self, name: str, cause: Cause) -> None:
        reason = in_short(cause, self.spec.max_tasks, self.spec.max_memory)
        self.renewals.append(f"{name}: {reason}")
        logger.info("%s left and is replaced: %s", name, reason)

    def _finish(self, members: dict[str, Member], timeout: float) -> None:
        for member in members.values():
            member.process.terminate()
        limit = time.monotonic() + timeout
        for name, member in members.items():
            try:
                member.process.wait(max(0, limit - time.monotonic()))
            except subprocess.TimeoutExpired:
                member.process.kill()
                member.process.wait()
                with suppress(QueueError):  # then its task waits for its lease
                    self.queue.reap(dead_worker=name, pid=member.process.pid)
