"""Commands for a class: the demo, and JupyterLab."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from imglab.cli.common import (
    AsJson,
    add_row,
    app,
    ensure_server,
    new_table,
    progress_bars,
    server_meanwhile,
    table_console,
)
from imglab.errors import ImglabError
from imglab.language import tr, tr_count
from imglab.text import shown


@app.command(
    help=tr(
        "Filter the same photographs one by one, by threads, and by worker processes on Redis.\n\n"
        "Example: imglab demo --tasks 30 --workers 2"
    )
)
def demo(
    tasks: Annotated[int, typer.Option(min=1, max=1000, help=tr("Photographs to filter."))] = 15,
    workers: Annotated[int, typer.Option(min=1, max=64, help=tr("Worker processes."))] = 3,
    filters: Annotated[str, typer.Option(help=tr("Other filters than the demo's own."))] = "",
    as_json: AsJson = False,
) -> None:
    """Filter the same photographs in three ways, and print what each of them takes."""
    from imglab.classroom import demo as the_demo
    from imglab.classroom.seats import seat
    from imglab.queues import RedisTaskQueue

    bars: dict[str, Any] = {}
    say = partial(typer.echo, err=True)  # stdout is for the figures
    with (
        server_meanwhile(),
        seat(the_demo.NAMESPACE, tr("the demo"), say) as here,
        RedisTaskQueue(url=here.url, namespace=the_demo.NAMESPACE) as queue,
        progress_bars() as progress,
    ):

        def follow(stage: str, done: int) -> None:
            if stage not in bars:
                bars[stage] = progress.add_task(stage, total=tasks)
            progress.update(bars[stage], completed=done)

        figures = the_demo.run(queue, tasks, workers, filters or the_demo.FILTERS, follow)
    if as_json:
        typer.echo(json.dumps(figures.as_dict(), indent=2))
        return
    table = new_table(
        "",
        tr("time"),
        tr("speed-up"),
        tr("efficiency"),
        tr("throughput"),
        tr("tasks per worker"),
    )
    for stage in figures.stages:
        add_row(
            table,
            stage.name,
            f"{stage.seconds:.2f} s",
            f"{stage.speed_up:.2f} ×",
            f"{stage.efficiency:.0%}",
            f"{tasks / stage.seconds:.1f} /s",
            " + ".join(str(share) for share in stage.shares.values()),
        )
    words = tr_count(
        "{count} photographs, {filters}, on {cores} cores",
        "{count} photographs, {filters}, on {cores} cores",
        tasks,
        filters=shown(figures.pipeline),
        cores=figures.cores,
    )
    typer.echo(words)
    table_console().print(table)
    typer.echo(tr("All three ways agree in every pixel. The results are in output/."))


@app.command(
    help=tr(
        "Show your tries, hints and passed checks. They are kept in this project and nowhere else."
        "\n\n"
        "Example: imglab progress"
    )
)
def progress(as_json: AsJson = False) -> None:
    """Show how somebody did in the exercises here."""
    from imglab.exercises.progress import path, records

    found = records()
    if as_json:
        typer.echo(json.dumps([asdict(record) for record in found], indent=2))
        return
    if not found:
        typer.echo(tr("No exercise was checked here yet."))
        return
    table = new_table(tr("exercise"), tr("tries"), tr("hints"), tr("passed"), tr("minutes"))
    for record in found:
        passed = tr("not yet")
        minutes = ""
        if record.passed_at:
            passed = time.strftime("%Y-%m-%d %H:%M", time.localtime(record.passed_at))
            minutes = f"{record.minutes:.0f}"
        add_row(table, record.name, str(record.tries), str(record.hints), passed, minutes)
    table_console().print(table)
    words = tr("It is all in {file}: delete the file to begin anew.", file=shown(path()))
    typer.echo(words)


@app.command(
    help=tr(
        "Work in the shared room of a class until Ctrl-C, with this machine and its photographs."
        "\n\n"
        "The room is in the Redis that IMGLAB_REDIS_URL names.\n"
        "Example: imglab join --name ada"
    )
)
def join(
    name: Annotated[str, typer.Option(help=tr("Your name in the room; else person@machine."))] = "",
    room: Annotated[str, typer.Option(help=tr("The room's name, where it has another."))] = "room",
) -> None:
    """Be a worker in the shared room of a class, until Ctrl-C."""
    import logging

    from imglab.classroom.shared import check_machine, own_name, room_queue
    from imglab.workers import WorkerSpec, run
    from imglab.workers.logs import log_to_terminal

    check_machine()
    log_to_terminal()
    logging.getLogger("imglab").setLevel(logging.DEBUG)  # each task, too
    with room_queue(ensure_server().url, room) as tasks:
        spec = WorkerSpec(name=own_name(tasks, name), queue=tasks.spec())
    typer.echo(tr("You are {name} here, and work until Ctrl-C.", name=spec.name))
    raise typer.Exit(run(spec))


@app.command(
    help=tr(
        "Put lessons and photographs into a folder of your own, in which `imglab lab` opens them."
        "\n\n"
        "Call it again at any time: it brings what is missing, and never writes over what you "
        "wrote.\n"
        "Example: imglab course ~/my-course"
    )
)
def course(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help=tr("A folder that is new, or your last copy; else the current folder.")
        ),
    ] = None,
    update: Annotated[
        bool, typer.Option(help=tr("Bring new versions, too: beside a lesson in which you worked."))
    ] = False,
) -> None:
    """Copy the course's lessons and photographs, or bring a copy up to date."""
    import shlex

    from imglab.classroom.copies import check_empty, copy_course, course_source

    where = folder or Path()
    if folder is None:
        check_empty(where)
    copied = copy_course(course_source(), where, update=update)
    place = shown(where.resolve())
    words = tr_count(
        "{count} new files in {place}; what you wrote there stayed as it was.",
        "{count} new files in {place}; what you wrote there stayed as it was.",
        len(copied),
        place=place,
    )
    typer.echo(words)
    for file in copied:
        if update and file.name.count(".") > 1:
            typer.echo(tr("  {file} is the new version, beside yours.", file=shown(file)))
    if folder is None:
        typer.echo(tr("Open them: imglab lab"))
    else:
        where_to = shlex.quote(str(folder))
        typer.echo(tr("Work there: cd {folder}, then imglab lab", folder=where_to))


@app.command(
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    help=tr(
        "Open the lessons in JupyterLab, with a Redis; further options go to JupyterLab.\n\n"
        "Example: imglab lab --no-browser --port=8890"
    ),
)
def lab(context: typer.Context) -> None:
    """Become JupyterLab, with the lessons and a Redis."""
    from imglab.classroom import lab as jupyter
    from imglab.extras import need, need_posix
    from imglab.project import project_root

    need_posix()
    need("lab", "jupyterlab", "ipywidgets", "matplotlib", "cloudpickle")
    root = project_root()
    if not (root / "notebooks").is_dir():
        raise ImglabError(
            tr(
                "There are no lessons in {root}. In an empty folder type `imglab course`, which "
                "puts them there, and then `imglab lab` again.",
                root=root,
            )
        )
    here = ensure_server()
    if here.password_file:
        # For `redis-cli`, as the lessons type it, in the terminals and in the notebooks.
        os.environ["REDISCLI_AUTH"] = here.password_file.read_text().strip()
    command = jupyter.command(root, context.args)
    jupyter.prepare(root)
    os.execv(command[0], command)
