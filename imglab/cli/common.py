"""What all commands share: the app, its options, and how to reach the queue."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from imglab import __version__
from imglab.cli.typer_words import Commands
from imglab.language import tr
from imglab.project import is_in_project
from imglab.text import shown

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

    from imglab.queues import RedisTaskQueue
    from imglab.server import RedisServer

app = Commands(
    help=tr(
        "Filter photographs with worker processes that share one Redis queue.\n\n"
        "Begin with `imglab lab` (the lessons) or `imglab demo`. `imglab COMMAND --help` has an "
        "example of each command.\n\n"
        "Which Redis: the one that IMGLAB_REDIS_URL names, such as redis://HOST:6379; without it, "
        "the project's own, which starts by itself. "
        "redis+sentinel://HOST:PORT,HOST:PORT/SERVICE follows the primary that sentinels name, "
        "redis+cluster://HOST:PORT,HOST:PORT a cluster (with --namespace '{eu}:', say)."
    ),
)

Name = Annotated[str, typer.Option("--queue", help=tr("The queue's name."))]
Namespace = Annotated[str, typer.Option(help=tr("What stands in front of every key of the queue."))]
AsJson = Annotated[bool, typer.Option("--json", help=tr("Print JSON, for a script."))]
Filters = Annotated[
    str, typer.Option(help=tr("Filters in their order, such as blur:radius=3,edges."))
]
QUEUE = "image_processing"
#: What stands for the names on standard input.
STDIN = "-"
#: Letters of what stands before a bar.
BAR_LETTERS = 15
#: Letters across that a table has in the narrowest terminal.
MIN_COLUMNS = 20


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"imglab {__version__}")
        raise typer.Exit


@app.callback()
def options_of_the_app(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_say_version, is_eager=True, help=tr("Print the version.")
        ),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def ensure_server() -> RedisServer:
    """Have a Redis that answers, and say aloud what is unusual about one started now."""
    from imglab import server

    here = server.ensure()
    if here.note and here.started:
        typer.echo(here.note, err=True)
    return here


def read_by_default() -> tuple[str, ...]:
    """The folders that `imglab worker` reads without --images, for `Folders.of_project`.

    They are a project's images/, or where there is no project the folder somebody chose to work in:
    the current one. A worker that a program makes has to be given such a folder.
    """
    if is_in_project():
        return ()
    return (".",)


@contextmanager
def server_meanwhile() -> Iterator[RedisServer]:
    """Have a Redis for one command; one that was started for it is stopped, whatever happens."""
    from imglab import server

    here = ensure_server()
    try:
        yield here
    finally:
        if here.started:
            server.stop()


def open_queue(name: str, namespace: str, database: int | None = None) -> RedisTaskQueue:
    """Connect to a queue in the Redis that `ensure_server` finds, and in this database of it."""
    from imglab.queues import RedisTaskQueue

    return RedisTaskQueue(url=redis_address(database), name=name, namespace=namespace)


def redis_address(database: int | None = None) -> str:
    """Have a Redis, and return the address of this database of it."""
    from imglab.queues.addresses import in_database

    url = ensure_server().url
    if database is not None:
        url = in_database(url, database)
    return url


def new_table(*columns: str) -> Table:
    """Make a table whose inner columns are numbers, so aligned to the right."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for number, column in enumerate(columns):
        is_outer = number in (0, len(columns) - 1)
        # Folded and never cut: an id is of no use without its end.
        table.add_column(column, justify="left" if is_outer else "right", overflow="fold")
    return table


def add_row(table: Table, *cells: object) -> None:
    """Add a row of plain text: rich takes no bracket in it for a style, no :word: for a picture."""
    from rich.text import Text

    table.add_row(*[Text(shown(each)) for each in cells])


def table_console() -> Console:
    """Make what tables are printed on; a terminal that says it has no width gets a narrow one."""
    from rich.console import Console

    console = Console()
    console.width = max(console.width, MIN_COLUMNS)
    return console


def progress_bars(letters: int = BAR_LETTERS) -> Progress:
    """Make a display of bars with counts and times; on stderr, for stdout is for the results.

    `letters` has room for the longest description.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    return Progress(
        f"{{task.description:<{letters}}}",
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
