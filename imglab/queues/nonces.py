"""The nonces of claims: each claim has one of its own, whoever makes it, also after a fork."""

from __future__ import annotations

import hashlib
import itertools
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

from imglab.queues.this_process import ThisProcess


@dataclass
class Nonces:
    """The nonces of this process' claims: one for each call in flight, and never one twice.

    A call whose reply was lost leaves its nonce here. The same worker's next call takes it up, so
    that the script can give it what it claimed before.
    """

    host: str
    process: int = 0
    #: What all of them begin with: which process, and which of its queues.
    mark: str = ""
    numbers: Iterator[int] = field(default_factory=itertools.count)
    lost: dict[str, list[str]] = field(default_factory=dict)

    def take(self, worker: str) -> tuple[str, bool]:
        """A nonce for one call, and whether it was sent before."""
        if self.process != ThisProcess.pid:
            # After a fork, what was lost is the parent's to ask for again.
            self.process = ThisProcess.pid
            self.mark = process_mark(self.host, self.process) + secrets.token_hex(6)
            self.lost = {}
        try:
            return self.lost[worker].pop(), True
        except (KeyError, IndexError):
            return f"{self.mark}{next(self.numbers):x}", False

    def give_back(self, worker: str, nonce: str) -> None:
        """Keep the nonce of a call whose reply did not come."""
        self.lost.setdefault(worker, []).append(nonce)


def process_mark(host: str, pid: int) -> str:
    """What the nonces of a process begin with; lua/reap.lua tells the same of a dead one."""
    return hashlib.sha1(f"{host}:{pid}".encode()).hexdigest()[:8]
