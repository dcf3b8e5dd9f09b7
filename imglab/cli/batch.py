"""The command that tells of batches: whole folders of photographs under one name."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from imglab.queues.vocabulary import Status
from imglab.text import shown

if TYPE_CHECKING:
    from rich.console import RenderableType

    from imglab.batches import Progress
    from imglab.queues import RedisTaskQueue
    from imglab.queues.batches import BatchState

#: What stands for standard output.
STDOUT = Path("-")
#: Seconds between two looks of --watch and --wait.
WATCH_INTERVAL_S = 0.5


@app.command()
def batch(
    name: Annotated[str, typer.Argument(help="Which batch; without a name, all of them.")] = "",
    watch: Annotated[bool, typer.Option(help="Again and again, until it is over.")] = False,
    wait: Annotated[bool, typer.Option(help="Say it when it is over.")] = False,
    manifest: Annotated[
        Path | None,
        typer.Option(help="Write a line of JSON for each picture that ended; - for stdout."),
    ] = None,
    retry: Annotated[bool, typer.Option(help="Give its failed tasks a fresh start.")] = False,
    cancel: Annotated[bool, typer.Option(help="Take its open tasks back.")] = False,
    forget: Annotated[bool, typer.Option(help="Delete what is known of it.")] = False,
    queue: Name = QUEUE,
    namespace: Namespace = "",
    as_json: AsJson = False,
) -> None:
    """Tell how a batch stands: how much is done, how fast, how long it takes, and what failed.

    With --wait, --manifest goes on until the batch is over.

    Example: imglab batch holiday --manifest holiday.jsonl
    """
    with open_queue(queue, namespace) as tasks:
        if not name:
            _list(tasks, as_json)
        elif retry:
            moved = tasks.requeue_failed(list(tasks.batch_tasks(name, Status.FAILED)))
            typer.echo(f"{len(moved):,} back in line.")
        elif cancel:
            asked = [tasks.cancel(each) for each in list(tasks.batch_tasks(name, "open"))]
            typer.echo(f"{sum(asked):,} cancelled, or their workers are asked to stop.")
        elif forget:
            tasks.forget_batch(name)
            typer.echo(f"The batch {name} is forgotten; its results are where they were.")
        elif manifest is not None:
            _write_manifest(tasks, name, manifest, wait)
        else:
            _show(tasks, name, watch, wait, as_json)


def _list(tasks: RedisTaskQueue, as_json: bool) -> None:
    states = tasks.batches()
    if as_json:
        typer.echo(json.dumps([_figures(state) for state in states], indent=2))
    elif not states:
        typer.echo("There is no batch. Make one: imglab submit FOLDER --batch NAME")
    else:
        table = new_table("batch", "tasks", "completed", "failed", "cancelled", "open")
        for each in states:
            counts = (each.tasks, each.completed, each.failed, each.cancelled, each.open)
            add_row(table, each.name, *(f"{count:,}" for count in counts))
        table_console().print(table)


def _figures(state: BatchState) -> dict[str, Any]:
    names = ("name", "tasks", "completed", "failed", "cancelled", "open", "is_closed")
    return {name: getattr(state, name) for name in names}


def _write_manifest(tasks: RedisTaskQueue, name: str, path: Path, follow: bool) -> None:
    from imglab.batches.report import manifest

    lines = manifest(tasks, name, follow=follow)
    if path == STDOUT:
        for line in lines:
            typer.echo(line)
        return
    tasks.batch(name)  # before a file is made for a batch that there is not
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(f"{line}\n")
            file.flush()
            count += 1
    typer.echo(f"{count:,} lines in {shown(path)}.")


def _show(tasks: RedisTaskQueue, name: str, watch: bool, wait: bool, as_json: bool) -> None:
    from imglab.batches import progress_of

    if watch and not as_json:
        _watch(tasks, name)
        return
    while wait and not tasks.batch(name).is_over:
        time.sleep(WATCH_INTERVAL_S)
    progress = progress_of(tasks, name)
    if as_json:
        typer.echo(json.dumps(progress.as_plain(), indent=2))
    else:
        table_console().print(_picture(progress))


def _watch(tasks: RedisTaskQueue, name: str) -> None:
    from rich.live import Live

    from imglab.batches import progress_of

    progress = progress_of(tasks, name)
    with Live(_picture(progress), console=table_console(), auto_refresh=False) as live:
        while not progress.state.is_over:
            time.sleep(WATCH_INTERVAL_S)
            progress = progress_of(tasks, name)
            live.update(_picture(progress), refresh=True)


def _picture(progress: Progress) -> RenderableType:
    """A bar, the figures, and the latest that failed."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    state = progress.state
    bar = Table.grid()  # a bar alone does not end its line
    bar.add_row(ProgressBar(total=max(1, state.tasks), completed=state.ended, width=40))
    lines: list[RenderableType] = [bar, Text(_standing(state)), Text(_pace(progress))]
    lines += [
        Text(f"  {shown(each.label)}: {shown(each.reason)}", style="red")
        for each in progress.failed
    ]
    hidden = state.failed - len(progress.failed)
    if hidden > 0:
        lines.append(Text(f"  and {hidden:,} more: imglab batch {state.name} --manifest -"))
    return Group(*lines)


def _standing(state: BatchState) -> str:
    percent = 100 * state.ended // max(1, state.tasks)
    words = f"{state.name}: {state.ended:,} of {state.tasks:,} ended ({percent} %)"
    words += f": {state.completed:,} completed, {state.failed:,} failed"
    if state.cancelled:
        words += f", {state.cancelled:,} cancelled"
    return f"{words}; {state.open:,} open."


def _pace(progress: Progress) -> str:
    state = progress.state
    if state.is_over:
        took = (state.ended_at - state.began_at) / 1000
        return f"It is over: {took:,.1f} s from its beginning to its end."
    if not state.is_closed:
        return "It is still being submitted. If that stopped half-way: the same line again goes on."
    left = progress.seconds_left
    if left is None:
        return "Nobody can tell yet how long it takes: imglab worker works on it."
    return f"{progress.rate:,.1f} a second at last; about {_duration(left)} left."


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
