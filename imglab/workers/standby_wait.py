"""Waits beside a worker until its heartbeat has no turn, and renews in its place.

It is run as a program, by its file's name, and imports nothing of imglab: it has 9 MB instead of
30, and is there in no time. Its stdin is a pipe on which the worker breathes; the end of it is the
end of the worker. It is given a connection to Redis, and what to send. When the connection is lost
it becomes what standby.py calls `main`, which can make another one.
"""

from __future__ import annotations

import math
import os
import select
import signal
import sys
import time

#: The pipe.
BREATH = 0
#: More than the worker writes, or Redis answers, while this process has no turn, in bytes.
MANY = 4096
#: How long Redis may take to answer, in seconds.
REPLY_TIMEOUT_S = 4.0
#: The variables with what is sent to Redis; the second where it does not know the script.
SHORT = "IMGLAB_RENEWAL"
LONG = "IMGLAB_RENEWAL_SCRIPT"
#: What Redis answers when somebody asked to cancel the task; see lua/renew_all.lua.
CANCEL_ASKED = b":2"


class StandIn:
    """Renews all that one worker holds for as long as its heartbeat does not."""

    def __init__(self, worker: int, patience: float, limit: float, grace: float) -> None:
        self.worker = worker
        #: Seconds without a breath that are too long: half a lease.
        self.patience = patience
        #: Seconds without a breath after which the worker is given up: what a task may take.
        self.limit = limit
        #: Seconds that a task which somebody cancelled may go on.
        self.grace = grace

    def renew(self) -> bool:
        """Renew once; True when the task was cancelled. OSError when it cannot be done."""
        raise NotImplementedError

    def is_frozen(self) -> bool:
        """Whether the worker was stopped, as by SIGSTOP; False where there is no /proc."""
        try:
            with open(f"/proc/{self.worker}/stat", "rb") as file:  # noqa: PTH123 - pathlib is large
                words = file.read().rpartition(b")")[2].split()
        except OSError:
            return False
        return words[0] in (b"T", b"t")

    def breath(self, seconds: float) -> bool | None:
        """Whether the worker breathes within so many seconds; None when it is gone."""
        breathes, _, _ = select.select([BREATH], [], [], seconds)
        if os.getppid() != self.worker:  # a child of the worker's may hold the pipe open
            return None
        if not breathes:
            return False
        if not os.read(BREATH, MANY):
            return None
        return True

    def run(self, heard: float) -> None:
        """Stand in whenever it is silent, until the worker is gone.

        `heard` is when it breathed last; seconds of time.monotonic(). OSError as for `renew`.
        """
        wanted_until = math.inf
        while True:
            now = time.monotonic()
            is_silent = self.patience <= now - heard <= self.limit and now <= wanted_until
            if is_silent and not self.is_frozen() and self.renew():
                wanted_until = min(wanted_until, now + self.grace)
            breathes = self.breath(self.patience / 2)
            if breathes is None:
                return
            if breathes:
                heard = time.monotonic()
                wanted_until = math.inf


class _Quick(StandIn):
    """Renews through the connection that it was given."""

    connection = -1

    def renew(self) -> bool:
        """Send what the worker had prepared.

        OSError for a refusal, too: this may be no primary any more, or has no such slot.
        """
        answer = self._ask(os.environb[SHORT.encode()])
        if answer.startswith(b"-NOSCRIPT"):
            answer = self._ask(os.environb[LONG.encode()])
        if answer.startswith(b"-"):
            raise OSError("it was refused")
        return answer.startswith(CANCEL_ASKED)

    def _ask(self, command: bytes) -> bytes:
        if self.connection < 0:
            raise OSError("there is no connection")
        while command:
            command = command[os.write(self.connection, command) :]
        answer = b""
        while not answer.endswith(b"\r\n"):
            answers, _, _ = select.select([self.connection], [], [], REPLY_TIMEOUT_S)
            if not answers:
                raise OSError("no answer")
            more = os.read(self.connection, MANY)
            if not more:
                raise OSError("the connection was closed")
            answer += more
        return answer


def main() -> None:
    """Stand by until the worker is gone."""
    connection = int(sys.argv[1])
    worker = int(sys.argv[2])
    patience, limit, grace = map(float, sys.argv[3:])
    # They are for the worker; this process leaves with it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    quick = _Quick(worker, patience, limit, grace)
    quick.connection = connection
    try:
        quick.run(time.monotonic())
    except OSError:
        # Not with -m: Python would warn, in a terminal, that the package has loaded it before.
        program = "from imglab.workers.standby import main; main()"
        os.execv(sys.executable, [sys.executable, "-c", program, *sys.argv[2:]])


if __name__ == "__main__":
    main()
