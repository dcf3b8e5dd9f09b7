"""Does the faults of a plan and looks whether all is well, while a thread adds the tasks."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress

from imglab.errors import QueueUnavailable, TaskError
from imglab.ops.chaos.mortal_redis import MortalRedis
from imglab.ops.chaos.plan import FAULTS, Fault, Plan
from imglab.queues import RedisTaskQueue
from imglab.workers import WorkerPool

#: Seconds the queue has to come to rest when the faults are over.
PATIENCE = 60.0
#: While a slow disk syncs, Redis holds its file back for up to two seconds and replies all the same
#: (appendfsync everysec). A producer that must not lose them adds such tasks again.
UNSAFE = 3.0
#: Tasks that are added in a row.
BATCH = 20

Progress = Callable[[str, int], None]


class Tormentor:
    """Does the faults and looks whether all is well, while a thread of its own adds the tasks."""

    def __init__(
        self,
        plan: Plan,
        server: MortalRedis,
        queue: RedisTaskQueue,
        pool: WorkerPool,
        report: Progress,
    ) -> None:
        self.plan, self.server, self.queue, self.pool = plan, server, queue, pool
        self.report, self.latest = report, "ready"
        self.faults = Counter(dict.fromkeys(FAULTS, 0))
        self.checks = 0
        #: The tasks that Redis said it had stored, and when it did.
        self.added: dict[str, float] = {}
        #: How many of them it did not know any more after it was killed.
        self.forgotten = 0
        #: What was found to be wrong, each once, in order.
        self.findings: dict[str, None] = {}
        self._stopped: dict[int, float] = {}  # process id → when it shall go on
        self._over = threading.Event()
        self._producer = threading.Thread(target=self._produce, name="producer", daemon=True)

    def __enter__(self) -> Tormentor:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._continue(float("inf"))
        if self._producer.is_alive():
            self._producer.join()

    def find(self, sentences: Iterable[str]) -> None:
        """Note what is wrong, each sentence once."""
        self.findings.update(dict.fromkeys(sentences))

    def torment(self, seconds: float) -> None:
        """Do every fault at its time, while tasks are added and done."""
        self._pause = 0.8 * seconds / len(self.plan.tasks)
        self._producer.start()
        began = time.monotonic()
        for fault in self.plan.faults:
            self._look_until(began + fault.at)
            self._do(fault)
        self._look_until(began + seconds)

    def come_to_rest(self) -> None:
        """Wait until every task is finished and no worker is missing."""
        self._continue(float("inf"))
        self.latest, limit = "faults are over", time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            self._look_until(time.monotonic() + 0.2)
            left = self.queue.get_stats().unfinished + len(self.plan.tasks) - len(self.added)
            missing = self.pool.size - len(self.pool.pids)
            if not left and not missing:
                return
        self.find([f"At the end {left} tasks are not finished, {missing} workers are missing."])

    def _do(self, fault: Fault) -> None:
        self.latest = fault.what
        if fault.what == "Redis killed":
            recent = time.monotonic() - UNSAFE
            self.server.kill()
            time.sleep(fault.lasts)
            self.server.start()
            self.forgotten += sum(
                self._add(each) for each, at in list(self.added.items()) if at > recent
            )
        elif fault.what == "connections cut":
            self.server.cut()
        elif awake := sorted(set(self.pool.pids.values()) - set(self._stopped)):
            pid = awake[fault.worker % len(awake)]
            with suppress(ProcessLookupError):  # it died in this moment
                os.kill(pid, getattr(signal, fault.what))
            if fault.what == "SIGSTOP":
                self._stopped[pid] = time.monotonic() + fault.lasts
        else:
            return  # nobody is left to hit
        self.faults[fault.what] += 1

    def _continue(self, now: float) -> None:
        for pid in [pid for pid, until in self._stopped.items() if until <= now]:
            del self._stopped[pid]
            if pid in self.pool.pids.values():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def _look_until(self, then: float) -> None:
        """Check the queue again and again; let the stopped workers go on in time."""
        while True:
            self._continue(time.monotonic())
            with suppress(QueueUnavailable):  # our own connection was cut, too
                self.find(self.queue.check())
                self.checks += 1
                stats = self.queue.get_stats()
                self.report(self.latest, stats.completed + stats.failed)
            left = then - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, 0.2))

    def _produce(self) -> None:
        for number, task_id in enumerate(self.plan.tasks, 1):
            self._add(task_id)
            if self._over.is_set():
                return
            self.added[task_id] = time.monotonic()
            if number % BATCH == 0:
                self._over.wait(BATCH * self._pause)

    def _add(self, task_id: str) -> bool:
        """Add a task, again and again while no reply comes; False if it was there already."""
        while not self._over.is_set():
            try:
                self.queue.add_task(self.plan.payload(task_id), task_id=task_id)
            except QueueUnavailable:
                self._over.wait(0.05)
            except TaskError:
                return False
            else:
                return True
        return False
