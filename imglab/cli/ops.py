"""Commands for whoever runs a queue: its doctor, and chaos."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
from imglab.text import shown

if TYPE_CHECKING:
    from imglab.ops.chaos.report import Report
    from imglab.ops.doctor import Finding

#: What stands before a finding, and its colour.
SIGNS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "broken": ("✗", "red")}
#: How many broken promises are printed; --json has all of them.
SENTENCES_SHOWN = 20


@app.command()
def doctor(
    repair: Annotated[bool, typer.Option(help="Mend what can be mended.")] = False,
    queue: Name = QUEUE,
    namespace: Namespace = "",
    as_json: AsJson = False,
) -> None:
    """Look for what is wrong, each finding with its remedy; exit code 1 for what is broken.

    Example: imglab doctor --repair
    """
    from imglab.ops.doctor import examine

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


@app.command()
def chaos(
    seed: Annotated[int, typer.Option(help="Another number, other tasks and other faults.")] = 1,
    tasks: Annotated[
        int,
        typer.Option(
            min=10, max=100_000, help="Tasks to do; some fail, hang or kill their worker."
        ),
    ] = 2000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 8,
    seconds: Annotated[
        float, typer.Option(min=1, help="For how many seconds something is killed or cut.")
    ] = 50,
    prefetch: Annotated[int, typer.Option(min=1, help="Tasks that a worker claims at once.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Kill workers, Redis and connections while tasks run; exit code 1 if a promise was broken.

    Example: imglab chaos --tasks 200 --workers 4 --seconds 10
    """
    import signal
    import tempfile

    from imglab.ops import chaos as the_chaos

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # nothing is left behind then, too
    with (
        tempfile.TemporaryDirectory(prefix="imglab-chaos-") as folder,
        progress_bars() as progress,
    ):
        bar = progress.add_task("starting", total=tasks)

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


def _print_findings(findings: list[Finding]) -> None:
    for finding in findings:
        sign, color = SIGNS[finding.level]
        typer.secho(f"{sign} {shown(finding.what)}", fg=color)
        if finding.remedy:
            typer.echo(f"    {shown(finding.remedy)}")


def _print_report(report: Report, sentences: list[str]) -> None:
    table = new_table(f"seed {report.seed}, {report.workers} workers", "")
    for row in report.rows():
        add_row(table, *row)
    table_console().print(table)
    for sentence in sentences:
        typer.secho(f"✗ {shown(sentence)}", fg="red")
