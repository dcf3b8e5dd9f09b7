"""Commands for the project's own Redis, and to speak to it."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from imglab.cli.common import (
    QUEUE,
    AsJson,
    Name,
    Namespace,
    app,
    ensure_server,
    redis_address,
)
from imglab.cli.typer_words import Commands
from imglab.language import tr
from imglab.text import shown

server_app = Commands(help=tr("Start, stop or look at the project's own Redis."))
app.add_typer(server_app, name="server")


@server_app.command(
    "start",
    help=tr(
        "Start the project's own Redis, or find it; it stops a minute after its last client.\n\n"
        "With --host it listens at that address, too, stays until `imglab server stop`, and "
        "prints what to type on another machine for a worker of this one queue.\n\n"
        "Example: imglab server start --host 192.168.1.10"
    ),
)
def server_start(
    host: Annotated[
        str, typer.Option(help=tr("An address of this machine, for workers on others."))
    ] = "",
    queue: Name = QUEUE,
    namespace: Namespace = "",
) -> None:
    """Start the project's own Redis, or find it, or open it to other machines."""
    if host:
        _start_for_others(host, queue, namespace)
        return
    here = ensure_server()
    place = f"{here.host}:{here.port}"
    if here.started:
        typer.echo(tr("Redis started at {place}.", place=place))
    else:
        typer.echo(tr("Redis answers at {place}.", place=place))
    if here.note and not here.started:
        typer.echo(here.note)


def _start_for_others(address: str, queue: str, namespace: str) -> None:
    """Open the project's Redis to other machines' workers of one queue; say what to type there."""
    import shlex

    from imglab import server
    from imglab.ops.users import USERS, WORKER, rules

    def rights(password: str) -> list[str]:
        return rules(dict.fromkeys(USERS, password), queue, namespace)[WORKER]

    url = server.open_to(address, WORKER, rights)
    words = ["imglab", "worker"]
    if queue != QUEUE:
        words += ["--queue", queue]
    if namespace:
        words += ["--namespace", namespace]
    said = tr(
        "Redis answers other machines, until `imglab server stop`. Nothing that travels is "
        "encrypted: do this in a network that you trust."
    )
    typer.echo(said)
    typer.echo(tr("On each of them, in a folder with the photographs in images/ and an output/:\n"))
    typer.echo(f"export IMGLAB_REDIS_URL={url}")
    typer.echo(shlex.join(words))


@server_app.command(
    "stop",
    help=tr("Stop the project's own Redis; its data stays.\n\nExample: imglab server stop"),
)
def server_stop() -> None:
    """Stop the project's own Redis; its data stays."""
    from imglab import server

    if server.stop():
        typer.echo(tr("Redis stopped; its data stays."))
    else:
        typer.echo(tr("No Redis of this project runs."))


@server_app.command(
    "status",
    help=tr(
        "Show what runs, and how redis-cli gets its password; exit code 1 when nothing does.\n\n"
        "Example: imglab server status"
    ),
)
def server_status(as_json: AsJson = False) -> None:
    """Show what runs, and how redis-cli gets its password."""
    import shlex
    from dataclasses import asdict

    from imglab import server

    status = server.status()
    if status is None:
        typer.echo("null" if as_json else tr("No Redis of this project runs."))
        raise typer.Exit(1)
    if as_json:
        typer.echo(json.dumps(asdict(status), default=str, indent=2))
        return
    for key, value in asdict(status).items():
        typer.echo(f"{key:<14} {shown(value)}")
    if status.password_file:
        file = shlex.quote(str(status.password_file))
        typer.echo(tr('For redis-cli: export REDISCLI_AUTH="$(cat {file})"', file=file))


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    help=tr(
        "Send one command to Redis and print the reply as redis-cli does.\n\n"
        "Example: imglab redis LRANGE image_processing:pending 0 -1"
    ),
)
def redis(
    words: Annotated[list[str], typer.Argument(help=tr("A command of Redis with its arguments."))],
    database: Annotated[
        int | None, typer.Option("-n", min=0, help=tr("The database, where a lesson names one."))
    ] = None,
) -> None:
    """Send one command to Redis and print the reply as redis-cli does."""
    from imglab.console import redis_cli

    with redis_cli.open_client(redis_address(database)) as client:
        reply = redis_cli.run(client, words)
    typer.echo(reply)
    raise typer.Exit(1 if reply.startswith("(error)") else 0)


@app.command(
    help=tr(
        "Print every command that anybody sends to Redis, live.\n\nExample: imglab monitor -n 20"
    )
)
def monitor(
    number: Annotated[
        int, typer.Option("-n", min=0, help=tr("Stop after so many; 0: at Ctrl-C."))
    ] = 0,
) -> None:
    """Print every command that anybody sends to Redis, live."""
    from itertools import islice

    from imglab.console import redis_cli

    with redis_cli.open_client(redis_address()) as client:
        for line in islice(redis_cli.monitor(client), number or None):
            typer.echo(line)
