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
from imglab.language import tr
from imglab.ops.chaos.mortal_redis import MortalRedis
from imglab.ops.chaos.plan import FAULTS, Fault, Plan
from imglab.ops.chaos.words import FAULTS_IN_WORDS
from imglab.queues import RedisTaskQueue
from imglab.workers import WorkerPool

#: Seconds the queue has to come to rest when the faults are over.
PATIENCE = 60.0
#: While a slow disk syncs, Redis holds its file back for up to two seconds and replies all the same
#: (appendfsync everysec). A producer that must not lose them adds such tasks again.
UNSAFE = 3.0
#: Tasks that are added in a row.
BATCH = 20
#: Seconds between two looks at the queue.
LOOK_EVERY = 0.2

#: Is told what happened last, and how many tasks are finished.
Progress = Callable[[str, int], None]


class Tormentor:
    """Does the faults and looks whether all is well, while a thread of its own adds the tasks."""

    def __init__(
        self,
        plan: Plan,
        server: MortalRedis,
        queue: RedisTaskQueue,
        pool: WorkerPool,
        report: Progress | None = None,
    ) -> None:
        self.plan = plan
        self.server = server
        self.queue = queue
        self.pool = pool
        self.report = report
        #: What happened last, for whoever watches.
        self.latest = tr("ready")
        self.faults = Counter(dict.fromkeys(FAULTS, 0))
        self.checks = 0
        #: The tasks that Redis said it had stored, and when it did.
        self.added: dict[str, float] = {}
        #: How many of them it did not know any more after it was killed.
        self.forgotten = 0
        #: What was found to be wrong, each once, in order.
        self.findings: dict[str, None] = {}
        #: Process id of each stopped worker → when it shall go on.
        self._stopped: dict[int, float] = {}
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
        # The last task comes when a fifth of the time is left.
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
        self.latest = tr("faults are over")
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            self._look_until(time.monotonic() + LOOK_EVERY)
            left = self.queue.get_stats().unfinished + len(self.plan.tasks) - len(self.added)
            missing = self.pool.size - len(self.pool.pids)
            if not left and not missing:
                return
        words = tr(
            "At the end {left} tasks are not finished, {missing} workers are missing.",
            left=left,
            missing=missing,
        )
        self.find([words])

    def _do(self, fault: Fault) -> None:
        self.latest = FAULTS_IN_WORDS.get(fault.what, fault.what)
        if fault.what == "Redis killed":
            self._kill_redis(fault.lasts)
        elif fault.what == "connections cut":
            self.server.cut()
        elif not self._signal_a_worker(fault):
            return
        self.faults[fault.what] += 1

    def _kill_redis(self, seconds: float) -> None:
        """Kill Redis, start it again after so long, and add what it may not have written again."""
        recent = time.monotonic() - UNSAFE
        self.server.kill()
        time.sleep(seconds)
        self.server.start()
        for task_id, at in list(self.added.items()):
            if at > recent and self._add(task_id):
                self.forgotten += 1

    def _signal_a_worker(self, fault: Fault) -> bool:
        """Send the fault's signal to a worker; False when nobody is left to hit."""
        awake = sorted(set(self.pool.pids.values()) - set(self._stopped))
        if not awake:
            return False
        pid = awake[fault.worker % len(awake)]
        with suppress(ProcessLookupError):  # it died in this moment
            os.kill(pid, signal.Signals[fault.what])
        if fault.what == "SIGSTOP":
            self._stopped[pid] = time.monotonic() + fault.lasts
        return True

    def _continue(self, now: float) -> None:
        for pid, until in list(self._stopped.items()):
            if until > now:
                continue
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
                if self.report:
                    self.report(self.latest, stats.completed + stats.failed)
            left = then - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, LOOK_EVERY))

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
