"""The command that adds tasks for photographs; whole folders of them are in `submit_batch`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import typer

from imglab.cli.carry import put_on_shelf
from imglab.cli.common import (
    QUEUE,
    AsJson,
    Filters,
    Name,
    Namespace,
    app,
    open_queue,
    read_by_default,
)
from imglab.cli.engines import OURS, Manifest, OnEngine, Patience
from imglab.errors import ImageError, ImglabError, PartlyAdded
from imglab.language import tr
from imglab.queues.vocabulary import NORMAL, PRIORITIES
from imglab.storage.urls import is_url, parse, parse_folder
from imglab.text import is_utf8, shown


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
        list[str],
        typer.Argument(
            help=tr(
                "Images to filter, or their addresses; with --batch folders, too, or - for stdin."
            )
        ),
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
    to: Annotated[
        str, typer.Option(help=tr("Where results go, such as s3://BUCKET/FOLDER/."))
    ] = "",
    carry: Annotated[
        bool,
        typer.Option(help=tr("Let Redis carry picture and result, for an hour: no shared folder.")),
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
    engine: OnEngine = OURS,
    manifest: Manifest = None,
    patience: Patience = 300,
    queue: Name = QUEUE,
    namespace: Namespace = "",
    as_json: AsJson = False,
) -> None:
    """Add a task for each image, or for each of a batch."""
    _check_alone(carry, batch, to)
    if engine != OURS:
        from imglab.cli.submit_batch import submit_on_engine

        submit_on_engine(
            engine,
            {
                "--contact-sheet": contact_sheet,
                "--carry": carry,
                "--resume": resume,
                "--wait": wait,
                "--max-attempts": max_attempts,
                "--priority": priority != NORMAL,
                "--json": as_json,
            },
            files,
            batch,
            filters=filters,
            keep_folders=keep_folders,
            to=to,
            ends_with_null=null,
            manifest=manifest,
            patience=patience,
            queue=queue,
            namespace=namespace,
        )
        return
    if batch:
        from imglab.cli.submit_batch import submit_batch

        submit_batch(
            files,
            batch,
            filters=filters,
            keep_folders=keep_folders,
            contact_sheet=contact_sheet,
            to=to,
            ends_with_null=null,
            priority=priority,
            max_attempts=max_attempts,
            wait=wait,
            queue=queue,
            namespace=namespace,
            as_json=as_json,
        )
        return
    payloads = _payloads(files, to)
    _add_filters(payloads, filters)
    with open_queue(queue, namespace) as tasks:
        if carry:
            put_on_shelf(tasks, files, payloads)
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
    if not carry:
        say_what_to_allow(files, to)
    if as_json:
        typer.echo(json.dumps(ids))
        return
    for task_id, name in zip(ids, files, strict=True):
        typer.echo(f"{task_id}  {shown(_as_in_task(name))}")


def _check_alone(carry: bool, batch: str, to: str) -> None:
    if not carry:
        return
    if batch:
        raise ImglabError(tr("Redis carries single pictures, no batches: leave --carry out."))
    if to:
        raise ImglabError(tr("With --carry the result comes back through Redis: leave --to out."))


def _payloads(files: list[str], to: str) -> list[dict[str, Any]]:
    """A task for each file; ImageError, and nothing is added, for what is none."""
    _check_files([Path(name) for name in files if not is_url(name)])
    payloads: list[dict[str, Any]] = [{"image_path": _as_in_task(name)} for name in files]
    if not to:
        return payloads
    folder = parse_folder(to)
    seen = set()
    for payload in payloads:
        name = PurePosixPath(payload["image_path"]).name
        if name in seen:
            raise ImageError(
                tr(
                    "Two of them are called {name}, and one result would replace the other. "
                    "Nothing was added; say --batch NAME.",
                    name=name,
                )
            )
        seen.add(name)
        payload["output_path"] = parse(f"{folder.text.rstrip('/')}/{name}").text
    return payloads


def _as_in_task(name: str) -> str:
    """A file as a task names it; ImageError for an address that is none."""
    from imglab.storage import Folders

    if is_url(name):
        return parse(name).text
    return Folders.of_project(read_by_default()).name(Path(name).resolve())


def _add_filters(payloads: list[dict[str, Any]], filters: str) -> None:
    from imglab.imaging import FilterPipeline

    if not filters:
        return
    spec = FilterPipeline.parse(filters).spec()
    for payload in payloads:
        payload["filters"] = spec


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


def say_what_to_allow(names: Iterable[str], to: str) -> None:
    """Say which of these a worker does not touch by itself: their tasks would fail."""
    places = list(names)
    _say_images([Path(name) for name in places if not is_url(name)])
    prefixes = [f"read:{_folder(name)}" for name in places if is_url(name)]
    if to:
        prefixes.append(_folder(to.rstrip("/") + "/"))
    if prefixes:
        options = " ".join(f"--prefix {shlex.quote(each)}" for each in dict.fromkeys(prefixes))
        words = tr(
            "A worker must be told which addresses it may touch: imglab worker {options}",
            options=options,
        )
        typer.echo(shown(words), err=True)


def _folder(name: str) -> str:
    """The folder of an address: itself, if it is one."""
    from imglab.batches.in_stores import root_of

    root = root_of(name)
    url = root.url
    if not root.is_folder:
        url = url.folder()
    return url.text.rstrip("/") + "/"


def _say_images(files: Iterable[Path]) -> None:
    """Say which of them a worker without --images would not read."""
    from imglab.storage import Folders

    readable = [folder.resolve() for folder in Folders.of_project(read_by_default()).readable]
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
