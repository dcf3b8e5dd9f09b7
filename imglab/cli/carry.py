"""Pictures that Redis carries: put there by `submit --carry`, and saved by `result`."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imglab.cli.common import QUEUE, Name, Namespace, app, open_queue
from imglab.errors import ImageError, ImglabError, QueueFull
from imglab.language import tr
from imglab.storage.carried import BEGIN, KEPT_S, MAX_CARRIED, is_carried
from imglab.storage.urls import is_url
from imglab.text import shown, shown_json

if TYPE_CHECKING:
    from imglab.queues import RedisTaskQueue

#: Bytes of a picture's name; it is written in twice as many letters.
NAME_BYTES = 16
#: The field of a payload with the name of the file that was carried.
NAME = "file_name"


def name_on_shelf(files: list[str], payloads: list[dict[str, Any]], call_id: str) -> None:
    """Have the tasks of one call name their pictures, and their results, in Redis.

    The names are the same for the same call, so that it adds no task twice when it is repeated;
    nobody else can guess them, for its id was drawn at random.
    """
    seen: Counter[str] = Counter()
    for name, payload in zip(files, payloads, strict=True):
        seen[name] += 1
        which = f"{call_id} {seen[name]} {name}"
        payload["image_path"] = _path_on_shelf(f"picture {which}", name)
        payload["output_path"] = _path_on_shelf(f"result {which}", name)
        payload[NAME] = Path(name).name


def _path_on_shelf(words: str, name: str) -> str:
    digest = hashlib.blake2b(words.encode(), digest_size=NAME_BYTES).hexdigest()
    return f"{BEGIN}{digest}{Path(name).suffix.lower()}"


def check_carried(files: list[str]) -> None:
    """Raise ImageError for a file that is too large, or none that a worker could write."""
    from imglab.imaging import format_of

    for name in files:
        if is_url(name):
            raise ImageError(
                tr("{name} has an address: a worker reads it there, without --carry.", name=name)
            )
        format_of(name)
        size = Path(name).stat().st_size
        if size > MAX_CARRIED:
            raise ImageError(
                tr(
                    "{name} has {size:,} bytes; Redis carries {most:,} at most. Nothing was added; "
                    "make it smaller, or put it into a bucket or a shared folder.",
                    name=name,
                    size=size,
                    most=MAX_CARRIED,
                )
            )


def put_on_shelf(tasks: RedisTaskQueue, files: list[str], payloads: list[dict[str, Any]]) -> None:
    """Put the pictures into Redis, under the names that their tasks have for them."""
    for name, payload in zip(files, payloads, strict=True):
        shelf_name = payload["image_path"].removeprefix(BEGIN)
        tasks.keep_picture(shelf_name, Path(name).read_bytes(), KEPT_S)


def check_room(tasks: RedisTaskQueue) -> None:
    """Raise QueueFull where no task has room: no picture goes up then."""
    queue = tasks.snapshot()
    bound = queue.max_pending
    if bound is not None and queue.in_line >= bound:
        raise QueueFull(queue.in_line, bound)


@app.command(
    help=tr(
        "Print the result of a task as JSON, or save its picture here.\n\n"
        "Example: imglab result ID --wait 60 --save photo-filtered.jpg"
    )
)
def result(
    task_id: str,
    save: Annotated[
        Path | None, typer.Option(help=tr("A file, or a folder that is there, for the picture."))
    ] = None,
    wait: Annotated[float, typer.Option(min=0, help=tr("Seconds to wait for its end."))] = 0,
    queue: Name = QUEUE,
    namespace: Namespace = "",
) -> None:
    """Print the result of a task as JSON, or save its picture here."""
    with open_queue(queue, namespace) as tasks:
        try:
            found = tasks.wait(task_id, wait)
        except TimeoutError as error:
            raise ImglabError(tr("{error} Wait for it: --wait SECONDS", error=error)) from None
        if found is None:
            raise ImglabError(tr("The result of {task} is not kept any more.", task=task_id))
        if save is None:
            typer.echo(shown_json(found))
            return
        target = _target(tasks, task_id, found, save)
        _save(tasks, str(found.get("output_path", "")), target)
    typer.echo(shown(f"{target}"))


def _target(tasks: RedisTaskQueue, task_id: str, found: dict[str, Any], save: Path) -> Path:
    """The file to write: in a folder, it is called as the one that was submitted."""
    if not save.is_dir():
        return save
    name = tasks.task(task_id).payload.get(NAME) or found.get("output_path", "")
    # It comes from a task, so from anyone: a name, and never a way out of the folder.
    bare = PurePosixPath(str(name)).name
    if bare in ("", ".", ".."):
        raise ImglabError(
            tr("The result of {task} has no name; say one: --save FILE", task=task_id)
        )
    return save / bare


def _save(tasks: RedisTaskQueue, path: str, target: Path) -> None:
    from functools import partial

    from imglab.storage import storage_for
    from imglab.storage.whole_file import write_whole

    if not is_carried(path) and not is_url(path):
        raise ImglabError(
            tr(
                "The result is a file of the worker's machine: {path}. Redis carries only what "
                "was submitted with --carry.",
                path=path,
            )
        )
    prefixes: tuple[str, ...] = ()
    if is_url(path):
        prefixes = (f"read:{path}",)
    storage = storage_for(prefixes=prefixes, shelf=tasks)
    with storage.open(path) as file:
        write_whole(target, partial(shutil.copyfileobj, file), spelled=str(target))
