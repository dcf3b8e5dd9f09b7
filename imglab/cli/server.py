"""Commands for the project's own Redis, and to speak to it."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from imglab.cli.common import (
    AsJson,
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
def server_start() -> None:
    """Start the project's own Redis, or find it; it stops a minute after its last client.

    Example: imglab server start
    """
    here = ensure_server()
    typer.echo(f"Redis {'started' if here.started else 'answers'} at {here.host}:{here.port}.")
    if here.note and not here.started:
        typer.echo(here.note)


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
