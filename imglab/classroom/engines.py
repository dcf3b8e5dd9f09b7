"""The same photographs on three engines: imglab's own queue, Celery, Dask. For lesson 10."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from imglab.batches import Plan, find, tasks_of
from imglab.engines import ENGINES, check_engine, follow, open_engine
from imglab.errors import NotInstalled
from imglab.imaging import FilterPipeline, open_image
from imglab.language import tr, tr_count
from imglab.project import photographs_or_sample, private_folder, project_home, project_root
from imglab.queues import QueueSettings, RedisTaskQueue
from imglab.queues.batches import BatchTask, Ending
from imglab.queues.vocabulary import Status
from imglab.storage import Folders
from imglab.workers import WorkerPool

#: What the queue of this project is called among them.
OURS = "imglab"
#: What registers `poison`, a filter that kills its worker with `kill -9`.
TROUBLE = "imglab.classroom.troublemakers"
#: What is done with each photograph.
FILTERS = FilterPipeline.parse("grayscale")
#: Workers of each engine.
WORKERS = 1
#: Seconds after which a worker that says nothing is taken for dead, by our own queue.
LEASE_S = 1.0
#: Seconds without any result.
PATIENCE_S = 90.0
#: Seconds that workers have to come, and to leave.
START_TIMEOUT_S = 60.0
LEAVE_TIMEOUT_S = 15.0
#: Seconds between two looks whether they are there.
LOOK_INTERVAL_S = 0.1
#: What became of the task that kills its workers, in words.
POISON_WORDS: Mapping[str, str] = {
    Status.COMPLETED: tr("poison: completed"),
    Status.FAILED: tr("poison: failed"),
    Status.CANCELLED: tr("poison: cancelled"),
}


@dataclass(frozen=True)
class Run:
    """What became of the photographs on one engine."""

    engine: str
    #: completed, failed or cancelled -> how many photographs.
    six: dict[str, int]
    #: What became of the task that kills each worker that takes it.
    poison: str
    #: A photograph -> a digest of the pixels that were made of it; empty for a recorded run.
    pictures: dict[str, str] = field(default_factory=dict, repr=False)
    #: When it was recorded, and with what; "" for one of just now.
    recorded: str = ""

    def __str__(self) -> str:
        counts = ", ".join(_count_in_words(status, count) for status, count in self.six.items())
        return f"{self.engine}: {counts}; {POISON_WORDS[self.poison]}"

    def same_as(self, other: Run) -> int:
        """How many pictures are equal to those of another run, in every pixel."""
        if self.recorded or other.recorded:
            return self.six.get(Status.COMPLETED, 0)
        return sum(self.pictures[name] == other.pictures.get(name) for name in self.pictures)


def _count_in_words(status: str, count: int) -> str:
    if status == Status.COMPLETED:
        return tr_count("{count} completed", "{count} completed", count)
    if status == Status.FAILED:
        return tr_count("{count} failed", "{count} failed", count)
    return tr_count("{count} cancelled", "{count} cancelled", count)


#: What came when it was recorded, for whoever has not installed them.
RECORDED = {
    "celery": Run(
        "celery",
        {"completed": 6},
        "failed",
        recorded=tr("on 2026-11-26, with Celery 5.7.0"),
    ),
    "dask": Run(
        "dask",
        {"completed": 6},
        "failed",
        recorded=tr("on 2026-11-26, with Dask 2026.8.0"),
    ),
}


def run_all(namespace: str, url: str) -> list[Run]:
    """Filter the photographs on each engine at the same time, then a task that kills its worker.

    For an engine that is not installed, the recorded run. All processes have ended afterwards;
    Celery leaves some keys, which begin with `namespace` and `celery:`.
    """
    names = [OURS]
    missing = []
    for name in ENGINES:
        try:
            check_engine(name)
        except NotInstalled:
            missing.append(RECORDED[name])
        else:
            names.append(name)
    with ThreadPoolExecutor(len(names)) as threads:
        runs = list(threads.map(lambda name: _run(name, namespace, url), names))
    return runs + missing


def _run(name: str, namespace: str, url: str) -> Run:
    folder = f"engines-{name}"
    plan = Plan(filters=FILTERS.spec())
    photographs = find(photographs_or_sample())
    tasks = [(task.key, task) for task in tasks_of(folder, photographs, plan, Folders.of_project())]
    first = tasks[0][1]
    poison = BatchTask("poison", {**first.payload, "filters": [{"name": "poison"}]}, "poison")
    if name == OURS:
        endings = _on_our_queue(namespace, url, tasks, poison)
    else:
        endings = _on_another(name, namespace, url, tasks, poison)
    *six, last = endings
    counts = Counter(each.status for each in six)
    pictures = {each.label: _digest(each) for each in six if each.status == Status.COMPLETED}
    return Run(name, dict(counts), last.status, pictures)


def _on_our_queue(
    namespace: str, url: str, tasks: list[tuple[str, BatchTask]], poison: BatchTask
) -> list[Ending]:
    settings = QueueSettings(lease=LEASE_S)
    with RedisTaskQueue(url=url, namespace=f"{namespace}engines:", settings=settings) as queue:
        queue.clear()
        with WorkerPool(WORKERS, FILTERS, queue, imports=(TROUBLE,)) as pool:
            found = list[Ending]()
            for name, some in (("six", [each for _, each in tasks]), ("poison", [poison])):
                queue.begin_batch(name)
                queue.add_to_batch(name, some)
                queue.close_batch(name)
                pool.join(PATIENCE_S)
                found += queue.endings(name)
        queue.clear()
        for each in queue.batches():
            queue.forget_batch(each.name)
    return found


def _on_another(
    name: str, namespace: str, url: str, tasks: list[tuple[str, BatchTask]], poison: BatchTask
) -> list[Ending]:
    address = url
    if name == "dask":
        port = _free_port()
        address = f"tcp://127.0.0.1:{port}"
    with _workers(name, namespace, url, address):
        if name == "dask":
            _wait_for(port)  # a client gives up sooner than a busy machine starts one
        with open_engine(name, address, "engines", namespace) as engine:
            found = list(follow(engine, tasks, PATIENCE_S))
            found += follow(engine, [("poison", poison)], PATIENCE_S)
    return found


@contextmanager
def _workers(name: str, namespace: str, url: str, address: str) -> Iterator[None]:
    """Have workers of an engine, as a command starts them; their log is in the project's folder."""
    log = project_home() / "engines" / f"{name}.log"
    private_folder(log.parent)
    words = ["worker", "--engine", name, "--workers", str(WORKERS), "--import", TROUBLE]
    words += ["--queue", "engines", "--namespace", namespace, "--name", "engines"]
    with log.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "imglab", *words],
            cwd=project_root(),
            env={**os.environ, "IMGLAB_REDIS_URL": url, "IMGLAB_DASK": address},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a notebook's interrupt is not for it
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(LEAVE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    limit = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < limit:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(LOOK_INTERVAL_S)


def _digest(ending: Ending) -> str:
    path = Path(project_root()) / str(ending.result["output_path"])
    return hashlib.sha256(open_image(path).tobytes()).hexdigest()
