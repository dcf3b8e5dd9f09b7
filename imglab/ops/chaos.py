"""Chaos: real worker processes and a real Redis, killed again and again, and a judge at the end.

The same seed draws the same tasks and the same faults; what a fault hits is up to the moment.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from imglab.errors import QueueUnavailable, TaskError
from imglab.imaging import open_image, save_image
from imglab.ops.trial import DOOMED, FAULTS, LEASE, MAX_CRASHES, Fault, Plan, Report, judge
from imglab.project import project_root
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.queues.connection import connect, speaking_to
from imglab.server import find_binary
from imglab.workers import WorkerPool

#: Seconds the queue has to come to rest when the faults are over.
PATIENCE = 60.0
#: While a slow disk syncs, Redis holds its file back for up to two seconds and replies all the same
#: (appendfsync everysec). A producer that must not lose them adds such tasks again.
UNSAFE = 3.0
#: What the workers import: filters that are slow, deadly, or fail at first.
TROUBLE = ("imglab.classroom.troublemakers",)
#: Tasks that are added in a row.
BATCH = 20

Progress = Callable[[str, int], None]


def run(
    folder: Path,
    seed: int = 1,
    *,
    tasks: int = 2000,
    workers: int = 8,
    seconds: float = 50.0,
    prefetch: int = 1,
    on_progress: Progress = lambda what, done: None,
) -> Report:
    """Let faults rain on a queue for some seconds, wait until it is at rest, and judge.

    Everything is made in `folder`, an empty one, which is the project for that long: a server, a
    pool, their logs. All processes are gone afterwards, whatever happens; the files stay.
    """
    plan, began = Plan.draw(seed, tasks, workers, seconds), time.monotonic()
    limits = QueueSettings(LEASE, max_crashes=MAX_CRASHES, backoff=0.1, backoff_cap=1, keep=tasks)
    settings = replace(limits, keep_events=100 * tasks)
    with (
        _project(folder),
        _Redis(folder / "redis") as server,
        RedisTaskQueue(url=server.url, settings=settings) as queue,
        WorkerPool(workers, (), queue, imports=TROUBLE, prefetch=prefetch) as pool,
        _Chaos(plan, server, queue, pool, on_progress) as chaos,
    ):
        chaos.torment(seconds)
        chaos.come_to_rest()
        stats, events, (_, standings) = queue.get_stats(), list(queue.events()), queue.standings()
        pictures = {path.stem for path in (folder / "output").glob("*.png")}
        pictureless = {each.id for each in standings if each.place == "completed"} - pictures
        chaos.find(f"Task {task_id} has no picture." for task_id in pictureless)
    kinds = {task_id: plan.tasks[task_id][0] for task_id in chaos.added}
    logs = "".join(path.read_text() for path in pool.logs.glob("*.log"))
    return Report(
        seed=seed,
        workers=workers,
        seconds=round(time.monotonic() - began, 1),
        faults=dict(chaos.faults),
        checks=chaos.checks,
        tasks=len(chaos.added),
        forgotten=chaos.forgotten,
        completed=stats.completed,
        failed=stats.failed,
        doomed=sum(kind in DOOMED for kind in kinds.values()),
        executions=sum(event["event"] == "claimed" for event in events),
        refused=logs.count("is no longer ours"),
        wrong=judge(kinds, standings, events, chaos.findings),
    )


@contextmanager
def _project(folder: Path) -> Iterator[None]:
    """Make a folder the project for a while, with one small photograph in it."""
    photo = open_image(project_root() / "images" / "sample.jpg").resize((90, 60))
    save_image(photo, folder / "images" / "photo.png")
    for name in ("output", "marks", "redis"):
        (folder / name).mkdir()
    before = os.environ.get("IMGLAB_ROOT")
    os.environ["IMGLAB_ROOT"] = str(folder)  # the workers inherit it
    try:
        yield
    finally:
        del os.environ["IMGLAB_ROOT"]
        if before is not None:
            os.environ["IMGLAB_ROOT"] = before


class _Redis:
    """A server of our own, killed and started again with the same port and the same file."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.binary = folder, find_binary()
        # Below the ports that clients get: who calls a dead server there may reach himself.
        self.port = random.SystemRandom().randrange(15_000, 30_000)
        self.url = f"redis://127.0.0.1:{self.port}"

    def __enter__(self) -> _Redis:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it and wait until it has read its file."""
        where = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder))
        keeping = ("--appendonly", "yes", "--appendfsync", "everysec", "--save", "")
        log, limit = self.folder / "log", time.monotonic() + 20
        with log.open("ab") as file:
            command = (self.binary, *where, *keeping)
            self.process = subprocess.Popen(command, stdout=file, start_new_session=True)
        answers = False
        try:
            while not answers and self.process.poll() is None and time.monotonic() < limit:
                time.sleep(0.02)
                answers = self._answers()
        finally:
            if not answers:
                self.kill()
        if not answers:
            end = log.read_text()[-500:]
            raise QueueUnavailable(f"{self.binary} did not start. The end of its log:\n{end}")

    def _answers(self) -> bool:
        """Whether it answers, this very process."""
        with suppress(QueueUnavailable), connect(url=self.url) as client, speaking_to(client):
            return bool(client.info("server")["process_id"] == self.process.pid)
        return False

    def kill(self) -> None:
        """`kill -9`: nothing is written any more."""
        self.process.kill()
        self.process.wait()

    def cut(self) -> None:
        """Break all connections but this one."""
        with connect(url=self.url) as client, speaking_to(client):
            client.client_kill_filter(_type="normal")


class _Chaos:
    """Does the faults and looks whether all is well, while a thread of its own adds the tasks."""

    def __init__(
        self, plan: Plan, server: _Redis, queue: RedisTaskQueue, pool: WorkerPool, report: Progress
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

    def __enter__(self) -> _Chaos:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._continue(float("inf"))
        if self._producer.is_alive():
            self._producer.join()

    def find(self, sentences: Iterable[str]) -> None:
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
