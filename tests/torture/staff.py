"""The workers of a pool: who they are, the signals that they get, and how each of them ended."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

from imglab.ops.chaos.plan import Fault
from imglab.workers import WorkerPool

#: Seconds between two looks at who is there: no process begins and ends in so short a time.
LOOK_EVERY = 0.02
#: Who says that the pool replaces a worker.
POOL_LOGGER = logging.getLogger("imglab.workers")
#: Lines of a log that are shown of a process that ended.
LAST_LINES = 3


class _Replaced(logging.Handler):
    """Hears of the workers that the pool replaces, because they show no life for three leases.

    With so many cut connections, one of them may not reach Redis for so long.
    """

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if "shows no life" in record.msg and isinstance(record.args, tuple):
            self.names.append(str(record.args[0]))


class Staff:
    """Kills workers, freezes them for a while, tells them to leave; and remembers whom."""

    def __init__(self, pool: WorkerPool) -> None:
        self._pool = pool
        #: Process id of everybody who was ever there → the worker's name.
        self.started: dict[int, str] = {}
        #: Process id of everybody who is there no more → the last lines of the worker's log.
        self._ended: dict[int, str] = {}
        #: Process id → the signals it got.
        self._sent: dict[int, set[str]] = {}
        #: Process id of each frozen worker → when it shall go on.
        self._frozen: dict[int, float] = {}
        #: How many the pool replaced because they were silent, and no signal of ours was why.
        self.silent = 0
        self._replaced = _Replaced()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="staff", daemon=True)

    def __enter__(self) -> Staff:
        POOL_LOGGER.addHandler(self._replaced)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        POOL_LOGGER.removeHandler(self._replaced)

    def send(self, fault: Fault) -> bool:
        """Send the fault's signal to a worker; False when nobody is left to hit."""
        awake = sorted(set(self._pool.pids.values()) - set(self._frozen))
        if not awake:
            return False
        pid = awake[fault.worker % len(awake)]
        self._sent.setdefault(pid, set()).add(fault.what)
        with suppress(ProcessLookupError):  # it died in this moment
            os.kill(pid, signal.Signals[fault.what])
        if fault.what == "SIGSTOP":
            self._frozen[pid] = time.monotonic() + fault.lasts
        return True

    def look(self, now: float) -> None:
        """Let those go on whose time is over."""
        for pid, until in list(self._frozen.items()):
            if until > now:
                continue
            del self._frozen[pid]
            if pid in self._pool.pids.values():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def ended_by_themselves(self, marks: Path) -> list[str]:
        """The processes that ended, and neither we nor a deadly task had ended them."""
        found = []
        for pid, words in self._ended.items():
            has_a_mark = (marks / str(pid)).exists()
            if pid not in self._sent and not has_a_mark:
                found.append(f"{self.started[pid]} ({pid}) ended by itself: {words}")
        return found

    def _watch(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            here = {pid: name for name, pid in self._pool.pids.items()}
            for pid, name in self.started.items():
                if pid not in here and pid not in self._ended:
                    self._ended[pid] = self._pool.log(name, LAST_LINES)
                    self._count_if_replaced(pid, name)
            self.started.update(here)

    def _count_if_replaced(self, pid: int, name: str) -> None:
        if name not in self._replaced.names:
            return
        self._replaced.names.remove(name)
        if pid not in self._sent:
            self._sent[pid] = {"the pool's SIGKILL"}
            self.silent += 1
