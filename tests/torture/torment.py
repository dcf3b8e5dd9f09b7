"""Lets a plan happen: every fault and every hostile act when its share of the tasks is added.

By shares and not by a clock: so as much happens on a slow machine as on a fast one.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import redis

from imglab.ops.chaos.plan import Fault
from torture.intruder import Intruder
from torture.moods import Moods
from torture.plan import FAULTS, Plan
from torture.producer import Joiner, Producer
from torture.staff import Staff

#: Seconds between two looks at what has to end.
LOOK_EVERY = 0.05
#: Hostile acts for each planned task.
ACTS_PER_TASK = 0.2
#: Seconds in which something has to go forward: another task that is added, or ends.
PATIENCE = 60.0


class Torment:
    """All who are against a queue, and how far they are."""

    def __init__(
        self, plan: Plan, producer: Producer, moods: Moods, staff: Staff, intruder: Intruder
    ) -> None:
        self._plan = plan
        self._producer = producer
        self._moods = moods
        self._staff = staff
        self._intruder = intruder
        #: What was done, and how many times.
        self.faults = Counter(dict.fromkeys(FAULTS, 0))
        self.findings: list[str] = []
        self._over = threading.Event()
        self._intruding = threading.Thread(target=self._intrude, name="intruder", daemon=True)

    def rain(self) -> None:
        """Do every fault at its time, and hostile acts all the time, until all tasks are added."""
        self._intruding.start()
        for fault in self._plan.faults:
            share = fault.at / self._plan.seconds
            if not self._look_while(lambda share=share: self._producer.share < share):
                break
            self._do(fault)
        self._look_while(lambda: not self._producer.is_done)
        self._over.set()
        self._intruding.join()

    def come_to_rest(self, joiner: Joiner, what_is_left: Callable[[], str]) -> None:
        """Wait until `join` said that all is done, and until nothing else is left to happen."""
        joining = threading.Thread(target=joiner.at_the_end, args=(PATIENCE,), daemon=True)
        joining.start()
        while joining.is_alive():
            self._look()
        joining.join()
        limit = time.monotonic() + PATIENCE
        while (left := what_is_left()) and time.monotonic() < limit:
            self._look()
        if left:
            self.findings.append(left)

    def end(self) -> None:
        """Let everything that has an end have it now."""
        self._over.set()
        self._end_what_is_due(float("inf"))

    def _do(self, fault: Fault) -> None:
        if fault.what.startswith("SIG"):
            was_done = self._staff.send(fault)
        else:
            was_done = False
            with suppress(redis.RedisError):  # it may be in another mood
                self._moods.change(fault.what, fault.lasts)
                was_done = True
        self.faults[fault.what] += was_done

    def _intrude(self) -> None:
        acts = 0
        while not self._over.wait(LOOK_EVERY / 5):
            if acts < ACTS_PER_TASK * len(self._producer.added):
                self._intruder.act()
                acts += 1

    def _look_while(self, condition: Callable[[], bool]) -> bool:
        """Look while a condition holds; False when meanwhile no task could be added any more."""
        added = -1
        since = 0.0
        while condition():
            self._look()
            if len(self._producer.added) != added:
                added = len(self._producer.added)
                since = time.monotonic()
            if time.monotonic() - since > PATIENCE:
                self.findings.append(
                    f"Only {added} tasks could be added: {self._producer.last_refusal}"
                )
                return False
        return True

    def _look(self) -> None:
        self._end_what_is_due(time.monotonic())
        time.sleep(LOOK_EVERY)

    def _end_what_is_due(self, now: float) -> None:
        self._staff.look(now)
        with suppress(redis.RedisError):  # busy: the next look tries again
            self._moods.look(now)
