"""The sound producer, which adds the planned tasks, and whoever waits until all are done."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Collection

from imglab.errors import QueueError, TaskExists
from imglab.queues import RedisTaskQueue
from imglab.queues.vocabulary import FINISHED, PRIORITIES
from torture.plan import RATE, Plan

#: Tasks that are added in a row.
BATCH = 20
#: So many unfinished tasks are enough: faults shall hit tasks from the first to the last.
ENOUGH = 300
#: Seconds between two tries where Redis does not take a task, or has enough of them.
RETRY = 0.05
#: Seconds that one `join` may wait, and between two of them.
JOIN_TIMEOUT = 5.0
JOIN_PAUSE = 1.0


class Producer:
    """Adds every task of a plan, each until Redis said that it has it."""

    def __init__(self, queue: RedisTaskQueue, witness: RedisTaskQueue, plan: Plan) -> None:
        self._queue = queue
        #: The same queue, on a connection that nobody cuts.
        self._witness = witness
        self._plan = plan
        #: The tasks that Redis said it had stored, in their order, and when it did.
        self.added: dict[str, float] = {}
        #: What Redis, or the queue, said last when it did not take a task.
        self.last_refusal = ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._produce, name="producer", daemon=True)

    def start(self) -> None:
        """Begin to add."""
        self._thread.start()

    def stop(self) -> None:
        """Add no more."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def share(self) -> float:
        """The share of the tasks that are added, from 0 to 1."""
        return len(self.added) / len(self._plan.tasks)

    @property
    def is_done(self) -> bool:
        """Whether all tasks are added."""
        return len(self.added) == len(self._plan.tasks)

    def _produce(self) -> None:
        for number, task_id in enumerate(self._plan.tasks, 1):
            self._add(task_id)
            if self._over.is_set():
                return
            self.added[task_id] = time.monotonic()
            if number % BATCH == 0:
                self._over.wait(BATCH / RATE)
                self._wait_while_there_is_enough()

    def _wait_while_there_is_enough(self) -> None:
        while not self._over.is_set():
            try:
                if self._witness.get_stats().unfinished < ENOUGH:
                    return
            except QueueError as error:
                self.last_refusal = str(error)
            self._over.wait(RETRY)

    def _add(self, task_id: str) -> None:
        payload = self._plan.payload(task_id)
        tries = self._plan.tries(task_id)
        priority = PRIORITIES[len(self.added) % len(PRIORITIES)]
        while not self._over.is_set():
            try:
                self._queue.add_task(payload, priority, task_id=task_id, max_attempts=tries)
            except TaskExists:
                return  # an earlier try, whose reply was lost
            except QueueError as error:  # away, full, not now
                self.last_refusal = str(error)
                self._over.wait(RETRY)
            else:
                return


class Joiner:
    """Calls `join` again and again, and looks whether it was right each time it said True."""

    def __init__(self, queue: RedisTaskQueue, witness: RedisTaskQueue, producer: Producer) -> None:
        self._queue = queue
        self._witness = witness
        self._producer = producer
        #: How many times it said True, and which tasks had not ended then.
        self.times = 0
        self._unfinished: set[str] = set()
        self._is_stuck = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._join_again, name="joiner", daemon=True)

    def start(self) -> None:
        """Begin to join."""
        self._thread.start()

    def stop(self) -> None:
        """Join no more."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def at_the_end(self, patience: float) -> None:
        """Join, after the last task was added, until it says True or nothing ends any more."""
        ended = -1
        while not self._join_once(patience):
            now_ended = len(self._all_ended())
            if now_ended == ended:
                self._is_stuck = True
                return
            ended = now_ended

    def wrong(self, spoiled: Collection[str]) -> list[str]:
        """When `join` was wrong, but for tasks that the hostile producer spoiled."""
        found = [
            f"join() said True, but {each} had not ended."
            for each in sorted(self._unfinished.difference(spoiled))
        ]
        if self._is_stuck:
            found.append("join() went on waiting, though nothing ended any more.")
        return found

    def _join_again(self) -> None:
        while not self._over.is_set():
            self._join_once(JOIN_TIMEOUT)
            self._over.wait(JOIN_PAUSE)

    def _join_once(self, timeout: float) -> bool:
        # Whatever was added before must have ended, each at some moment, when it says True.
        before = list(self._producer.added)
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            try:
                said_all = self._queue.join(until - time.monotonic())
            except QueueError:  # cut, or "not now"
                self._over.wait(RETRY)
                continue
            if said_all:
                self.times += 1
                self._unfinished |= set(before) - self._all_ended()
            return said_all
        return False

    def _all_ended(self) -> set[str]:
        """The tasks that are over at this moment, however they ended."""
        keep = self._witness.settings.keep
        while True:
            try:
                lists = [self._witness.tasks(status, keep) for status in FINISHED]
                return set(itertools.chain.from_iterable(lists))
            except QueueError:
                time.sleep(RETRY)
