"""What stands by for the heartbeat of a worker in which a filter holds the GIL.

A filter of one's own may be in native code for minutes and let no other thread run meanwhile, not
even the heartbeat's. Beside each worker process that has had a task stands a small one
(standby_wait.py). When the heartbeat has not breathed for half a lease, it renews what the worker
holds. Where that needs a new connection, it becomes `main`, which does the same with all of imglab.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from imglab.errors import ImglabError
from imglab.queues import RedisTaskQueue
from imglab.workers import standby_wait
from imglab.workers.logs import LOG_VARIABLE, log_to_own_file
from imglab.workers.spec import WorkerSpec

logger = logging.getLogger(__name__)

#: The worker's spec, for the process that stands by.
VARIABLE = "IMGLAB_STANDBY"
#: After so many leases without a breath somebody has to stand in: that is more than a beat.
PATIENCE_LEASES = 0.5
#: How long the process may take to leave, in seconds.
EXIT_TIMEOUT_S = 1.0
#: What the worker writes into the pipe at each beat.
BREATH = b"."
#: In place of a connection.
NONE = -1


class Standby:
    """What a worker has of it: it starts the process with its first task, and breathes."""

    def __init__(self, spec: WorkerSpec, queue: RedisTaskQueue) -> None:
        self._spec = spec
        self._queue = queue
        self._process: subprocess.Popen[bytes] | None = None
        self._is_due = True
        #: The settings that the process goes by.
        self._settings = queue.settings

    def start(self) -> None:
        """Start the process, unless it was. Call it before a task that may hold the GIL.

        One that goes by settings which do not count any more is let go for another one.
        """
        if not self._is_due and self._settings == self._queue.settings:
            return
        self.end()
        self._is_due = False
        self._settings = self._queue.settings
        connection = None
        try:
            connection = self._queue.socket_to_hand_on()
            self._process = self._spawn(connection)
        except (OSError, ImglabError) as error:
            logger.warning("%s: nothing stands by for its heartbeat: %s", self._spec.name, error)
        finally:
            if connection is not None:
                os.close(connection)

    def _spawn(self, connection: int | None) -> subprocess.Popen[bytes]:
        short, long = self._queue.renewal(self._spec.name, os.getpid())
        given = {
            VARIABLE: self._spec.to_json(),
            standby_wait.SHORT: os.fsdecode(short),
            standby_wait.LONG: os.fsdecode(long),
        }
        settings = self._settings
        times = (PATIENCE_LEASES * settings.lease, settings.longest_try, self._spec.grace)
        numbers = [NONE if connection is None else connection, os.getpid(), *times]
        process = subprocess.Popen(
            # Without `site`, it is there in no time.
            [sys.executable, "-I", "-S", standby_wait.__file__, *map(str, numbers)],
            env={**os.environ, **given},
            stdin=subprocess.PIPE,
            bufsize=0,
            pass_fds=[] if connection is None else [connection],
        )
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
        return process

    def breathe(self) -> None:
        """Say that the heartbeat has its turn."""
        process = self._process
        if process is None or process.stdin is None:
            return
        try:
            process.stdin.write(BREATH)
        except BlockingIOError:
            return  # it is frozen, perhaps along with us
        except (OSError, ValueError):  # it was killed, or let go
            if process is self._process:
                self._is_due = True

    def end(self) -> None:
        """Let the process go, and wait for it: it is to leave before its worker does."""
        process = self._process
        if process is None or process.stdin is None:
            return
        self._process = None
        with suppress(OSError):
            process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(EXIT_TIMEOUT_S)


class _Thorough(standby_wait.StandIn):
    """Renews as everybody does; it connects again when it has to."""

    def __init__(self, spec: WorkerSpec, *numbers: float) -> None:
        worker, patience, limit, grace = numbers
        super().__init__(int(worker), patience, limit, grace)
        self._spec = spec
        self._queue: RedisTaskQueue | None = None

    def renew(self) -> bool:
        """Renew once; the next turn tries again when it cannot be done."""
        try:
            if self._queue is None:
                self._queue = RedisTaskQueue.from_spec(self._spec.queue)
            return self._queue.renew_all(self._spec.name, self.worker)
        except ImglabError as error:
            logger.warning("%s: nobody renews its claims now: %s", self._spec.name, error)
            return False

    def is_frozen(self) -> bool:
        """Whether the worker was stopped, on any system."""
        if Path("/proc/self/stat").exists():
            return super().is_frozen()
        command = ["ps", "-o", "state=", "-p", str(self.worker)]
        state = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        return state.startswith("T")


def main() -> None:
    """Stand by for the worker whose child this process is, until it is gone."""
    os.environ.pop(LOG_VARIABLE, None)  # the file is the worker's to keep short
    spec = WorkerSpec.from_json(os.environ[VARIABLE])
    log_to_own_file(spec.log_format, spec.name)
    stand_in = _Thorough(spec, *map(float, sys.argv[1:]))
    stand_in.run(time.monotonic() - stand_in.patience)  # for it is known to be silent
