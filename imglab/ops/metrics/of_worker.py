"""The figures of one worker process: what ended how, how long it took, what it does now."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from imglab.errors import QueueError
from imglab.language import tr
from imglab.memory import resident
from imglab.ops.metrics.http import LOCAL, Site, serve
from imglab.queues import RedisTaskQueue
from imglab.workers import Worker

if TYPE_CHECKING:
    from prometheus_client.core import Metric
    from prometheus_client.registry import Collector

#: What a worker may do.
STATES = ("idle", "working", "waiting_for_redis", "leaving")
#: How much longer than its time limit a task may be at hand until its worker counts as stuck, in
#: seconds: the worker itself ends such a task first.
STUCK_AFTER_S = 10.0


def serve_worker(worker: Worker, port: int, host: str = LOCAL) -> Site:
    """Serve the figures and the health of a worker of this process; return the site.

    ImglabError for a port that cannot be had, NotInstalled without prometheus-client.
    """
    return serve(partial(_collector, worker), partial(health_of, worker), port, host)


def health_of(worker: Worker) -> str:
    """Why a worker is not well; "" when it is. It asks Redis whether it answers.

    While a filter holds the GIL nobody answers at all: that is an answer, too.
    """
    task = worker.in_hand.task
    seconds = time.monotonic() - worker.in_hand.began
    limit = worker.queue.settings.longest_try
    if task is not None and seconds > limit + STUCK_AFTER_S:
        return tr(
            "Worker {worker} is stuck: task {task} runs for {seconds:.0f} s, and its time "
            "limit is {limit:g} s.",
            worker=worker.name,
            task=task.id,
            seconds=seconds,
            limit=limit,
        )
    if isinstance(worker.queue, RedisTaskQueue):
        try:
            worker.queue.server_time()
        except QueueError as error:
            return tr("Worker {worker} has no Redis: {error}", worker=worker.name, error=error)
    return worker.figures.trouble


def state_of(worker: Worker) -> str:
    """What a worker does now, as one of STATES."""
    if worker.in_hand.task is not None:
        return "working"
    if worker.figures.trouble:
        return "waiting_for_redis"
    if worker.is_leaving:
        return "leaving"
    return "idle"


def _collector(worker: Worker) -> Collector:
    from prometheus_client.registry import Collector  # noqa: PLC0415 - it may not be installed

    class _OfWorker(Collector):
        def collect(self) -> Iterator[Metric]:
            return _figures(worker)

    return _OfWorker()


def _figures(worker: Worker) -> Iterator[Metric]:
    from imglab.ops.metrics.families import counters, gauge, gauges, histogram  # noqa: PLC0415

    owner = ("worker", worker.name)
    now = state_of(worker)
    yield counters(
        "imglab_worker_tasks",
        "Tries of tasks that ended here, by how they ended.",
        owner,
        "ending",
        dict(worker.figures.endings),
    )
    yield histogram(
        "imglab_worker_run_seconds",
        "How long tries of tasks ran here.",
        owner,
        worker.figures.runs,
    )
    yield gauges(
        "imglab_worker_state",
        "1 for what the worker does now.",
        owner,
        ["state"],
        [((state,), float(state == now)) for state in STATES],
    )
    seconds = 0.0
    if worker.in_hand.task is not None:
        seconds = time.monotonic() - worker.in_hand.began
    yield gauge(
        "imglab_worker_task_seconds",
        "For how long the task at hand has been running; 0 without one.",
        owner,
        seconds,
    )
    yield gauge(
        "imglab_worker_resident_memory_bytes",
        "The memory that the worker has, by which it is renewed.",
        owner,
        resident(),
    )
