"""Chaos: real worker processes and a real Redis, killed again and again, and a judge at the end.

The same seed draws the same tasks and the same faults; what a fault hits is up to the moment.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from imglab.errors import LeaseLost
from imglab.imaging import open_image, save_image
from imglab.language import tr
from imglab.ops.chaos.faults import Progress, Tormentor
from imglab.ops.chaos.judge import judge
from imglab.ops.chaos.mortal_redis import MortalRedis
from imglab.ops.chaos.plan import DOOMED, LEASE, MAX_CRASHES, Plan
from imglab.ops.chaos.report import Report
from imglab.project import SAMPLE
from imglab.queues import Event, QueueSettings, RedisTaskQueue, Status
from imglab.workers import WorkerPool

#: What the workers import: filters that are slow, deadly, or fail at first.
TROUBLE = ("imglab.classroom.troublemakers",)
#: How many events are kept for the judge: a task that is run again and again has most.
EVENTS_PER_TASK = 100


def run(
    folder: Path,
    seed: int = 1,
    *,
    tasks: int = 2000,
    workers: int = 8,
    seconds: float = 50.0,
    prefetch: int = 1,
    on_progress: Progress | None = None,
) -> Report:
    """Let faults rain on a queue for some seconds, wait until it is at rest, and judge.

    Everything is made in `folder`, an empty one, which is the project for that long: a server, a
    pool, their logs. All processes are gone afterwards, whatever happens; the files stay.
    """
    began = time.monotonic()
    plan = Plan.draw(seed, tasks, workers, seconds)
    settings = QueueSettings(
        lease=LEASE,
        max_crashes=MAX_CRASHES,
        backoff=0.1,
        backoff_cap=1,
        keep=tasks,
        keep_events=EVENTS_PER_TASK * tasks,
    )
    with (
        _project(folder),
        MortalRedis(folder / "redis") as server,
        RedisTaskQueue(url=server.url, settings=settings) as queue,
        WorkerPool(workers, (), queue, imports=TROUBLE, prefetch=prefetch) as pool,
        Tormentor(plan, server, queue, pool, on_progress) as chaos,
    ):
        chaos.torment(seconds)
        chaos.come_to_rest()
        stats = queue.get_stats()
        events = list(queue.events())
        _, standings = queue.standings()
        completed = {standing.id for standing in standings if standing.place == Status.COMPLETED}
        pictures = {path.stem for path in (folder / "output").glob("*.png")}
        chaos.find(tr("Task {task} has no picture.", task=each) for each in completed - pictures)
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
        executions=sum(event["event"] == Event.CLAIMED for event in events),
        refused=logs.count(LeaseLost.WORDS),
        wrong=judge(kinds, standings, events, chaos.findings),
    )


@contextmanager
def _project(folder: Path) -> Iterator[None]:
    """Make a folder the project for a while, with one small photograph in it."""
    photo = open_image(SAMPLE).resize((90, 60))
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
