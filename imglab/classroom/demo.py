"""The main job: the same photographs one by one, by threads, and by worker processes on Redis."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from imglab.errors import ImglabError, QueueError
from imglab.imaging import FilterPipeline, open_image, save_image
from imglab.language import tr
from imglab.project import photographs_or_sample, project_home, project_root
from imglab.queues import BaseQueue, RedisTaskQueue, Status, TaskQueue
from imglab.storage import Folders
from imglab.workers import Worker, WorkerPool

#: The keys of the demo begin with this, and are nobody else's.
NAMESPACE = "demo:"
#: Pixels of each input: enough for a task to take far longer than its way through the queue.
PIXELS = 2_000_000
#: How fine the inputs are, as JPEGs from 1 to 100; the results are as fine.
QUALITY = 75
#: It has a filter that holds the GIL and one that releases it, so threads gain something, not all.
FILTERS = "median:size=3,blur:radius=3"

#: Hears, for a way, how many of its tasks are done.
Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Stage:
    """One way to do the whole work, as measured."""

    name: str
    workers: int
    seconds: float
    #: Seconds of the first way divided by those of this one.
    speed_up: float
    #: Tasks per worker.
    shares: dict[str, int] = field(default_factory=dict)
    #: The name for a script, where people are shown another one.
    key: str = ""

    @property
    def efficiency(self) -> float:
        """Speed-up per worker; 1 is perfect."""
        return self.speed_up / self.workers


class _Column(NamedTuple):
    """A column of the table: as wide as `least`, or as its head and a gap of two."""

    head: str
    least: int

    def cell(self, text: str) -> str:
        """The text at the right of the column."""
        return text.rjust(max(self.least, len(self.head) + 2))


@dataclass(frozen=True)
class Demo:
    """What the demo measured, and where it was measured."""

    tasks: int
    pipeline: str
    cores: int
    stages: tuple[Stage, ...]

    def __str__(self) -> str:
        time_s = _Column(tr("time"), least=8)
        speed_up = _Column(tr("speed-up"), least=10)
        efficiency = _Column(tr("efficiency"), least=12)
        throughput = _Column(tr("throughput"), least=12)
        columns = (time_s, speed_up, efficiency, throughput)
        lines = [f"{'':12}" + "".join(each.cell(each.head) for each in columns)]
        for each in self.stages:
            rate = self.tasks / each.seconds
            cells = (
                time_s.cell(f"{each.seconds:.1f} s"),
                speed_up.cell(f"{each.speed_up:.1f}×"),
                efficiency.cell(f"{each.efficiency:.0%}"),
                throughput.cell(f"{rate:.1f} /s"),
            )
            lines.append(f"{each.name:12}" + "".join(cells))
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """The figures as plain data, for a script."""
        stages = [
            {
                "name": stage.key or stage.name,
                "workers": stage.workers,
                "seconds": round(stage.seconds, 3),
                "speed_up": round(stage.speed_up, 2),
                "efficiency": round(stage.efficiency, 2),
                "throughput": round(self.tasks / stage.seconds, 2),
                "shares": stage.shares,
            }
            for stage in self.stages
        ]
        return {
            "tasks": self.tasks,
            "pipeline": self.pipeline,
            "cores": self.cores,
            "stages": stages,
        }


def make_inputs(tasks: int, pixels: int = PIXELS) -> list[Path]:
    """Make `tasks` inputs and return their paths: the photographs in turn, of about `pixels`.

    Where there is no such folder, it is the one that comes with the package. The first letters of
    each name say which photograph it is; equal ones are made only once. ImglabError when the folder
    is empty.
    """
    photos = photographs_or_sample()
    if not photos:
        raise ImglabError(
            tr("There is no photograph in {folder}.", folder=project_root() / "images")
        )
    folder = project_home() / "demo"
    made = {}
    for photo in photos[:tasks]:
        target = folder / f"{photo.stem}-{pixels // 1000}k.jpg"
        if not target.exists():
            image = open_image(photo)
            scale = (pixels / (image.width * image.height)) ** 0.5
            size = (round(image.width * scale), round(image.height * scale))
            save_image(image.resize(size, Image.Resampling.LANCZOS), target, quality=QUALITY)
        made[photo] = target
    return [made[photos[n % len(photos)]] for n in range(tasks)]


def run(
    queue: RedisTaskQueue,
    tasks: int = 15,
    workers: int = 3,
    filters: str = FILTERS,
    on_progress: Progress | None = None,
    *,
    pixels: int = PIXELS,
) -> Demo:
    """Do the same work in three ways; results of the last one stay in output/.

    Each photograph has about so many pixels.

    ImglabError when a task failed, or when two ways do not agree in every pixel.
    """
    pipeline = FilterPipeline.parse(filters)
    inputs = make_inputs(tasks, pixels)
    names = [f"{n:02d}-{path.name}" for n, path in enumerate(inputs, 1)]
    scratch = project_home() / "demo" / "output"
    ways = (
        _Way("one by one", tr("one by one"), scratch / "sequential", _one_by_one),
        _Way(
            f"{workers} threads",
            tr("{workers} threads", workers=workers),
            scratch / "threads",
            _threads,
        ),
        _Way(
            f"{workers} processes",
            tr("{workers} processes", workers=workers),
            project_root() / "output",
            _processes,
        ),
    )
    stages = list[Stage]()
    for way in ways:
        payloads = [
            {"image_path": str(path), "output_path": str(way.folder / name)}
            for path, name in zip(inputs, names, strict=True)
        ]
        done = partial(on_progress, way.name) if on_progress else _say_nothing
        work = _Work(payloads, pipeline, workers, queue, done)
        seconds, shares = way.work(work)
        first = stages[0].seconds if stages else seconds
        stages.append(Stage(way.name, len(shares), seconds, first / seconds, shares, way.key))
    _compare([way.folder for way in ways], names)
    shutil.rmtree(scratch)
    return Demo(tasks, str(pipeline), os.cpu_count() or 1, tuple(stages))


@dataclass(frozen=True)
class _Work:
    """The same work for each of the three ways."""

    payloads: list[dict[str, str]]
    pipeline: FilterPipeline
    workers: int
    queue: RedisTaskQueue
    #: Hears how many tasks are done.
    done: Callable[[int], None]


class _Measured(NamedTuple):
    """What a way gives."""

    seconds: float
    #: Tasks per worker.
    shares: dict[str, int]


class _Way(NamedTuple):
    """One way to do the work, and where its results go."""

    #: For a script.
    key: str
    #: For people.
    name: str
    folder: Path
    work: Callable[[_Work], _Measured]


def _say_nothing(_done: int) -> None:
    """Nobody asked how far it is."""


def _one_by_one(work: _Work) -> _Measured:
    began = time.perf_counter()
    for number, payload in enumerate(work.payloads, 1):
        image = work.pipeline.apply(open_image(payload["image_path"]))
        save_image(image, payload["output_path"])
        work.done(number)
    return _Measured(time.perf_counter() - began, {"main": len(work.payloads)})


def _threads(work: _Work) -> _Measured:
    queue = TaskQueue()
    folders = Folders.of_project((".imglab/demo",), ".imglab/demo/output")
    names = [f"thread-{number}" for number in range(1, work.workers + 1)]
    crew = [Worker(name, work.pipeline, queue, storage=folders) for name in names]
    threads = [threading.Thread(target=worker.start) for worker in crew]
    began = time.perf_counter()
    ids = queue.add_tasks(work.payloads)
    for thread in threads:
        thread.start()
    _follow(queue, work.done, queue.join)
    seconds = time.perf_counter() - began
    for thread in threads:
        thread.join()
    return _Measured(seconds, _shares(queue, ids, names))


def _processes(work: _Work) -> _Measured:
    work.queue.clear()
    with WorkerPool(work.workers, work.pipeline, work.queue, read=(".imglab/demo",)) as pool:
        # The clock starts when every worker is ready: starting Python is not the work.
        names = list(pool.pids)
        began = time.perf_counter()
        ids = work.queue.add_tasks(work.payloads)
        _follow(work.queue, work.done, pool.join)
        seconds = time.perf_counter() - began
    return _Measured(seconds, _shares(work.queue, ids, names))


def _follow(queue: BaseQueue, done: Callable[[int], None], join: Callable[[float], bool]) -> None:
    """Wait until nothing is left to do, and say meanwhile how many tasks are done."""
    while not join(0.1):
        done(queue.get_stats().completed)
    done(queue.get_stats().completed)


def _shares(queue: BaseQueue, ids: list[str], workers: list[str]) -> dict[str, int]:
    """How many tasks each worker did. QueueError for a task that failed."""
    tasks = [queue.task(task_id) for task_id in ids]
    for task in tasks:
        if task.status != Status.COMPLETED:
            raise QueueError(
                tr("Task {task} failed: {error}", task=task.id, error=task.errors[-1]["error"])
            )
    counts = Counter(task.worker for task in tasks)
    return {worker: counts[worker] for worker in workers}


def _compare(folders: list[Path], names: list[str]) -> None:
    """Raise ImglabError unless the pictures of these names are equal in all folders."""
    first, *others = folders
    for name in names:
        expected = open_image(first / name).tobytes()
        for folder in others:
            if open_image(folder / name).tobytes() != expected:
                raise ImglabError(
                    tr("{path} differs from {other}.", path=folder / name, other=first / name)
                )
