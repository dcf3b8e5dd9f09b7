"""Commands for a queue: look at its tasks, and take them back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

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
from imglab.errors import ImglabError, NoSuchTask
from imglab.language import tr
from imglab.queues.bound import fullness
from imglab.queues.vocabulary import Status
from imglab.queues.worker_states import worker_states
from imglab.text import shown

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
    help=tr("Show how many tasks are where, and who works.\n\nExample: imglab stats --watch")
)
def stats(
    watch: Annotated[bool, typer.Option(help=tr("Again and again, until Ctrl-C."))] = False,
    queue: Name = QUEUE,
    namespace: Namespace = "",
    as_json: AsJson = False,
) -> None:
    """Show how many tasks are where, and who works."""
    check_together({"--watch": watch, "--json": as_json})
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
    finished = []
    unknown = []
    with open_queue(queue, namespace) as tasks:
        for task_id in task_ids:
            try:
                status = _cancel(tasks, task_id)
            except NoSuchTask as error:
                unknown.append(str(error))
                continue
            if status == Status.PROCESSING:
                typer.echo(tr("{task}  its worker is asked to stop", task=task_id))
            elif status == Status.CANCELLED:
                typer.echo(tr("{task}  cancelled", task=task_id))
            else:
                finished.append(task_id)
    words = unknown
    if finished:
        words.insert(0, tr("Finished before: {tasks}.", tasks=", ".join(finished)))
    if words:
        raise ImglabError(" ".join(words))


def _cancel(tasks: RedisTaskQueue, task_id: str) -> str:
    """Take a task back; return where it is then. NoSuchTask for one that is not kept."""
    tasks.cancel(task_id)
    return tasks.task(task_id).status


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
