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
from imglab.text import shown

server_app = typer.Typer(
    no_args_is_help=True, help="Start, stop or look at the project's own Redis."
)
app.add_typer(server_app, name="server")


@server_app.command("start")
def server_start(
    host: Annotated[
        str, typer.Option(help="An address of this machine, for workers on others.")
    ] = "",
    queue: Name = QUEUE,
    namespace: Namespace = "",
) -> None:
    """Start the project's own Redis, or find it; it stops a minute after its last client.

    With --host it listens at that address, too, stays until `imglab server stop`, and prints what
    to type on another machine for a worker of this one queue.

    Example: imglab server start --host 192.168.1.10
    """
    if host:
        _start_for_others(host, queue, namespace)
        return
    here = ensure_server()
    typer.echo(f"Redis {'started' if here.started else 'answers'} at {here.host}:{here.port}.")
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
    typer.echo(
        "Redis answers other machines, until `imglab server stop`. Nothing that travels is "
        "encrypted: do this in a network that you trust."
    )
    typer.echo("On each of them, in a folder with the photographs in images/ and an output/:\n")
    typer.echo(f"export IMGLAB_REDIS_URL={url}")
    typer.echo(shlex.join(words))


@server_app.command("stop")
def server_stop() -> None:
    """Stop the project's own Redis; its data stays.

    Example: imglab server stop
    """
    from imglab import server

    stopped = server.stop()
    typer.echo("Redis stopped; its data stays." if stopped else "No Redis of this project runs.")


@server_app.command("status")
def server_status(as_json: AsJson = False) -> None:
    """Show what runs, and how redis-cli gets its password; exit code 1 when nothing does.

    Example: imglab server status
    """
    import shlex
    from dataclasses import asdict

    from imglab import server

    status = server.status()
    if status is None:
        typer.echo("null" if as_json else "No Redis of this project runs.")
        raise typer.Exit(1)
    if as_json:
        typer.echo(json.dumps(asdict(status), default=str, indent=2))
        return
    for key, value in asdict(status).items():
        typer.echo(f"{key:<14} {shown(value)}")
    if status.password_file:
        file = shlex.quote(str(status.password_file))
        typer.echo(f'For redis-cli: export REDISCLI_AUTH="$(cat {file})"')


@app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def redis(
    words: Annotated[list[str], typer.Argument(help="A command of Redis with its arguments.")],
    database: Annotated[
        int | None, typer.Option("-n", min=0, help="The database, where a lesson names one.")
    ] = None,
) -> None:
    """Send one command to Redis and print the reply as redis-cli does.

    Example: imglab redis LRANGE image_processing:pending 0 -1
    """
    from imglab.console import redis_cli

    with redis_cli.open_client(redis_address(database)) as client:
        reply = redis_cli.run(client, words)
    typer.echo(reply)
    raise typer.Exit(1 if reply.startswith("(error)") else 0)


@app.command()
def monitor(
    number: Annotated[int, typer.Option("-n", min=0, help="Stop after so many; 0: at Ctrl-C.")] = 0,
) -> None:
    """Print every command that anybody sends to Redis, live.

    Example: imglab monitor -n 20
    """
    from itertools import islice

    from imglab.console import redis_cli

    with redis_cli.open_client(redis_address()) as client:
        for line in islice(redis_cli.monitor(client), number or None):
            typer.echo(line)
