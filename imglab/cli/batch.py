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
from imglab.cli.options import check_needs, check_together
from imglab.errors import NoSuchTask
from imglab.language import tr, tr_count
from imglab.queues.reasons import reason_in_words
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
#: Options of `imglab batch` that go together.
PAIRS = (("--watch", "--wait"), ("--wait", "--manifest"), ("--wait", "--json"))


@app.command(
    help=tr(
        "Tell how a batch stands: how much is done, how fast, how long it takes, and what failed."
        "\n\n"
        "With --wait, --manifest goes on until the batch is over.\n\n"
        "Example: imglab batch holiday --manifest holiday.jsonl"
    )
)
def batch(
    name: Annotated[str, typer.Argument(help=tr("Which batch; without a name, all of them."))] = "",
    watch: Annotated[bool, typer.Option(help=tr("Again and again, until it is over."))] = False,
    wait: Annotated[bool, typer.Option(help=tr("Say it when it is over."))] = False,
    manifest: Annotated[
        Path | None,
        typer.Option(help=tr("Write a line of JSON for each picture that ended; - for stdout.")),
    ] = None,
    retry: Annotated[bool, typer.Option(help=tr("Give its failed tasks a fresh start."))] = False,
    cancel: Annotated[bool, typer.Option(help=tr("Take its open tasks back."))] = False,
    forget: Annotated[bool, typer.Option(help=tr("Delete what is known of it."))] = False,
    queue: Name = QUEUE,
    namespace: Namespace = "",
    as_json: AsJson = False,
) -> None:
    """Tell of batches, or do with one of them what an option says."""
    options = {
        "--watch": watch,
        "--wait": wait,
        "--manifest": manifest is not None,
        "--retry": retry,
        "--cancel": cancel,
        "--forget": forget,
    }
    if not name:
        check_needs(options, tr("the name of a batch"))
    check_together(options | {"--json": as_json}, PAIRS)
    with open_queue(queue, namespace) as tasks:
        if not name:
            _list(tasks, as_json)
        elif retry:
            _retry(tasks, name)
        elif cancel:
            _cancel(tasks, name)
        elif forget:
            _forget(tasks, name)
        elif manifest is not None:
            _write_manifest(tasks, name, manifest, wait)
        else:
            _show(tasks, name, watch, wait, as_json)


def _retry(tasks: RedisTaskQueue, name: str) -> None:
    moved = tasks.requeue_failed(list(tasks.batch_tasks(name, Status.FAILED)))
    typer.echo(tr_count("{count:,} back in line.", "{count:,} back in line.", len(moved)))


def _cancel(tasks: RedisTaskQueue, name: str) -> None:
    """Take its open tasks back; one that has ended meanwhile, or is not kept, stops no other."""
    asked = 0
    unknown = 0
    for task_id in list(tasks.batch_tasks(name, "open")):
        try:
            asked += tasks.cancel(task_id)
        except NoSuchTask:
            unknown += 1
    words = tr_count(
        "{count:,} cancelled, or their workers are asked to stop.",
        "{count:,} cancelled, or their workers are asked to stop.",
        asked,
    )
    typer.echo(words)
    if unknown:
        words = tr_count(
            "{count:,} more are not kept any more, so nobody will do them.",
            "{count:,} more are not kept any more, so nobody will do them.",
            unknown,
        )
        typer.echo(words)


def _forget(tasks: RedisTaskQueue, name: str) -> None:
    tasks.forget_batch(name)
    typer.echo(tr("The batch {name} is forgotten; its results are where they were.", name=name))


def _list(tasks: RedisTaskQueue, as_json: bool) -> None:
    states = tasks.batches()
    if as_json:
        typer.echo(json.dumps([_figures(state) for state in states], indent=2))
    elif not states:
        typer.echo(tr("There is no batch. Make one: imglab submit FOLDER --batch NAME"))
    else:
        table = new_table(
            tr("batch"), tr("tasks"), tr("completed"), tr("failed"), tr("cancelled"), tr("open")
        )
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
    words = tr_count(
        "{count:,} lines in {path}.", "{count:,} lines in {path}.", count, path=shown(path)
    )
    typer.echo(words)


def _show(tasks: RedisTaskQueue, name: str, watch: bool, wait: bool, as_json: bool) -> None:
    from imglab.batches import progress_of

    if watch:
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
        Text(f"  {shown(each.label)}: {shown(reason_in_words(each.reason))}", style="red")
        for each in progress.failed
    ]
    hidden = state.failed - len(progress.failed)
    if hidden > 0:
        more = tr_count(
            "  and {count:,} more: imglab batch {name} --manifest -",
            "  and {count:,} more: imglab batch {name} --manifest -",
            hidden,
            name=state.name,
        )
        lines.append(Text(more))
    return Group(*lines)


def _standing(state: BatchState) -> str:
    figures = {
        "name": state.name,
        "ended": state.ended,
        "tasks": state.tasks,
        "percent": 100 * state.ended // max(1, state.tasks),
        "completed": state.completed,
        "failed": state.failed,
        "open": state.open,
    }
    if not state.cancelled:
        return tr(
            "{name}: {ended:,} of {tasks:,} ended ({percent} %): {completed:,} completed, "
            "{failed:,} failed; {open:,} open.",
            **figures,
        )
    return tr(
        "{name}: {ended:,} of {tasks:,} ended ({percent} %): {completed:,} completed, "
        "{failed:,} failed, {cancelled:,} cancelled; {open:,} open.",
        cancelled=state.cancelled,
        **figures,
    )


def _pace(progress: Progress) -> str:
    state = progress.state
    if state.is_over:
        if state.ended_at < state.began_at:  # nothing was in it, so nothing ended
            return tr("It is over.")
        took = (state.ended_at - state.began_at) / 1000
        return tr("It is over: {took:,.1f} s from its beginning to its end.", took=took)
    if not state.is_closed:
        return tr(
            "It is still being submitted. If that stopped half-way: the same line again goes on."
        )
    left = progress.seconds_left
    if left is None:
        return tr("Nobody can tell yet how long it takes: imglab worker works on it.")
    return tr(
        "{rate:,.1f} a second at last; about {duration} left.",
        rate=progress.rate,
        duration=_duration(left),
    )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
