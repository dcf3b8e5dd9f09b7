"""The command of a worker."""

from __future__ import annotations

import logging
import math
import os
import socket
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imglab.cli.common import (
    QUEUE,
    Filters,
    Name,
    Namespace,
    app,
    open_queue,
    read_by_default,
)
from imglab.cli.engines import CELERY, OURS, OnEngine, check_options, work_for
from imglab.cli.metrics import LOCALHOST, MetricsHost, MetricsPort
from imglab.cli.options import check_needs
from imglab.cli.settings import Keep, Lease, MaxAttempts, TimeLimit, Ttl, asked_for
from imglab.errors import ImglabError, NoPhotographs, QueueError
from imglab.language import tr
from imglab.project import is_in_project

if TYPE_CHECKING:
    from imglab.queues import RedisTaskQueue
    from imglab.workers import Worker, WorkerSpec

logger = logging.getLogger(__name__)

#: The time between two looks whether all workers have given up, in seconds.
LOOK_INTERVAL_S = 1.0
#: Seconds between two looks whether there are photographs by now.
PHOTOGRAPHS_INTERVAL_S = 1.0


@app.command(
    help=tr(
        "Work on a queue until Ctrl-C: the first one finishes the task at hand, a second leaves."
        "\n\n"
        "Settings such as --lease are stored with a queue that has none; one that has keeps its "
        "own.\n\n"
        "With --max-tasks or --max-memory it hands in what it has done, gives back what it has "
        "not begun, says why, and starts anew in its place, under the same name and process id: "
        "it is never gone.\n"
        "With --workers, each is replaced when it leaves or dies; their logs are files, as a line "
        "says.\n"
        "A line says so when the pictures of all workers of this machine may not fit into its "
        "memory; IMGLAB_MAX_PIXELS=24000000 makes them refuse larger ones.\n\n"
        "Example: imglab worker --burst"
    )
)
def worker(
    name: Annotated[str, typer.Option(help=tr("Unique among the workers of a queue."))] = "",
    filters: Filters = "",
    workers: Annotated[
        int, typer.Option(min=1, max=500, help=tr("Worker processes, NAME-1 and so on."))
    ] = 1,
    burst: Annotated[bool, typer.Option(help=tr("Leave when the queue is empty."))] = False,
    imports: Annotated[
        list[str] | None, typer.Option("--import", help=tr("A module with filters of your own."))
    ] = None,
    images: Annotated[
        list[Path] | None, typer.Option(help=tr("A folder to read from, in place of images/."))
    ] = None,
    output: Annotated[Path, typer.Option(help=tr("The folder to write to."))] = Path("output"),
    prefix: Annotated[
        list[str] | None,
        typer.Option(
            help=tr(
                "Addresses to read and write below, such as s3://BUCKET/FOLDER/; with read: in "
                "front, only to read. Else those of IMGLAB_PREFIXES, or none."
            )
        ),
    ] = None,
    prefetch: Annotated[
        int, typer.Option(help=tr("Tasks to claim in one round trip: for small ones."))
    ] = 1,
    max_tasks: Annotated[
        int | None,
        typer.Option(min=1, help=tr("Start anew, with new memory, after so many tasks.")),
    ] = None,
    max_memory: Annotated[
        str,
        typer.Option(help=tr("Start anew after a task that leaves it with more, such as 500MB.")),
    ] = "",
    log_format: Annotated[
        str, typer.Option(help=tr("text, or json: a line of JSON for each record."))
    ] = "text",
    metrics_port: MetricsPort = None,
    metrics_host: MetricsHost = LOCALHOST,
    lease: Lease = None,
    max_attempts: MaxAttempts = None,
    time_limit: TimeLimit = None,
    keep: Keep = None,
    ttl: Ttl = None,
    engine: OnEngine = OURS,
    queue: Name = QUEUE,
    namespace: Namespace = "",
) -> None:
    """Work on a queue, or have several workers that do."""
    from imglab.imaging import FilterPipeline
    from imglab.workers import WorkerSpec, import_filters
    from imglab.workers.arguments import checked_max_memory

    asked = asked_for(
        {
            "lease": lease,
            "max_attempts": max_attempts,
            "time_limit": time_limit,
            "keep": keep,
            "ttl": ttl,
        }
    )
    _check_options(
        engine,
        asked,
        workers,
        (metrics_port, metrics_host),
        {
            "--burst": burst,
            "--prefetch": prefetch > 1,
            "--metrics-port": metrics_port is not None,
            "--max-tasks": max_tasks is not None and engine != CELERY,
        },
    )
    name = name or _own_name(workers)
    limit = checked_max_memory(max_memory or None)
    _begin_log(log_format, name)
    readable = _readable(images or (), output)
    import_filters(imports or ())
    # Read before Redis is asked for: a mistake here is to start none.
    pipeline = FilterPipeline.parse(filters)
    prefixes = tuple(prefix) if prefix else None
    _have_photographs(readable, output, burst, prefixes)
    spec = WorkerSpec(
        name=name,
        queue={},
        filters=pipeline.spec(),
        imports=tuple(imports or ()),
        read=readable,
        write=str(output.resolve()) if output != Path("output") else "output",
        prefixes=prefixes,
        burst=burst,
        prefetch=prefetch,
        max_tasks=max_tasks,
        max_memory=limit,
        log_format=log_format,
    )
    if engine != OURS:
        work_for(engine, spec, workers, asked.get("time_limit"), queue, namespace)
        return
    with open_queue(queue, namespace) as tasks:
        if _is_paused(tasks):
            _say_it_is_paused(tasks, burst)
        spec = replace(spec, queue=_queue_with(tasks, asked))
        _check_room(tasks, spec, workers)
    if workers > 1:
        _lead(spec, workers)
        return
    raise typer.Exit(_work(spec, metrics_port, metrics_host))


def _check_options(
    engine: str,
    asked: dict[str, Any],
    workers: int,
    figures_at: tuple[int | None, str],
    ours_alone: dict[str, bool],
) -> None:
    """Refuse what cannot be together, and what another engine has not."""
    port, host = figures_at
    if port is None:
        check_needs({"--metrics-host": host != LOCALHOST}, "--metrics-port PORT")
    if workers > 1 and port is not None:
        raise typer.BadParameter(
            tr(
                "--metrics-port is for one worker: `imglab metrics` serves the figures of all of "
                "them."
            )
        )
    if engine == OURS:
        return
    for setting in asked:
        name = f"--{setting.replace('_', '-')}"
        ours_alone[name] = setting != "time_limit" or engine != CELERY
    check_options(engine, ours_alone)
    if asked.get("time_limit", 0) in (None, math.inf):
        raise ImglabError(
            tr(
                "A Celery worker needs a limit, for it is how it knows that a task is lost: say "
                "--time-limit SECONDS."
            )
        )


def _work(spec: WorkerSpec, port: int | None, host: str) -> int:
    """Be the worker; return the exit code."""
    from imglab.workers import run

    serve = None
    if port is not None:
        serve = partial(_serve_figures, port=port, host=host)
    # To start anew is to give this very command once more.
    return run(spec, on_worker=serve, again=sys.orig_argv[1:])


def _lead(spec: WorkerSpec, workers: int) -> None:
    """Have so many workers, until Ctrl-C, or in a burst until the queue is empty."""
    from imglab.queues import RedisTaskQueue
    from imglab.workers import WorkerPool

    with RedisTaskQueue.from_spec(spec.queue) as tasks:
        pool = WorkerPool(
            workers,
            spec.filters,
            tasks,
            prefix=spec.name,
            imports=spec.imports,
            read=spec.read,
            write=spec.write,
            prefixes=spec.prefixes,
            prefetch=spec.prefetch,
            max_tasks=spec.max_tasks,
            max_memory=spec.max_memory,
            log_format=spec.log_format,
        )
        with pool:
            names = ", ".join(pool.names)
            words = tr("At work: {names}. Their logs are in {logs}", names=names, logs=pool.logs)
            logger.info("%s", words)
            if spec.burst:
                pool.join()
                return
            while True:
                time.sleep(LOOK_INTERVAL_S)
                pool.check()


def _own_name(workers: int) -> str:
    """A name that no worker of another machine has; one of several gets its number behind it."""
    host = socket.gethostname()[:60]
    if workers > 1:
        return host
    return f"{host}-{os.getpid()}"


def _begin_log(log_format: str, name: str) -> None:
    from imglab.workers.logs import log_to_terminal

    log_to_terminal(log_format, name)
    logging.getLogger("imglab").setLevel(logging.DEBUG)  # each task, too


def _serve_figures(worker: Worker, port: int, host: str) -> None:
    from imglab.ops.metrics.of_worker import serve_worker

    address = serve_worker(worker, port, host).address
    words = tr("{name}: its figures are at {address}/metrics", name=worker.name, address=address)
    logger.info("%s", words)


def _check_room(queue: RedisTaskQueue, spec: WorkerSpec, workers: int) -> None:
    """Say when these workers, and all others of this machine, may not fit into its memory."""
    from imglab.workers.names import taken_names
    from imglab.workers.room import check_room

    others = set()
    with suppress(QueueError):  # a key of another kind: the worker itself will say what is wrong
        alive = taken_names(queue)  # a dead one leaves its record for a while
        for other, record in queue.workers().items():
            is_here = record["host"] == socket.gethostname()
            if is_here and other in alive and other != spec.name:
                others.add(other)
    check_room(len(others) + workers, spec.max_memory)


def _queue_with(queue: RedisTaskQueue, asked: dict[str, Any]) -> dict[str, Any]:
    """What makes the queue in the worker; it says there which settings do not count."""
    spec = queue.spec()
    if asked:
        spec["settings"] = asdict(replace(queue.settings, **asked))
    return spec


def _say_what_is_read(output: Path) -> None:
    """Say aloud which folders a worker without a project has; ImglabError for the whole disk."""
    here = Path.cwd()
    if here == Path(here.anchor):
        raise ImglabError(
            tr(
                "In {folder} a worker could read every picture of this machine. "
                "Say which it may read: --images FOLDER.",
                folder=here,
            )
        )
    words = tr(
        "There is no project here (no images/ and output/), so this worker reads pictures in "
        "{folder} and below, and writes to {output}.",
        folder=here,
        output=output.resolve(),
    )
    logger.info("%s", words)


def _readable(images: Iterable[Path], output: Path) -> tuple[str, ...]:
    """The folders that a worker reads, those by default said aloud; ImglabError for none."""
    _check_folders(images, output)
    readable = tuple(str(folder.resolve()) for folder in images)
    if readable or is_in_project():
        return readable
    _say_what_is_read(output)
    return read_by_default()


def _check_prefixes(prefixes: tuple[str, ...] | None) -> None:
    """Raise ImglabError for a prefix that is none, NotInstalled where its library is missing."""
    from imglab.storage import storage_for

    storage_for(prefixes=prefixes)


def _may_read_stores(prefixes: tuple[str, ...] | None) -> bool:
    """Whether it has pictures in stores: then its folders may be empty."""
    from imglab.storage.prefixes import Prefixes

    return bool(Prefixes.of(prefixes).readable)


def _have_photographs(
    readable: tuple[str, ...], output: Path, burst: bool, prefixes: tuple[str, ...] | None
) -> None:
    """Return when there is something to read here; NoPhotographs in a burst, which waits for none.

    A worker that claimed tasks before would only give them back.
    """
    from imglab.storage import Folders

    _check_prefixes(prefixes)
    if _may_read_stores(prefixes):
        return
    folders = Folders.of_project(readable, str(output))
    is_said = False
    while True:
        try:
            folders.check_not_bare()
        except NoPhotographs as error:
            if burst:
                raise
            if not is_said:
                words = tr("This worker waits for them, and takes no task before.")
                logger.warning("%s %s", error, words)
            is_said = True
            time.sleep(PHOTOGRAPHS_INTERVAL_S)
        else:
            return


def _check_folders(images: Iterable[Path], output: Path) -> None:
    """Refuse a folder that is none, before any task fails of it."""
    for folder in images:
        if not folder.is_dir():
            raise ImglabError(
                tr("There is no folder {folder} to read from; check --images.", folder=folder)
            )
    if output.exists() and not output.is_dir():
        raise ImglabError(tr("{output} is a file: --output needs a folder.", output=output))


def _is_paused(queue: RedisTaskQueue) -> bool:
    try:
        return queue.snapshot().is_paused
    except QueueError:  # a key of another kind: the worker itself will say what is wrong
        return False


def _say_it_is_paused(queue: RedisTaskQueue, burst: bool) -> None:
    words = tr(
        "The queue {name} is paused: nobody is given a task before `queue.resume()`.",
        name=queue.name,
    )
    if burst:
        words += tr(" Until then this worker waits, and then leaves when the queue is empty.")
    logger.info("%s", words)
