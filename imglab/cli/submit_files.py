"""What `imglab submit` does for photographs that are named one by one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import typer

from imglab.cli.allowing import say_what_to_allow
from imglab.cli.carry import check_carried, check_room, name_on_shelf, put_on_shelf
from imglab.cli.common import open_queue, read_by_default
from imglab.errors import ImageError, ImglabError, PartlyAdded
from imglab.language import tr
from imglab.storage.urls import is_url, parse, parse_folder
from imglab.text import is_utf8, shown

if TYPE_CHECKING:
    from imglab.queues import RedisTaskQueue


def submit_files(
    files: list[str],
    *,
    filters: str,
    to: str,
    carry: bool,
    priority: str,
    max_attempts: int | None,
    wait: float,
    resume: str,
    queue: str,
    namespace: str,
    as_json: bool,
) -> None:
    """Add a task for each, and say its id."""
    from imglab.queues.adding import call_id_of
    from imglab.queues.task import check_priority

    payloads = _payloads(files, to)
    _add_filters(payloads, filters)
    call_id = call_id_of(resume or None)
    if carry:
        check_priority(priority)
        check_carried(files)
        name_on_shelf(files, payloads, call_id)
    with open_queue(queue, namespace) as tasks:
        if carry:
            # Of what is resumed, all may be in: then it needs no room.
            _put_up(tasks, files, payloads, needs_room=not wait and not resume)
        try:
            ids = tasks.add_tasks(
                payloads, priority, max_attempts=max_attempts, timeout=wait, resume=call_id
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


def _put_up(
    tasks: RedisTaskQueue, files: list[str], payloads: list[dict[str, Any]], needs_room: bool
) -> None:
    if needs_room:
        check_room(tasks)
    put_on_shelf(tasks, files, payloads)


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
