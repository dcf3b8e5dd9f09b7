"""Workers of other engines, in processes of their own, as people start them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from helpers.clock import until
from helpers.own_filters import DEADLY, HOLD
from helpers.terminal import IMGLAB
from imglab.engines import Engine, follow
from imglab.queues.batches import BatchTask, Ending

#: Seconds that a process may take to start, and a task to come back, on a machine that is busy.
LONG = 200
#: What the worker says when it takes tasks.
READY = {"celery": " ready.", "dask": "At work for"}
#: A second filter each, so that tests do not wait for each other's files.
MODULE = f"{HOLD}\n{DEADLY}"


class Workers:
    """One command `imglab worker --engine …`, with all its processes."""

    def __init__(self, engine: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.engine = engine
        self.process = process
        self.log = log

    def children(self) -> list[psutil.Process]:
        """The processes that do tasks."""
        found = []
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.Error):
                # Python's own tracker of resources is no worker.
                if "resource_tracker" not in " ".join(child.cmdline()):
                    found.append(child)
        return found

    def kill_child(self) -> None:
        """Kill -9 the only process that does tasks."""
        (child,) = self.children()
        child.send_signal(signal.SIGKILL)

    def kill_all(self) -> None:
        """Kill -9 everybody, the master first, so that it sees no child die."""
        everybody = [psutil.Process(self.process.pid), *self.children()]
        for process in everybody:
            with suppress(psutil.Error):
                process.kill()
        self.process.wait()


@contextmanager
def working(engine: str, project: Path, *words: str, **environment: str) -> Iterator[Workers]:
    """Have one worker of an engine that is ready; with `hold` and `deadly` among its filters."""
    log = project / f"{engine}.log"
    log.unlink(missing_ok=True)
    (project / "own.py").write_text(MODULE)
    command = [*IMGLAB, "worker", "--engine", engine, "--import", "own", *words]
    with log.open("wb") as file:
        process = subprocess.Popen(
            command,
            cwd=project,
            env={**os.environ, "IMGLAB_ROOT": str(project), **environment},
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    workers = Workers(engine, process, log)
    try:
        until(lambda: READY[engine] in log.read_text() or process.poll() is not None, LONG)
        assert process.poll() is None, log.read_text()
        yield workers
    finally:
        with suppress(psutil.Error):
            workers.kill_all()


def tasks(
    *filters: str, photographs: tuple[str, ...] = ("sample.png",)
) -> list[tuple[str, BatchTask]]:
    """A task for each photograph, with these filters."""
    spec = [{"name": each} for each in filters]
    found = []
    for name in photographs:
        payload = {"image_path": f"images/{name}", "output_name": name, "filters": spec}
        found.append((name, BatchTask(name, payload, name)))
    return found


def flaky_tasks(*times: int) -> list[tuple[str, BatchTask]]:
    """Tasks that fail so many times; their name says how often. They want a folder `marks`."""
    found = []
    for number, each in enumerate(times):
        payload = tasks()[0][1].payload
        filters = [{"name": "flaky", "task": number, "times": each}]
        found.append((str(each), BatchTask(str(each), {**payload, "filters": filters}, str(each))))
    return found


def statuses(endings: list[Ending]) -> dict[str, str]:
    """What became of each task."""
    return {each.task: each.status for each in endings}


@contextmanager
def following(engine: Engine, some: list[tuple[str, BatchTask]]) -> Iterator[Future[list[Ending]]]:
    """Send tasks, and hear in another thread what becomes of them."""
    with ThreadPoolExecutor(1) as threads:
        yield threads.submit(lambda: list(follow(engine, some, LONG)))
