"""Frozen workers: made to stand still, let go again, and what became of the tasks they held."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from imglab.errors import LeaseLost, QueueUnavailable
from imglab.queues import RedisTaskQueue
from imglab.queues.inspect import UNKNOWN, Claim
from imglab.queues.vocabulary import Event
from imglab.workers.worker import FOUND_LOST

#: Seconds after which a frozen worker goes on by itself, if its pool has not replaced it before.
THAW = 30.0
#: Seconds for which a thawed worker is watched, to see its report refused.
WATCH = 3.0
#: Seconds between two looks at what it wrote.
LOOK_EVERY = 0.05
#: What lets it go on, in a process of its own: when it is told to; when whoever froze it is gone,
#: for that closes the pipe; or when its time is over. What stands still cannot watch its parent.
GUARD = """
import os, select, signal, sys
select.select([sys.stdin], [], [], float(sys.argv[2]))
os.kill(int(sys.argv[1]), signal.SIGCONT)
"""
#: What a worker writes into its log when Redis refused its claim: as it reported the task, or as
#: its heartbeat asked for more time. See `Worker`. The word "task" is another in each language.
REFUSALS = (f" {{task}} {LeaseLost.WORDS}", f" {{task}} {FOUND_LOST}")


@dataclass(frozen=True)
class Thawed:
    """What a thawed worker found when it went on."""

    #: The tasks it held when it was frozen, and whose claim still counts.
    kept: tuple[str, ...] = ()
    #: Those whose claim counts no more.
    lost: tuple[str, ...] = ()
    #: Those of the lost that Redis has refused by now, as the worker itself noted.
    refused: tuple[str, ...] = ()
    #: Who claimed the lost ones last.
    now_with: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Frozen:
    """A process that stands still."""

    guard: subprocess.Popen[bytes]
    #: What it held.
    claims: tuple[Claim, ...]

    @property
    def stands_still(self) -> bool:
        return self.guard.poll() is None


class Freezer:
    """Processes of workers that stand still, by their ids."""

    def __init__(self, queue: RedisTaskQueue, seconds: float = THAW) -> None:
        self.queue = queue
        #: After so many seconds a process goes on by itself.
        self.seconds = seconds
        self._frozen: dict[int, _Frozen] = {}

    def freeze(self, worker: str, pid: int) -> None:
        """Let a process stand still until it is thawed, or until the time is over."""
        guard = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", GUARD, str(pid), str(self.seconds)],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # by then, the worker may be gone
            start_new_session=True,  # the notebook's interrupt is not for it
        )
        self._frozen[pid] = _Frozen(guard, ())
        os.kill(pid, signal.SIGSTOP)
        # Only now, for a worker that runs may claim another task.
        with suppress(QueueUnavailable):  # then nobody knows what it holds
            claims = [claim for claim in self.queue.claims() if claim.worker == worker]
            self._frozen[pid] = _Frozen(guard, tuple(claims))

    def let_go(self, pid: int) -> bool:
        """Let a process go on; whether it stood still."""
        frozen = self._frozen.pop(pid, None)
        if frozen is None:
            return False
        was_frozen = frozen.stands_still
        frozen.guard.communicate()  # closes the pipe, and waits for its end
        return was_frozen

    def let_all_go(self) -> None:
        """Let every process go on."""
        for pid in list(self._frozen):
            self.let_go(pid)

    def thaw(self, pid: int, log: Callable[[], str]) -> Thawed | None:
        """Let a process go on, and watch what becomes of its tasks; None if it was not frozen.

        `log` gives the latest lines that the worker wrote.
        """
        frozen = self._frozen.get(pid)
        if frozen is None or not frozen.stands_still:
            self.let_go(pid)
            return None
        tokens = self._tokens()
        kept = [each.task for each in frozen.claims if tokens.get(each.task) == each.token]
        lost = [each.task for each in frozen.claims if each.task not in kept]
        before = _refusals(log(), lost)
        self.let_go(pid)
        refused = self._watch(lost, before, log)
        now_with = [self._last_to_claim(task) for task in lost]
        return Thawed(tuple(kept), tuple(lost), tuple(refused), tuple(now_with))

    def _tokens(self) -> dict[str, str]:
        return {claim.task: claim.token for claim in self.queue.claims()}

    def _watch(self, lost: list[str], before: Counter[str], log: Callable[[], str]) -> list[str]:
        """Those of the tasks that were refused within WATCH seconds."""
        limit = time.monotonic() + WATCH
        while True:
            now = _refusals(log(), lost)
            refused = [task for task in lost if now[task] > before[task]]
            if len(refused) == len(lost) or time.monotonic() > limit:
                return refused
            time.sleep(LOOK_EVERY)

    def _last_to_claim(self, task: str) -> str:
        worker = UNKNOWN
        for event in self.queue.trace(task):
            if event["event"] == Event.CLAIMED:
                worker = event.get("worker", UNKNOWN)
        return worker


def _refusals(log: str, tasks: list[str]) -> Counter[str]:
    """How often a log says of each task that it was refused."""
    found = Counter[str]()
    for task in tasks:
        for words in REFUSALS:
            found[task] += log.count(words.format(task=task))
    return found
