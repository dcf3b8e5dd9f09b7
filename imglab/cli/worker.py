"""The command of a worker."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Annotated

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
from imglab.errors import ImglabError
from imglab.project import is_in_project


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
    queue: Name = QUEUE,
    namespace: Namespace = "",
) -> None:
    """Work on a queue until Ctrl-C: the first one finishes the task at hand, a second leaves."""
    import logging

    from imglab.imaging import FilterPipeline
    from imglab.workers import WorkerSpec, import_filters, run

    readable = tuple(str(folder.resolve()) for folder in images or ())
    if not readable and not is_in_project():
        _say_what_is_read(output)
        readable = read_by_default()
    import_filters(imports or ())
    logging.basicConfig(format="%(message)s", stream=sys.stdout)
    logging.getLogger("imglab").setLevel(logging.DEBUG)  # each task, too
    with open_queue(queue, namespace) as tasks:
        spec = WorkerSpec(
            name=name or f"{socket.gethostname()[:60]}-{os.getpid()}",
            queue=tasks.spec(),
            filters=FilterPipeline.parse(filters).spec(),
            imports=tuple(imports or ()),
            read=readable,
            write=str(output.resolve()) if output != Path("output") else "output",
            burst=burst,
            prefetch=prefetch,
        )
    raise typer.Exit(run(spec))


def _say_what_is_read(output: Path) -> None:
    """Say aloud which folders a worker without a project has; ImglabError for the whole disk."""
    here = Path.cwd()
    if here == Path(here.anchor):
        raise ImglabError(
            f"In {here} a worker could read every picture of this machine. "
            "Say which it may read: --images FOLDER."
        )
    typer.echo(
        f"There is no project here (no images/ and output/), so this worker reads pictures in "
        f"{here} and below, and writes to {output.resolve()}."
    )
