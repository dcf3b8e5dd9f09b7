"""The command of a queue's settings, and the options of those that a worker may bring along."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from imglab.cli.common import (
    QUEUE,
    AsJson,
    Name,
    Namespace,
    add_row,
    app,
    new_table,
    open_queue,
    table_console,
)
from imglab.errors import QueueError
from imglab.language import tr

#: What a time limit, or a bound, is called that is none.
NO_LIMIT = "none"
#: The settings that may be none, what they are else, and what to say when they are not that.
MAY_BE_NONE: dict[str, tuple[Callable[[str], float], str]] = {
    "time_limit": (float, tr("{name} must be a number of seconds or {none}, not {text!r}.")),
    "max_pending": (int, tr("{name} must be a whole number or {none}, not {text!r}.")),
}

Lease = Annotated[
    float | None, typer.Option(help=tr("Seconds that a claim holds without a sign of life."))
]
MaxAttempts = Annotated[
    int | None, typer.Option(help=tr("Tries that may end in an error, the first included."))
]
TimeLimit = Annotated[
    str | None,
    typer.Option(help=tr("Seconds that one try may take; {none} for no limit.", none=NO_LIMIT)),
]
MaxCrashes = Annotated[int | None, typer.Option(help=tr("Workers that may die over one task."))]
Backoff = Annotated[
    float | None, typer.Option(help=tr("The longest wait before the second try, in seconds."))
]
BackoffCap = Annotated[
    float | None, typer.Option(help=tr("The longest wait before any further try, in seconds."))
]
Keep = Annotated[int | None, typer.Option(help=tr("Completed, and failed, tasks that are kept."))]
KeepEvents = Annotated[int | None, typer.Option(help=tr("Events of the history that are kept."))]
Ttl = Annotated[float | None, typer.Option(help=tr("Seconds that a result is kept."))]
MaxPending = Annotated[
    str | None,
    typer.Option(
        help=tr("Tasks that may be in line and delayed; {none} for any number.", none=NO_LIMIT)
    ),
]


@app.command(
    help=tr(
        "Show the settings of a queue, or change them for everybody who uses it.\n\n"
        "Example: imglab settings --max-attempts 6 --lease 60"
    )
)
def settings(
    lease: Lease = None,
    max_attempts: MaxAttempts = None,
    time_limit: TimeLimit = None,
    max_crashes: MaxCrashes = None,
    backoff: Backoff = None,
    backoff_cap: BackoffCap = None,
    keep: Keep = None,
    keep_events: KeepEvents = None,
    ttl: Ttl = None,
    max_pending: MaxPending = None,
    default: Annotated[
        bool, typer.Option("--default", help=tr("All others as by default."))
    ] = False,
    queue: Name = QUEUE,
    namespace: Namespace = "",
    as_json: AsJson = False,
) -> None:
    """Show the settings of a queue, or change them for everybody who uses it."""
    from imglab.queues import QueueSettings
    from imglab.queues.stored_settings import as_plain

    asked = asked_for(
        {
            "lease": lease,
            "max_attempts": max_attempts,
            "time_limit": time_limit,
            "max_crashes": max_crashes,
            "backoff": backoff,
            "backoff_cap": backoff_cap,
            "keep": keep,
            "keep_events": keep_events,
            "ttl": ttl,
            "max_pending": max_pending,
        }
    )
    with open_queue(queue, namespace) as tasks:
        if default:
            tasks.change_settings(QueueSettings(), **asked)
        elif asked:
            tasks.change_settings(**asked)
        values = as_plain(tasks.settings)
    if as_json:
        typer.echo(json.dumps(values, indent=2))
        return
    table = new_table(tr("setting"), tr("value"))
    for name, value in values.items():
        add_row(table, name.replace("_", "-"), _in_words(value))
    table_console().print(table)


def asked_for(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that somebody named, checked; a mistake ends the command with exit code 2."""
    from imglab.queues import QueueSettings

    asked = {name: value for name, value in values.items() if value is not None}
    for name, (kind, otherwise) in MAY_BE_NONE.items():
        if name in asked:
            asked[name] = _unless_none(name, kind, otherwise, asked[name])
    try:
        QueueSettings(**asked)
    except QueueError as error:
        raise typer.BadParameter(str(error)) from None
    return asked


def _unless_none(
    name: str, kind: Callable[[str], float], otherwise: str, text: str
) -> float | None:
    """What an option says, as a number of this kind; no limit is None."""
    if text == NO_LIMIT:
        return None
    try:
        return kind(text)
    except ValueError:
        raise typer.BadParameter(otherwise.format(name=name, none=NO_LIMIT, text=text)) from None


def _in_words(value: float | None) -> str:
    if value is None:
        return NO_LIMIT
    return f"{value:,}"
