"""Commands for a queue: add tasks, look at them, and at those that were given up."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from imglab.cli.common import (
    QUEUE,
    AsJson,
    Filters,
    Name,
    Namespace,
    add_row,
    app,
    check_ids,
    new_table,
    open_queue,
    read_by_default,
    table_console,
)
from imglab.errors import ImageError, ImglabError, PartlyAdded
from imglab.language import tr
from imglab.queues.bound import fullness
from imglab.queues.vocabulary import NORMAL, PRIORITIES, Status
from imglab.queues.worker_states import worker_states
from imglab.text import is_utf8, shown

if TYPE_CHECKING:
    from rich.table import Table

    from imglab.queues import RedisTaskQueue

#: A figure of a queue → what a table calls it.
FIGURES = {
    "pending": tr("pending"),
    "processing": tr("processing"),
    "delayed": tr("delayed"),
    "completed": tr("completed"),
    "failed": tr("failed"),
    "cancelled": tr("cancelled"),
    "completed_total": tr("completed total"),
    "failed_total": tr("failed total"),
    "cancelled_total": tr("cancelled total"),
}
#: Seconds between two tables of `stats --watch`.
WATCH_INTERVAL_S = 0.5


@app.command(
    help=tr(
        "Add a task for each image; a worker writes the result into its output folder.\n\n"
        "With --batch each is added once: the same line again adds only what is new or changed."
        "\n\n"
        "Example: imglab submit images/*.jpg --filters blur:radius=3,edges"
    )
)
def submit(
    files: Annotated[
        list[Path],
        typer.Argument(help=tr("Images to filter; with --batch folders, too, or - for stdin.")),
    ],
    filters: Filters = "",
    batch: Annotated[
        str, typer.Option(help=tr("A name for all of them: `imglab batch NAME` tells of it."))
    ] = "",
    keep_folders: Annotated[
        bool, typer.Option(help=tr("With --batch: results in folders as their photographs."))
    ] = False,
    contact_sheet: Annotated[
        bool, typer.Option(help=tr("With --batch: at its end, some of the results on one sheet."))
    ] = False,
    null: Annotated[
        bool, typer.Option("--null", "-0", help=tr("Names on stdin end with NUL: find -print0."))
    ] = False,
    priority: Annotated[
        str, typer.Option(help=tr("One of {priorities}.", priorities=", ".join(PRIORITIES)))
    ] = NORMAL,
    max_attempts: Annotated[
        int | None, typer.Option(min=1, help=tr("Tries of these tasks, if not the queue's."))
    ] = None,
    wait: Annotated[
        float, typer.Option(min=0, help=tr("Seconds to wait for room, where the queue is full."))
    ] = 0,
    resume: Annotated[
        str, typer.Option(help=tr("What a submit said that stopped half-way: adds only the rest."))
    ] = "",
    queue: Name = QUEUE,
    namespace: Namespace = "",
    as_json: AsJson = False,
) -> None:
    """Add a task for each image, or for each of a batch."""
    from imglab.imaging import FilterPipeline
    from imglab.storage import Folders

    if batch:
        from imglab.cli.submit_batch import submit_batch

        submit_batch(
            files,
            batch,
            filters=filters,
            keep_folders=keep_folders,
            contact_sheet=contact_sheet,
            ends_with_null=null,
            priority=priority,
            max_attempts=max_attempts,
            wait=wait,
            queue=queue,
            namespace=namespace,
            as_json=as_json,
        )
        return
    _check_files(files)
    folders = Folders.of_project(read_by_default())
    payloads: list[dict[str, Any]] = [
        {"image_path": folders.name(file.resolve())} for file in files
    ]
    if filters:
        spec = FilterPipeline.parse(filters).spec()
        for payload in payloads:
            payload["filters"] = spec
    say_who_may_read(files, folders.readable)
    with open_queue(queue, namespace) as tasks:
        try:
            ids = tasks.add_tasks(
                payloads,
                priority,
                max_attempts=max_attempts,
                timeout=wait,
                resume=resume or None,
            )
        except PartlyAdded as error:
            raise _half_way(error, len(payloads)) from error
    if as_json:
        typer.echo(json.dumps(ids))
        return
    for task_id, payload in zip(ids, payloads, strict=True):
        typer.echo(f"{task_id}  {shown(payload['image_path'])}")


@app.command(
    help=tr("Show how many tasks are where, and who works.\n\nExample: imglab stats --watch")
)
def stats(
    watch: Annotated[bool, typer.Option(help=tr("Again and again, until Ctrl-C."))] = False,
    queue: Name = QUEUE,
    namespace: Namespace = "",
    as_json: AsJson = False,
) -> None:
    """Show how many tasks are where, and who works."""
    with open_queue(queue, namespace) as tasks:
        if as_json:
            typer.echo(json.dumps(_figures(tasks), indent=2))
        elif watch:
            _watch(tasks)
        else:
            table_console().print(_stats_table(tasks))


@app.command(
    help=tr(
        "Tell the life of one task.\n\n"
        "Example: imglab trace ID, with an id that `imglab submit` printed"
    )
)
def trace(
    task_id: str, queue: Name = QUEUE, namespace: Namespace = "", as_json: AsJson = False
) -> None:
    """Tell the life of one task."""
    check_ids([task_id])
    with open_queue(queue, namespace) as tasks:
        events = tasks.trace(task_id)
        if not events:
            tasks.task(task_id)  # says so when there is no such task
    if as_json:
        typer.echo(json.dumps(events, indent=2))
        return
    for event in events:
        more = {k: v for k, v in event.items() if k not in ("at", "event", "task")}
        words = ", ".join(f"{key} {value}" for key, value in more.items())
        seconds = (event["at"] - events[0]["at"]) / 1000
        typer.echo(f"{seconds:9.3f} s  {shown(event['event']):<10} {shown(words)}")


@app.command(
    help=tr(
        "Take tasks back: one that waits at once, one that runs at its next step.\n\n"
        "Example: imglab cancel ID"
    )
)
def cancel(
    task_ids: Annotated[list[str], typer.Argument(help=tr("Ids of tasks that nobody is to do."))],
    queue: Name = QUEUE,
    namespace: Namespace = "",
) -> None:
    """Take tasks back."""
    check_ids(task_ids)
    finished = []
    with open_queue(queue, namespace) as tasks:
        for task_id in task_ids:
            if not tasks.cancel(task_id):
                finished.append(task_id)
            elif tasks.task(task_id).status == Status.PROCESSING:
                typer.echo(tr("{task}  its worker is asked to stop", task=task_id))
            else:
                typer.echo(tr("{task}  cancelled", task=task_id))
    if finished:
        raise ImglabError(tr("Finished before: {tasks}.", tasks=", ".join(finished)))


def _half_way(error: PartlyAdded, total: int) -> ImglabError:
    """The error for a submit that stopped in the middle, with what to type."""
    words = tr("{added:,} of {total:,} tasks are in.", added=len(error.added), total=total)
    if error.unsure:
        words = tr(
            "{added:,} of {total:,} tasks are in, and of {unsure:,} nobody knows.",
            added=len(error.added),
            total=total,
            unsure=len(error.unsure),
        )
    return ImglabError(
        tr(
            "{why} {words} Type the same line again with --resume {call}: it adds only the rest.",
            why=error.why,
            words=words,
            call=error.call_id,
        )
    )


def _check_files(files: Iterable[Path]) -> None:
    for file in files:
        if not is_utf8(str(file)):
            raise ImageError(
                tr(
                    "The name of {file} is not UTF-8, and a task is. Nothing was added; rename it.",
                    file=file,
                )
            )
        if not file.is_file():
            if file.is_dir():
                raise ImageError(
                    tr(
                        "{file} is a folder, no file. Nothing was added; for all that is in it, "
                        "say --batch NAME.",
                        file=file,
                    )
                )
            raise ImageError(tr("{file} is no file. Nothing was added; check the path.", file=file))


def say_who_may_read(files: Iterable[Path], folders: Iterable[Path]) -> None:
    """Say which of them a worker without --images would not read: their tasks would fail."""
    readable = [folder.resolve() for folder in folders]
    strangers = []
    for file in files:
        place = file.resolve()
        if not any(place.is_relative_to(folder) for folder in readable):
            strangers.append(file)
    if not strangers:
        return
    names = ", ".join(map(str, strangers))
    places = dict.fromkeys(file if file.is_dir() else file.parent for file in strangers)
    options = " ".join(f"--images {shlex.quote(str(place))}" for place in places)
    words = tr(
        "A worker must be told that it may read {names}: imglab worker {options}",
        names=names,
        options=options,
    )
    typer.echo(shown(words), err=True)


def _watch(tasks: RedisTaskQueue) -> NoReturn:
    """Show the table again and again, until Ctrl-C; in place of one, why there is none now."""
    import signal
    import time

    from rich.live import Live
    from rich.text import Text

    tasks.patience = 0.0  # an absence is shown, not waited for
    interrupts: list[int] = []

    def interrupt(number: int, _: object) -> None:
        interrupts.append(number)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    with Live(_stats_table(tasks), console=table_console(), auto_refresh=False) as live:
        while not interrupts:
            time.sleep(WATCH_INTERVAL_S)
            try:
                live.update(_stats_table(tasks), refresh=True)
            except ImglabError as error:  # Redis may be back the next time
                live.update(Text(shown(error)), refresh=True)
    # It came where Python drops it, such as in a destructor.
    raise KeyboardInterrupt


def _figures(tasks: RedisTaskQueue) -> dict[str, Any]:
    """What `stats --json` prints: each worker with what it does, and what its record says."""
    snapshot = tasks.snapshot()
    workers = {}
    for worker in worker_states(snapshot, tasks.settings.lease):
        record = snapshot.workers.get(worker.name, {})
        doing = {"state": worker.activity, "tasks": worker.tasks, "silent_s": worker.silent_s}
        workers[worker.name] = record | doing
    return {**tasks.get_stats(), "max_pending": snapshot.max_pending, "workers": workers}


def _stats_table(tasks: RedisTaskQueue) -> Table:
    table = new_table(tr("place"), tr("tasks"))
    for place, number in tasks.get_stats().shown().items():
        add_row(table, FIGURES[place], number)
    snapshot = tasks.snapshot()
    if snapshot.max_pending is not None:
        add_row(table, tr("in line"), fullness(snapshot.in_line, snapshot.max_pending))
    for worker in worker_states(snapshot, tasks.settings.lease):
        add_row(table, worker.name, worker.words)
    return table
