"""The command of a worker."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from dataclasses import asdict, replace
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
from imglab.cli.settings import Keep, Lease, MaxAttempts, TimeLimit, Ttl, asked_for
from imglab.errors import ImglabError, QueueError
from imglab.project import is_in_project
from imglab.text import shown

if TYPE_CHECKING:
    from imglab.queues import RedisTaskQueue


@app.command()
def worker(
    name: Annotated[str, typer.Option(help="Unique among the workers of a queue.")] = "",
    filters: Filters = "",
    burst: Annotated[bool, typer.Option(help="Leave when the queue is empty.")] = False,
    imports: Annotated[
        list[str] | None, typer.Option("--import", help="A module with filters of your own.")
    ] = None,
    images: Annotated[
        list[Path] | None, typer.Option(help="A folder to read from, in place of images/.")
    ] = None,
    output: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("output"),
    prefetch: Annotated[
        int, typer.Option(help="Tasks to claim in one round trip: for small ones.")
    ] = 1,
    lease: Lease = None,
    max_attempts: MaxAttempts = None,
    time_limit: TimeLimit = None,
    keep: Keep = None,
    ttl: Ttl = None,
    queue: Name = QUEUE,
    namespace: Namespace = "",
) -> None:
    """Work on a queue until Ctrl-C: the first one finishes the task at hand, a second leaves.

    Settings such as --lease are stored with a queue that has none; one that has keeps its own.

    Example: imglab worker --burst
    """
    import logging

    from imglab.imaging import FilterPipeline
    from imglab.workers import WorkerSpec, import_filters, run
    from imglab.workers.logs import log_to_terminal

    asked = asked_for(
        {
            "lease": lease,
            "max_attempts": max_attempts,
            "time_limit": time_limit,
            "keep": keep,
            "ttl": ttl,
        }
    )
    _check_folders(images or (), output)
    readable = tuple(str(folder.resolve()) for folder in images or ())
    if not readable and not is_in_project():
        _say_what_is_read(output)
        readable = read_by_default()
    import_filters(imports or ())
    # Read before Redis is asked for: a mistake here is to start none.
    pipeline = FilterPipeline.parse(filters)
    log_to_terminal()
    logging.getLogger("imglab").setLevel(logging.DEBUG)  # each task, too
    with open_queue(queue, namespace) as tasks:
        if _is_paused(tasks):
            _say_it_is_paused(tasks, burst)
        spec = WorkerSpec(
            name=name or f"{socket.gethostname()[:60]}-{os.getpid()}",
            queue=_queue_with(tasks, asked),
            filters=pipeline.spec(),
            imports=tuple(imports or ()),
            read=readable,
            write=str(output.resolve()) if output != Path("output") else "output",
            burst=burst,
            prefetch=prefetch,
        )
    raise typer.Exit(run(spec))


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
            f"In {here} a worker could read every picture of this machine. "
            "Say which it may read: --images FOLDER."
        )
    words = (
        f"There is no project here (no images/ and output/), so this worker reads pictures in "
        f"{here} and below, and writes to {output.resolve()}."
    )
    typer.echo(shown(words))


def _check_folders(images: Iterable[Path], output: Path) -> None:
    """Refuse a folder that is none, before any task fails of it."""
    for folder in images:
        if not folder.is_dir():
            raise ImglabError(f"There is no folder {folder} to read from; check --images.")
    if output.exists() and not output.is_dir():
        raise ImglabError(f"{output} is a file: --output needs a folder.")


def _is_paused(queue: RedisTaskQueue) -> bool:
    try:
        return queue.snapshot().is_paused
    except QueueError:  # a key of another kind: the worker itself will say what is wrong
        return False


def _say_it_is_paused(queue: RedisTaskQueue, burst: bool) -> None:
    words = f"The queue {queue.name} is paused: nobody is given a task before `queue.resume()`."
    if burst:
        words += " Until then this worker waits, and then leaves when the queue is empty."
    typer.echo(words)
