"""A queue on several hosts, set up by what the README says: what is typed on which host."""

from __future__ import annotations

import shlex
from pathlib import Path

from helpers.clock import until

from hosts.host import Host
from hosts.lab import REDIS, Lab
from imglab.errors import LeaseLost
from imglab.queues import RedisTaskQueue
from imglab.workers.worker import FOUND_LOST

#: Seconds that a worker may take until it is ready.
START_TIMEOUT_S = 60
#: What a worker says when it asks for work.
READY = ": ready, "
#: What begins the traceback of a mistake of ours.
TRACEBACK = "Traceback (most recent call last)"


class Hand:
    """One worker: the lines that were typed, on which host, and what it said since."""

    def __init__(self, host: Host, lines: str, log: Path) -> None:
        self.host = host
        self._log = log
        with log.open("wb") as file:
            self.process = host.start(lines, file)

    @property
    def said(self) -> str:
        """All that its terminal shows."""
        return self._log.read_text()

    @property
    def name(self) -> str:
        """What the queue knows it by, once it is ready."""
        until(lambda: READY in self.said, START_TIMEOUT_S)
        before, _, _ = self.said.partition(READY)
        return before.splitlines()[-1]

    @property
    def refused(self) -> int:
        """How many of its reports nobody wanted any more, as it was told."""
        return self.said.count(LeaseLost.WORDS) + self.said.count(FOUND_LOST)

    @property
    def has_traceback(self) -> bool:
        """Whether it showed people what is for programmers."""
        return TRACEBACK in self.said


class Site:
    """Redis on its host, opened to the others, and a worker on each of them.

    This program is on Redis' host: enter `lab.redis.network()` before.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.hands: list[Hand] = []
        said = self.typed(f"imglab server start --host {REDIS}")
        #: What is to be typed on the other hosts, as it was printed.
        _, _, self.lines = said.partition("\n\n")
        password = (lab.home / "redis" / "password").read_text().strip()
        self.queue = RedisTaskQueue(url=f"redis://default:{password}@127.0.0.1:6379")

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        self.queue.close()

    def typed(self, line: str) -> str:
        """What a line prints at Redis' host; it has to end well."""
        done = self.lab.redis.type(line)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def set(self, options: str) -> None:
        """Change the settings of the queue, for everybody."""
        self.typed(f"imglab settings {options}")

    def hire(self, *options: str, photographs: bool = True) -> Hand:
        """Build a host, and type there what a newcomer types, with these options at its end."""
        host = self.lab.add_host(photographs=photographs)
        lines = f"{self.lines.strip()} {shlex.join(options)}"
        hand = Hand(host, lines, self.lab.folder / f"{host.name}.log")
        self.hands.append(hand)
        return hand
