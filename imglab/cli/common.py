"""What all commands share: the app, its options, and how to reach the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from imglab.queues import RedisTaskQueue
    from imglab.server import RedisServer

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Filter photographs with worker processes that share one Redis queue.",
)

Name = Annotated[str, typer.Option("--queue", help="The queue's name.")]
Namespace = Annotated[str, typer.Option(help="What stands in front of every key of the queue.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a script.")]
Filters = Annotated[str, typer.Option(help="Filters in their order, such as blur:radius=3,edges.")]
QUEUE = "image_processing"


def ensure_server() -> RedisServer:
    """Have a Redis that answers, and say aloud what is unusual about one started now."""
    from imglab import server

    here = server.ensure()
    if here.note and here.started:
        typer.echo(here.note, err=True)
    return here


def open_queue(name: str, namespace: str) -> RedisTaskQueue:
    """Connect to a queue in the Redis that `ensure_server` finds."""
    from imglab.queues import RedisTaskQueue

    return RedisTaskQueue(url=ensure_server().url, name=name, namespace=namespace)


def new_table(*columns: str) -> Table:
    """Make a table whose inner columns are numbers, so aligned to the right."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number in (0, len(columns) - 1) else "right")
    return table
