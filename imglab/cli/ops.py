"""Commands for whoever runs a queue: its doctor, and chaos."""

from __future__ import annotations

import json
import os
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

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
    progress_bars,
    table_console,
)
from imglab.language import tr, tr_count
from imglab.text import shown

if TYPE_CHECKING:
    from imglab.classroom.setup_check import Bench, Lamp
    from imglab.ops.chaos.report import Report
    from imglab.ops.doctor import Finding

#: What stands before a finding, and its colour.
SIGNS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "broken": ("✗", "red")}
#: The same for a lamp, by its state, and what the state is called.
LAMPS = {
    "green": ("●", "green", tr("green")),
    "red": ("✕", "red", tr("red")),
    "not tried": ("○", None, tr("not tried")),
}
#: The workers of a lesson, which a machine in a class has to have room for.
CLASS_WORKERS = 3
#: Bytes of a new password: too many to guess, and few enough to type from a screen.
PASSWORD_BYTES = 6
#: How many broken promises are printed; --json has all of them.
SENTENCES_SHOWN = 20


@app.command(
    help=tr(
        "Look for what is wrong, each finding with its remedy; exit code 1 for what is broken.\n\n"
        "With --class it tries the six lamps of lesson 00, in ten seconds or so, and no queue.\n"
        "Example: imglab doctor --repair"
    )
)
def doctor(
    repair: Annotated[bool, typer.Option(help=tr("Mend what can be mended."))] = False,
    for_class: Annotated[
        bool, typer.Option("--class", help=tr("Look at this machine, the day before a class."))
    ] = False,
    queue: Name = QUEUE,
    namespace: Namespace = "",
    as_json: AsJson = False,
) -> None:
    """Look for what is wrong with a queue, or with this machine."""
    from imglab.ops.doctor import examine

    if for_class and repair:
        raise typer.BadParameter(
            tr("--repair is for a queue; with --class type what each lamp says.")
        )
    if for_class:
        _look_at_machine(as_json)
    with open_queue(queue, namespace) as tasks:
        findings = examine(tasks)
        if repair:
            for mend in [each.repair for each in findings if each.repair]:
                mend()
            findings = examine(tasks)
    if as_json:
        typer.echo(json.dumps([each.as_dict() for each in findings], indent=2))
    else:
        _print_findings(findings)
    raise typer.Exit(any(each.level == "broken" for each in findings))


@app.command(
    help=tr(
        "Print three users with few rights for one queue, as lines to type; nothing is changed."
        "\n\n"
        "Each line has a new password. Type them as the administrator of that Redis.\n"
        "Example: imglab users --namespace room:"
    )
)
def users(queue: Name = QUEUE, namespace: Namespace = "") -> None:
    """Print three users with few rights for one queue, as lines to type."""
    import secrets
    import shlex

    from imglab.ops.users import USERS, address_for, rules

    passwords = {user: secrets.token_hex(PASSWORD_BYTES) for user in USERS}
    url = os.environ.get("IMGLAB_REDIS_URL", "")
    urls = {user: address_for(user, passwords[user], url) for user in USERS}
    for user, rule in rules(passwords, queue, namespace).items():
        typer.echo(shlex.join(["imglab", "redis", "ACL", "SETUSER", user, *rule]))
    typer.echo("")
    for user in USERS:
        own_url = shlex.quote(urls[user])
        typer.echo(tr("# For a {user}: export IMGLAB_REDIS_URL={url}", user=user, url=own_url))


@app.command(
    help=tr(
        "Kill workers, Redis and connections while tasks run; exit code 1 if a promise was broken."
        "\n\n"
        "Example: imglab chaos --tasks 200 --workers 4 --seconds 10"
    )
)
def chaos(
    seed: Annotated[
        int, typer.Option(help=tr("Another number, other tasks and other faults."))
    ] = 1,
    tasks: Annotated[
        int,
        typer.Option(
            min=10, max=100_000, help=tr("Tasks to do; some fail, hang or kill their worker.")
        ),
    ] = 2000,
    workers: Annotated[int, typer.Option(min=1, max=64, help=tr("Worker processes."))] = 8,
    seconds: Annotated[
        float, typer.Option(min=1, help=tr("For how many seconds something is killed or cut."))
    ] = 50,
    prefetch: Annotated[
        int, typer.Option(min=1, help=tr("Tasks that a worker claims at once."))
    ] = 1,
    as_json: AsJson = False,
) -> None:
    """Kill workers, Redis and connections while tasks run, and judge what came of it."""
    import signal
    import tempfile

    from imglab.ops import chaos as the_chaos
    from imglab.ops.chaos.words import FAULTS_IN_WORDS

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # nothing is left behind then, too
    with (
        tempfile.TemporaryDirectory(prefix="imglab-chaos-") as folder,
        progress_bars(max(map(len, FAULTS_IN_WORDS.values()))) as progress,
    ):
        bar = progress.add_task(tr("starting"), total=tasks)

        def follow(what: str, done: int) -> None:
            progress.update(bar, description=what, completed=done)

        report = the_chaos.run(
            Path(folder),
            seed,
            tasks=tasks,
            workers=workers,
            seconds=seconds,
            prefetch=prefetch,
            on_progress=follow,
        )
    wrong = list(chain.from_iterable(report.wrong.values()))
    if as_json:
        typer.echo(json.dumps(report.as_dict(), indent=2))
    else:
        _print_report(report, wrong[:SENTENCES_SHOWN])
    raise typer.Exit(1 if wrong else 0)


def _look_at_machine(as_json: bool) -> NoReturn:
    """Try the six lamps, and leave: with exit code 0 when all of them are green."""
    from imglab.classroom.setup_check import Bench

    lamps = Bench("", in_kernel=True)
    if as_json:
        lamps.run()
        figures = [
            {"lamp": name, **lamp._asdict(), "mend": lamps.mend(name)}
            for name, lamp in lamps.lamps.items()
        ]
        typer.echo(json.dumps(figures, indent=2))
    else:
        lamps.run(partial(_print_lamp, lamps))
        _print_sum(lamps)
    raise typer.Exit(any(lamp.state != "green" for lamp in lamps.lamps.values()))


def _print_lamp(lamps: Bench, name: str, lamp: Lamp) -> None:
    from imglab.classroom.setup_check import LAMP_NAMES

    number = list(lamps.lamps).index(name) + 1
    sign, color, state = LAMPS[lamp.state]
    typer.secho(f"{sign} {number} {LAMP_NAMES[name]}: {state}", fg=color)
    typer.echo(f"    {shown(lamp.words)}")
    if lamp.state == "red":
        typer.echo(tr("    Type: {line}", line=shown(lamps.mend(name))))


def _print_sum(lamps: Bench) -> None:
    from imglab.classroom.setup_check import LAMP_NAMES

    red = [name for name, lamp in lamps.lamps.items() if lamp.state == "red"]
    if red:
        words = tr(
            "Mend the first red lamp ({lamp}), then type `imglab doctor --class` again.",
            lamp=LAMP_NAMES[red[0]],
        )
        typer.echo(words)
        return
    _print_room()
    cores = os.cpu_count() or 1
    words = tr(
        "This machine is ready. Cores: {cores}, so workers together do at most {cores} × the work "
        "of one.",
        cores=cores,
    )
    typer.echo(words)


def _print_room() -> None:
    """Say for how many workers there is memory, and what to do where that is few."""
    from imglab.workers.room import room_for

    room = room_for(CLASS_WORKERS)
    if room is not None and not room.is_enough:
        typer.secho(f"! {room.what}: {room.remedy}", fg="yellow")


def _print_findings(findings: list[Finding]) -> None:
    for finding in findings:
        sign, color = SIGNS[finding.level]
        typer.secho(f"{sign} {shown(finding.what)}", fg=color)
        if finding.remedy:
            typer.echo(f"    {shown(finding.remedy)}")


def _print_report(report: Report, sentences: list[str]) -> None:
    head = tr_count(
        "seed {seed}, {count} workers",
        "seed {seed}, {count} workers",
        report.workers,
        seed=report.seed,
    )
    table = new_table(head, "")
    for row in report.rows():
        add_row(table, *row)
    table_console().print(table)
    for sentence in sentences:
        typer.secho(f"✗ {shown(sentence)}", fg="red")
