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
)


@app.command()
def worker(
    name: Annotated[str, typer.Option(help="Unique among the workers of a queue.")] = "",
    filters: Filters = "",
    burst: Annotated[bool, typer.Option(help="Leave when the queue is empty.")] = False,
    imports: Annotated[
        list[str] | None, typer.Option("--import", help="A module with filters of your own.")
    ] = None,
    images: Annotated[
        list[Path] | None, typer.Option(help="A folder to read from, instead of images/.")
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

    import_filters(imports or ())
    logging.basicConfig(format="%(message)s", stream=sys.stdout)
    logging.getLogger("imglab").setLevel(logging.DEBUG)  # each task, too
    with open_queue(queue, namespace) as tasks:
        spec = WorkerSpec(
            name=name or f"{socket.gethostname()[:60]}-{os.getpid()}",
            queue=tasks.spec(),
            filters=FilterPipeline.parse(filters).spec(),
            imports=tuple(imports or ()),
            read=tuple(str(folder.resolve()) for folder in images or ()),
            write=str(output.resolve()) if output != Path("output") else "output",
            burst=burst,
            prefetch=prefetch,
        )
    raise typer.Exit(run(spec))
