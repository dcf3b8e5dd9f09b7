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
    new_table,
    open_queue,
    read_by_default,
    table_console,
)
from imglab.errors import ImageError, ImglabError, PartlyAdded
from imglab.queues.bound import fullness
from imglab.queues.vocabulary import NORMAL, PRIORITIES, Status
from imglab.queues.worker_states import worker_states
from imglab.text import is_utf8, shown, shown_json

if TYPE_CHECKING:
    from rich.table import Table

    from imglab.queues import RedisTaskQueue

#: Seconds between two tables of `stats --watch`.
WATCH_INTERVAL_S = 0.5

failed_app = typer.Typer(no_args_is_help=True, help="Tasks that were given up: the dead letters.")
app.add_typer(failed_app, name="failed")


@app.command()
def submit(
    files: Annotated[
        list[Path],
        typer.Argument(help="Images to filter; with --batch folders, too, or - for stdin."),
    ],
    filters: Filters = "",
    batch: Annotated[
        str, typer.Option(help="A name for all of them: `imglab batch NAME` tells of it.")
    ] = "",
    keep_folders: Annotated[
        bool, typer.Option(help="With --batch: results in folders as their photographs.")
    ] = False,
    contact_sheet: Annotated[
        bool, typer.Option(help="With --batch: at its end, some of the results on one sheet.")
    ] = False,
    null: Annotated[
        bool, typer.Option("--null", "-0", help="Names on stdin end with NUL: find -print0.")
    ] = False,
    priority: Annotated[str, typer.Option(help=f"One of {', '.join(PRIORITIES)}.")] = NORMAL,
    max_attempts: Annotated[
        int | None, typer.Option(min=1, help="Tries of these tasks, if not the queue's.")
    ] = None,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for room, where the queue is full.")
    ] = 0,
    resume: Annotated[
        str, typer.Option(help="What a submit said that stopped half-way: adds only the rest.")
    ] = "",
    queue: Name = QUEUE,
    namespace: Namespace = "",
    as_json: AsJson = False,
) -> None:
    """Add a task for each image; a worker writes the result into its output folder.

    With --batch each is added once: the same line again adds only what is new or changed.

    Example: imglab submit images/*.jpg --filters blur:radius=3,edges
    """
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


@app.command()
def stats(
    watch: Annotated[bool, typer.Option(help="Again and again, until Ctrl-C.")] = False,
    queue: Name = QUEUE,
    namespace: Namespace = "",
    as_json: AsJson = False,
) -> None:
    """Show how many tasks are where, and who works.

    Example: imglab stats --watch
    """
    with open_queue(queue, namespace) as tasks:
        if as_json:
            typer.echo(json.dumps(_figures(tasks), indent=2))
        elif watch:
            _watch(tasks)
        else:
            table_console().print(_stats_table(tasks))


@app.command()
def trace(
    task_id: str, queue: Name = QUEUE, namespace: Namespace = "", as_json: AsJson = False
) -> None:
    """Tell the life of one task.

    Example: imglab trace ID, with an id that `imglab submit` printed
    """
    _check_ids([task_id])
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


@app.command()
def cancel(
    task_ids: Annotated[list[str], typer.Argument(help="Ids of tasks that nobody is to do.")],
    queue: Name = QUEUE,
    namespace: Namespace = "",
) -> None:
    """Take tasks back: one that waits at once, one that runs at its next step.

    Example: imglab cancel ID
    """
    _check_ids(task_ids)
    finished = []
    with open_queue(queue, namespace) as tasks:
        for task_id in task_ids:
            if not tasks.cancel(task_id):
                finished.append(task_id)
            elif tasks.task(task_id).status == Status.PROCESSING:
                typer.echo(f"{task_id}  its worker is asked to stop")
            else:
                typer.echo(f"{task_id}  cancelled")
    if finished:
        raise ImglabError(f"Finished before: {', '.join(finished)}.")


@failed_app.command("list")
def failed_list(
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the latest first.")] = 20,
    queue: Name = QUEUE,
    namespace: Namespace = "",
    as_json: AsJson = False,
) -> None:
    """List failed tasks with their last error.

    Example: imglab failed list --limit 5
    """
    with open_queue(queue, namespace) as tasks:
        failed = [_task(tasks, task_id) for task_id in tasks.tasks(Status.FAILED, limit)]
    if as_json:
        typer.echo(json.dumps(failed, indent=2))
    elif not failed:
        typer.echo("No task has failed.")
    else:
        table = new_table("task", "attempts", "reason")
        for each in failed:
            add_row(table, each["id"], each["attempts"], each["reason"])
        table_console().print(table)


@failed_app.command("show")
def failed_show(task_id: str, queue: Name = QUEUE, namespace: Namespace = "") -> None:
    """Show everything about one task, with its last errors.

    Example: imglab failed show ID
    """
    _check_ids([task_id])
    with open_queue(queue, namespace) as tasks:
        typer.echo(shown_json(_task(tasks, task_id)))


@failed_app.command("requeue")
def failed_requeue(
    task_ids: Annotated[
        list[str] | None, typer.Argument(help="Ids of failed or cancelled tasks.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that failed.")] = False,
    queue: Name = QUEUE,
    namespace: Namespace = "",
) -> None:
    """Give failed tasks a fresh start; cancelled ones only when they are named.

    Example: imglab failed requeue ID
    """
    if not task_ids and not every:
        raise ImglabError("Which ones? Name their ids (imglab failed list), or say --all.")
    _check_ids(task_ids or ())
    with open_queue(queue, namespace) as tasks:
        moved = tasks.requeue_failed(None if every else task_ids)
    if missing := set(task_ids or ()) - set(moved):
        names = ", ".join(sorted(missing))
        raise ImglabError(f"Not among the failed or cancelled tasks: {names}.")
    typer.echo(f"{len(moved)} back in line.")


def _half_way(error: PartlyAdded, total: int) -> ImglabError:
    """The error for a submit that stopped in the middle, with what to type."""
    words = f"{len(error.added):,} of {total:,} tasks are in"
    if error.unsure:
        words += f", and of {len(error.unsure):,} nobody knows"
    return ImglabError(
        f"{error.why} {words}. Type the same line again with --resume {error.call_id}: it adds "
        "only the rest."
    )


def _check_ids(task_ids: Iterable[str]) -> None:
    for task_id in task_ids:
        if not is_utf8(task_id):
            raise ImglabError(f"There is no task {task_id}: the name of a task is UTF-8.")


def _check_files(files: Iterable[Path]) -> None:
    for file in files:
        if not is_utf8(str(file)):
            raise ImageError(
                f"The name of {file} is not UTF-8, and a task is. Nothing was added; rename it."
            )
        if not file.is_file():
            if file.is_dir():
                raise ImageError(
                    f"{file} is a folder, no file. Nothing was added; for all that is in it, say "
                    "--batch NAME."
                )
            raise ImageError(f"{file} is no file. Nothing was added; check the path.")


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
    words = f"A worker must be told that it may read {names}: imglab worker {options}"
    typer.echo(shown(words), err=True)


def _task(tasks: RedisTaskQueue, task_id: str) -> dict[str, Any]:
    task = tasks.task(task_id)
    return {
        "id": task.id,
        "status": task.status,
        "payload": task.payload,
        "attempts": task.attempt,
        "crashes": task.crashes,
        "worker": task.worker,
        "reason": task.reason if task.status in (Status.FAILED, Status.CANCELLED) else "",
        "errors": list(task.errors),
    }


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
    table = new_table("place", "tasks")
    for place, number in tasks.get_stats().shown().items():
        add_row(table, place.replace("_", " "), number)
    snapshot = tasks.snapshot()
    if snapshot.max_pending is not None:
        add_row(table, "in line", fullness(snapshot.in_line, snapshot.max_pending))
    for worker in worker_states(snapshot, tasks.settings.lease):
        add_row(table, worker.name, worker.words)
    return table
