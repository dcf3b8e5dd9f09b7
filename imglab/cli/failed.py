"""Commands for tasks that were given up."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
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
from imglab.cli.options import check_together
from imglab.cli.typer_words import Commands
from imglab.errors import ImglabError, NoSuchTask, QueueError, QueueUnavailable
from imglab.language import tr, tr_count
from imglab.queues.reasons import reason_in_words
from imglab.queues.vocabulary import Status
from imglab.text import shown_json

if TYPE_CHECKING:
    from imglab.queues import RedisTaskQueue

failed_app = Commands(help=tr("Tasks that were given up: the dead letters."))
app.add_typer(failed_app, name="failed")


@failed_app.command(
    "list",
    help=tr("List failed tasks with their last error.\n\nExample: imglab failed list --limit 5"),
)
def failed_list(
    limit: Annotated[int, typer.Option(min=1, help=tr("At most so many, the latest first."))] = 20,
    queue: Name = QUEUE,
    namespace: Namespace = "",
    as_json: AsJson = False,
) -> None:
    """List failed tasks with their last error."""
    with open_queue(queue, namespace) as tasks:
        failed = list(_tasks(tasks, tasks.tasks(Status.FAILED, limit)))
    if as_json:
        typer.echo(json.dumps(failed, indent=2))
    elif not failed:
        typer.echo(tr("No task has failed."))
    else:
        table = new_table(tr("task"), tr("attempts"), tr("reason"))
        for each in failed:
            add_row(table, each["id"], each["attempts"], reason_in_words(each["reason"]))
        table_console().print(table)


@failed_app.command(
    "show",
    help=tr(
        "Show everything about one task, with its last errors.\n\nExample: imglab failed show ID"
    ),
)
def failed_show(task_id: str, queue: Name = QUEUE, namespace: Namespace = "") -> None:
    """Show everything about one task, with its last errors."""
    with open_queue(queue, namespace) as tasks:
        typer.echo(shown_json(_task(tasks, task_id)))


@failed_app.command(
    "requeue",
    help=tr(
        "Give failed tasks a fresh start; cancelled ones only when they are named.\n\n"
        "Example: imglab failed requeue ID"
    ),
)
def failed_requeue(
    task_ids: Annotated[
        list[str] | None, typer.Argument(help=tr("Ids of failed or cancelled tasks."))
    ] = None,
    every: Annotated[bool, typer.Option("--all", help=tr("All that failed."))] = False,
    queue: Name = QUEUE,
    namespace: Namespace = "",
) -> None:
    """Give failed tasks a fresh start; cancelled ones only when they are named."""
    if not task_ids and not every:
        raise ImglabError(tr("Which ones? Name their ids (imglab failed list), or say --all."))
    check_together({tr("ids"): task_ids, "--all": every})
    with open_queue(queue, namespace) as tasks:
        moved = tasks.requeue_failed(None if every else task_ids)
    if missing := set(task_ids or ()) - set(moved):
        names = ", ".join(sorted(missing))
        raise ImglabError(tr("Not among the failed or cancelled tasks: {tasks}.", tasks=names))
    typer.echo(tr_count("{count} back in line.", "{count} back in line.", len(moved)))


def _tasks(tasks: RedisTaskQueue, task_ids: Iterable[str]) -> Iterator[dict[str, Any]]:
    """All about each of them, or why nobody can read it; one that was trimmed is left out."""
    for task_id in task_ids:
        try:
            yield _task(tasks, task_id)
        except NoSuchTask:
            continue
        except QueueUnavailable:
            raise
        except QueueError as error:
            yield {
                "id": task_id,
                "status": Status.FAILED,
                "payload": {},
                "attempts": 0,
                "crashes": 0,
                "worker": "",
                "reason": tr("Its record cannot be read: {error}", error=error),
                "errors": [],
            }


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
