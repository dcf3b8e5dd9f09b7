"""`imglab …`: the same jobs from a terminal, on any machine."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imglab.errors import ImageError, ImglabError

if TYPE_CHECKING:
    from rich.table import Table

    from imglab.queues import RedisTaskQueue

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Filter photographs with worker processes that share one Redis queue.",
)
failed_app = typer.Typer(no_args_is_help=True, help="Tasks that were given up: the dead letters.")
server_app = typer.Typer(no_args_is_help=True, help="The project's own Redis.")
app.add_typer(failed_app, name="failed")
app.add_typer(server_app, name="server")

Name = Annotated[str, typer.Option("--queue", help="The queue's name.")]
Namespace = Annotated[str, typer.Option(help="What stands in front of every key of the queue.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a script.")]
Filters = Annotated[str, typer.Option(help="Filters in their order, such as blur:radius=3,edges.")]
QUEUE = "image_processing"


def main() -> None:
    """Run one command; a sentence and exit code 1 for what goes wrong, never a traceback."""
    try:
        app()
    except ImglabError as error:
        typer.secho(f"imglab: {error}", fg="red", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # `imglab … | head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


@app.command()
def demo(
    tasks: Annotated[int, typer.Option(min=1, max=1000, help="Photographs to filter.")] = 15,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 3,
    filters: Annotated[str, typer.Option(help="Other filters than the demo's own.")] = "",
    as_json: AsJson = False,
) -> None:
    """Filter the same photographs one by one, by threads, and by worker processes on Redis."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    from imglab import server
    from imglab.classroom import demo as lab_demo

    here = _server()
    queue = _queue(QUEUE, lab_demo.NAMESPACE)
    columns = "{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    bars: dict[str, Any] = {}
    with Progress(*columns, console=Console(stderr=True)) as progress:

        def follow(stage: str, done: int) -> None:
            if stage not in bars:
                bars[stage] = progress.add_task(stage, total=tasks)
            progress.update(bars[stage], completed=done)

        figures = lab_demo.run(queue, tasks, workers, filters or lab_demo.FILTERS, follow)
    queue.close()
    if here.started:
        server.stop()
    if as_json:
        typer.echo(json.dumps(figures.as_dict(), indent=2))
        return
    table = _table("", "time", "speed-up", "efficiency", "throughput", "tasks per worker")
    for stage in figures.stages:
        table.add_row(
            stage.name,
            f"{stage.seconds:.2f} s",
            f"{stage.speed_up:.2f} ×",
            f"{stage.efficiency:.0%}",
            f"{tasks / stage.seconds:.1f} /s",
            " + ".join(str(share) for share in stage.shares.values()),
        )
    console = Console()
    console.print(f"{tasks} photographs, {figures.pipeline}, on {figures.cores} cores")
    console.print(table)
    console.print("All three ways agree in every pixel. The results are in output/.")


@app.command()
def chaos(
    seed: Annotated[int, typer.Option(help="Draws the tasks and the faults.")] = 1,
    tasks: Annotated[
        int, typer.Option(min=10, max=100_000, help="Tasks, some of them evil.")
    ] = 2000,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Worker processes.")] = 8,
    seconds: Annotated[float, typer.Option(min=1, help="How long faults rain.")] = 50,
    prefetch: Annotated[int, typer.Option(min=1, help="Tasks in a worker's hands.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Kill workers, Redis and connections while tasks run; exit code 1 if a promise was broken."""
    import signal
    import tempfile

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    from imglab.ops import chaos as lab_chaos

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # nothing is left behind then, too
    columns = "{task.description:<15}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with (
        tempfile.TemporaryDirectory(prefix="imglab-chaos-") as folder,
        Progress(*columns, console=Console(stderr=True)) as progress,
    ):
        bar = progress.add_task("starting", total=tasks)
        report = lab_chaos.run(
            Path(folder),
            seed,
            tasks=tasks,
            workers=workers,
            seconds=seconds,
            prefetch=prefetch,
            on_progress=lambda what, done: progress.update(bar, description=what, completed=done),
        )
    wrong = [sentence for sentences in report.wrong.values() for sentence in sentences]
    if as_json:
        typer.echo(json.dumps(report.as_dict(), indent=2))
    else:
        table = _table(f"seed {seed}, {workers} workers", "")
        for row in report.rows():
            table.add_row(*row)
        Console().print(table)
        for sentence in wrong[:20]:
            typer.secho(f"✗ {sentence}", fg="red")
    raise typer.Exit(1 if wrong else 0)


@app.command()
def worker(
    name: Annotated[str, typer.Option(help="Unique among the workers of a queue.")] = "",
    filters: Filters = "",
    burst: Annotated[bool, typer.Option(help="Leave when the queue is empty.")] = False,
    imports: Annotated[
        list[str] | None, typer.Option("--import", help="A module with filters of your own.")
    ] = None,
    images: Annotated[
        list[Path] | None, typer.Option(help="A folder to read from, instead of images/.")
    ] = None,
    output: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("output"),
    prefetch: Annotated[
        int, typer.Option(help="Tasks to claim in one round trip: for small ones.")
    ] = 1,
    queue: Name = QUEUE,
    namespace: Namespace = "",
) -> None:
    """Work on a queue until Ctrl-C: the first one finishes the task at hand, a second leaves."""
    import logging

    from imglab.imaging import FilterPipeline
    from imglab.workers import WorkerSpec, import_filters, run

    import_filters(imports or ())
    logging.basicConfig(format="%(message)s", stream=sys.stdout)
    logging.getLogger("imglab").setLevel(logging.DEBUG)  # each task, too
    with _queue(queue, namespace) as tasks:
        spec = WorkerSpec(
            name=name or f"{socket.gethostname()[:60]}-{os.getpid()}",
            queue=tasks.spec(),
            filters=FilterPipeline.parse(filters).spec(),
            imports=tuple(imports or ()),
            read=tuple(str(folder.resolve()) for folder in images or ()),
            write=str(output.resolve()) if output != Path("output") else "output",
            burst=burst,
            prefetch=prefetch,
        )
    raise typer.Exit(run(spec))


@app.command()
def submit(
    files: Annotated[list[Path], typer.Argument(help="Images to filter.")],
    filters: Filters = "",
    priority: Annotated[str, typer.Option(help="high, normal or low.")] = "normal",
    queue: Name = QUEUE,
    namespace: Namespace = "",
    as_json: AsJson = False,
) -> None:
    """Add a task for each image; a worker writes the result into its output folder."""
    from imglab.imaging import FilterPipeline
    from imglab.storage import Folders

    folders = Folders.of_project()
    payloads: list[dict[str, Any]] = []
    for file in files:
        if not file.is_file():
            raise ImageError(f"{file} is no file. Nothing was added; check the path.")
        payload: dict[str, Any] = {"image_path": folders.name(file.resolve())}
        if filters:
            payload["filters"] = FilterPipeline.parse(filters).spec()
        payloads.append(payload)
    with _queue(queue, namespace) as tasks:
        ids = tasks.add_tasks(payloads, priority)
    for task_id, payload in zip(ids, payloads, strict=True):
        if not as_json:
            typer.echo(f"{task_id}  {payload['image_path']}")
    if as_json:
        typer.echo(json.dumps(ids))


@app.command()
def stats(
    watch: Annotated[bool, typer.Option(help="Again and again, until Ctrl-C.")] = False,
    queue: Name = QUEUE,
    namespace: Namespace = "",
    as_json: AsJson = False,
) -> None:
    """Show how many tasks are where, and who works."""
    import time

    from rich.console import Console
    from rich.live import Live

    with _queue(queue, namespace) as tasks:
        if as_json:
            figures = {**tasks.get_stats(), "workers": tasks.workers()}
            typer.echo(json.dumps(figures, indent=2))
        elif watch:
            with Live(_stats_table(tasks), auto_refresh=False) as live:
                while True:
                    time.sleep(0.5)
                    live.update(_stats_table(tasks), refresh=True)
        else:
            Console().print(_stats_table(tasks))


@app.command()
def trace(
    task_id: str, queue: Name = QUEUE, namespace: Namespace = "", as_json: AsJson = False
) -> None:
    """Tell the life of one task."""
    with _queue(queue, namespace) as tasks:
        events = tasks.trace(task_id)
        if not events:
            tasks.task(task_id)  # says so when there is no such task
    if as_json:
        typer.echo(json.dumps(events, indent=2))
        return
    for event in events:
        more = {k: v for k, v in event.items() if k not in ("at", "event", "task")}
        words = ", ".join(f"{key} {value}" for key, value in more.items())
        typer.echo(f"{(event['at'] - events[0]['at']) / 1000:9.3f} s  {event['event']:<10} {words}")


@app.command()
def doctor(
    repair: Annotated[bool, typer.Option(help="Mend what can be mended.")] = False,
    queue: Name = QUEUE,
    namespace: Namespace = "",
    as_json: AsJson = False,
) -> None:
    """Look for what is wrong, each finding with its remedy; exit code 1 for what is broken."""
    from imglab.ops.doctor import examine

    with _queue(queue, namespace) as tasks:
        findings = examine(tasks)
        if repair:
            for mend in [each.repair for each in findings if each.repair]:
                mend()
            findings = examine(tasks)
    if as_json:
        typer.echo(json.dumps([each.as_dict() for each in findings], indent=2))
    for finding in findings if not as_json else []:
        sign, color = {"ok": ("✓", "green"), "warning": ("!", "yellow")}.get(
            finding.level, ("✗", "red")
        )
        typer.secho(f"{sign} {finding.what}", fg=color)
        if finding.remedy:
            typer.echo(f"    {finding.remedy}")
    raise typer.Exit(any(each.level == "broken" for each in findings))


@failed_app.command("list")
def failed_list(
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the latest first.")] = 20,
    queue: Name = QUEUE,
    namespace: Namespace = "",
    as_json: AsJson = False,
) -> None:
    """List failed tasks with their last error."""
    from rich.console import Console

    with _queue(queue, namespace) as tasks:
        failed = [_task(tasks, task_id) for task_id in tasks.tasks("failed", limit)]
    if as_json:
        typer.echo(json.dumps(failed, indent=2))
    elif not failed:
        typer.echo("No task has failed.")
    else:
        table = _table("task", "attempts", "reason")
        for each in failed:
            table.add_row(each["id"], str(each["attempts"]), each["reason"])
        Console().print(table)


@failed_app.command("show")
def failed_show(task_id: str, queue: Name = QUEUE, namespace: Namespace = "") -> None:
    """Show everything about one task, with its last errors."""
    with _queue(queue, namespace) as tasks:
        typer.echo(json.dumps(_task(tasks, task_id), indent=2, ensure_ascii=False))


@failed_app.command("requeue")
def failed_requeue(
    task_ids: Annotated[list[str] | None, typer.Argument(help="Ids of failed tasks.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    queue: Name = QUEUE,
    namespace: Namespace = "",
) -> None:
    """Give failed tasks a fresh start."""
    if not task_ids and not every:
        raise ImglabError("Which ones? Name their ids (imglab failed list), or say --all.")
    with _queue(queue, namespace) as tasks:
        moved = tasks.requeue_failed(None if every else task_ids)
    if missing := set(task_ids or ()) - set(moved):
        raise ImglabError(f"Not among the failed tasks: {', '.join(sorted(missing))}.")
    typer.echo(f"{len(moved)} back in line.")


@server_app.command("start")
def server_start() -> None:
    """Start the project's own Redis, or find it; it stops a minute after its last client."""
    here = _server()
    typer.echo(f"Redis {'started' if here.started else 'answers'} at {here.host}:{here.port}.")
    if here.note and not here.started:
        typer.echo(here.note)


@server_app.command("stop")
def server_stop() -> None:
    """Stop the project's own Redis; its data stays."""
    from imglab import server

    stopped = server.stop()
    typer.echo("Redis stopped; its data stays." if stopped else "No Redis of this project runs.")


@server_app.command("status")
def server_status(as_json: AsJson = False) -> None:
    """Show what runs; exit code 1 when nothing does."""
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
        typer.echo(f"{key:<12} {value}")


@app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def redis(
    words: Annotated[list[str], typer.Argument(help="LRANGE image_processing:pending 0 -1")],
) -> None:
    """Send one command to Redis and print the reply as redis-cli does."""
    from imglab.console import redis_cli

    with _queue(QUEUE, "") as tasks:
        reply = redis_cli.run(tasks.redis, words)
    typer.echo(reply)
    raise typer.Exit(1 if reply.startswith("(error)") else 0)


@app.command()
def monitor(
    number: Annotated[int, typer.Option("-n", help="Stop after so many; 0: at Ctrl-C.")] = 0,
) -> None:
    """Print every command that anybody sends to Redis, live."""
    from itertools import islice

    from imglab.console import redis_cli

    with _queue(QUEUE, "") as tasks:
        for line in islice(redis_cli.monitor(tasks.redis), number or None):
            typer.echo(line)


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def lab(context: typer.Context) -> None:
    """Open the lessons in JupyterLab, with a Redis; further options go to JupyterLab."""
    from imglab.project import project_root

    _server()
    root = project_root()
    place = [f"--ServerApp.root_dir={root}", "--LabApp.default_url=/lab/tree/notebooks"]
    # JupyterLab's terminals shall find `imglab` and this `python`, as the lessons type them: they
    # are no login shells, for those would make a PATH of their own.
    paths = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    os.environ["PATH"] = os.pathsep.join(filter(None, paths))
    shell = [os.environ.get("SHELL") or "sh"]
    place.append(f"--ServerApp.terminado_settings=shell_command={shell}")
    command = [sys.executable, "-m", "jupyterlab", *place, *context.args]
    os.execv(command[0], command)


def _server() -> Any:
    from imglab import server

    here = server.ensure()
    if here.note and here.started:
        typer.echo(here.note, err=True)
    return here


def _queue(name: str, namespace: str) -> RedisTaskQueue:
    from imglab.queues import RedisTaskQueue

    return RedisTaskQueue(url=_server().url, name=name, namespace=namespace)


def _task(tasks: RedisTaskQueue, task_id: str) -> dict[str, Any]:
    task = tasks.task(task_id)
    reason = task.errors[-1]["error"] if task.errors else "cancelled before it ran"
    return {
        "id": task.id,
        "status": task.status,
        "payload": task.payload,
        "attempts": task.attempt,
        "crashes": task.crashes,
        "worker": task.worker,
        "reason": reason if task.status == "failed" else "",
        "errors": list(task.errors),
    }


def _table(*columns: str) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number in (0, len(columns) - 1) else "right")
    return table


def _stats_table(tasks: RedisTaskQueue) -> Table:
    table = _table("place", "tasks")
    for place, number in dict(tasks.get_stats()).items():
        table.add_row(place.replace("_", " "), str(number))
    for name, record in tasks.workers().items():
        table.add_row(name, f"at work on {record['task']}" if record["task"] else "idle")
    return table
