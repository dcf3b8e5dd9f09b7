"""The desk on which the judge of lesson 08 tries an answer: keys, and who does what to them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from imglab.exercises.examiner import Examiner
from imglab.exercises.killing import MOST_COMMANDS, Interruption, Killed, interrupted
from imglab.queues.connection import connect

#: The lease that the judge asks for, in ms: nothing of it runs out during an examination.
LEASE_MS = 600_000
#: How far the judge turns this process' own clock, in seconds.
WRONG_BY_S = 7200.0
#: How long ago a deadline is that is over, and how far ahead one that is not, in ms: near enough to
#: find a reap that counts in other units, far enough for a slow machine.
OVER_FOR_MS = 2000
LEFT_MS = 60_000


@dataclass
class Desk:
    """One set of keys, an answer's three functions, and the judge's own view of them."""

    exam: Examiner
    answer: tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]
    #: The judge's own client.
    redis: Any = field(init=False)
    #: The tasks that there are.
    names: list[str] = field(default_factory=list)
    #: What somebody else got, who acted before a command of the answer.
    others: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.redis = connect(url=self.exam.url)

    @property
    def q(self) -> str:
        """What stands in front of every key."""
        return self.exam.namespace

    # What an answer does

    def claim(self, token: str, client: Any = None) -> Any:
        """Claim a task, as the answer does it."""
        return self.answer[0](client or self.redis, self.q, token, LEASE_MS)

    def ack(self, name: str, token: str, result: str, client: Any = None) -> Any:
        """Report a task, as the answer does it."""
        return self.answer[1](client or self.redis, self.q, name, token, result)

    def reap(self, client: Any = None) -> Any:
        """Give late tasks back, as the answer does it."""
        return self.answer[2](client or self.redis, self.q)

    def first_claims(self, client: Any) -> Any:
        """Claim a task as the first worker."""
        return self.claim("token-1", client)

    def first_reports(self, client: Any) -> Any:
        """Report task a as the first worker."""
        return self.ack("a", "token-1", "ok", client)

    # Where a story begins

    def two_in_line(self) -> None:
        """Have a and b in line."""
        self.begin("a", "b")

    def one_held(self) -> None:
        """Have a in the first worker's hands, and b in line."""
        self.two_in_line()
        self.claim("token-1")

    def one_late(self) -> None:
        """Have a in the first worker's hands, after its lease."""
        self.one_held()
        self.end_lease("a")

    def two_late(self) -> None:
        """Have both in workers' hands, after their leases."""
        self.one_held()
        self.claim("token-2")
        self.end_lease("a", "b")

    # What somebody else does meanwhile

    def other_claims(self) -> None:
        """Let a second worker claim."""
        self.others.append(self.claim("token-2"))

    def other_takes_over(self) -> None:
        """Let the lease of a run out, and a second worker claim it."""
        self.end_lease("a")
        self.reap()
        self.other_claims()

    def holder_reports(self) -> None:
        """Let the first worker report a after all."""
        self.others.append(self.ack("a", "token-1", "ok"))

    # What the judge does

    def begin(self, *names: str) -> None:
        """Have these tasks in line, the first to be taken first, and nothing else."""
        self.names = list(names)
        self.others.clear()
        for key in ("pending", "processing", "deadlines", "done"):
            self.redis.delete(self.q + key)
        self.redis.lpush(self.q + "pending", *names)

    def end_lease(self, *names: str) -> None:
        """Move deadlines into the past, where there are any."""
        self._move_deadline(-OVER_FOR_MS, *names)

    def shorten_lease(self, *names: str) -> None:
        """Move deadlines nearer, and leave a minute."""
        self._move_deadline(LEFT_MS, *names)

    def _move_deadline(self, distance: int, *names: str) -> None:
        moment = int(self.now()) + distance
        for name in names:
            self.redis.zadd(self.q + "deadlines", {name: moment}, xx=True)

    def places(self, name: str) -> list[str]:
        """The keys in which a task is."""
        found = ["pending"] * self.redis.lrange(self.q + "pending", 0, -1).count(name)
        if self.redis.hexists(self.q + "processing", name):
            found.append("processing")
        if self.redis.hexists(self.q + "done", name):
            found.append("done")
        return found

    def deadlines(self) -> dict[str, float]:
        """Every deadline there is."""
        return dict(self.redis.zrange(self.q + "deadlines", 0, -1, withscores=True))

    def holder(self, name: str) -> str | None:
        """The token in processing."""
        token: str | None = self.redis.hget(self.q + "processing", name)
        return token

    def result(self, name: str) -> str | None:
        """What done says."""
        text: str | None = self.redis.hget(self.q + "done", name)
        return text

    def now(self) -> float:
        """Redis' clock, in ms."""
        seconds, microseconds = self.redis.time()
        return float(seconds * 1000 + microseconds / 1000)

    def each_command(
        self, begin: Callable[[], None], operation: Callable[[Any], Any], act: Callable[[], None]
    ) -> Iterator[tuple[int, Any]]:
        """Do an operation again and again, each time with `act` before another of its commands.

        Gives the number of the command, and what the operation returned.
        """
        for number in range(1, MOST_COMMANDS + 1):
            begin()
            interruption = Interruption(number, act)
            with interrupted(self.exam.url, interruption) as client:
                client.ping()  # connected: from here on commands count
                interruption.start()
                returned = None
                try:
                    returned = operation(client)
                except Killed:
                    # Whatever the dead one leaves behind is closed here, and counts no more.
                    interruption.is_over = True
                    returned = Killed
                interruption.is_over = True
            if not interruption.was_reached:
                return
            yield number, returned


@contextmanager
def wrong_clock(functions: tuple[Callable[..., Any], ...]) -> Iterator[None]:
    """Put this process' own clock two hours ahead, also under the names an answer knows it by."""
    seconds = time.time
    nanoseconds = time.time_ns

    def wrong() -> float:
        return seconds() + WRONG_BY_S

    def wrong_ns() -> int:
        return nanoseconds() + int(WRONG_BY_S * 1e9)

    replaced: dict[Any, Any] = {seconds: wrong, nanoseconds: wrong_ns}
    spaces = [getattr(each, "__globals__", {}) for each in functions]
    changed = [(space, name, value) for space in spaces for name, value in _clocks_in(space)]
    time.time = wrong
    time.time_ns = wrong_ns
    for space, name, value in changed:
        space[name] = replaced[value]
    try:
        yield
    finally:
        time.time = seconds
        time.time_ns = nanoseconds
        for space, name, value in changed:
            space[name] = value


def _clocks_in(space: dict[str, Any]) -> list[tuple[str, Any]]:
    return [
        (name, value)
        for name, value in space.items()
        if value is time.time or value is time.time_ns
    ]
