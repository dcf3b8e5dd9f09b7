"""What `imglab submit --batch` does: whole folders, or the names on standard input."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from imglab.cli.allowing import say_what_to_allow
from imglab.cli.common import STDIN, open_queue, read_by_default
from imglab.cli.engines import check_options, submit_to
from imglab.errors import ImglabError, QueueFull, QueueUnavailable, StoreUnavailable
from imglab.language import tr, tr_count

if TYPE_CHECKING:
    from imglab.batches import Found, Plan, Submitted
    from imglab.queues import RedisTaskQueue
    from imglab.storage import Folders

#: Bytes of standard input that are read at a time.
STEP = 1 << 16


def submit_batch(
    files: list[str],
    name: str,
    *,
    filters: str,
    keep_folders: bool,
    contact_sheet: bool,
    to: str,
    ends_with_null: bool,
    priority: str,
    max_attempts: int | None,
    wait: float,
    queue: str,
    namespace: str,
    as_json: bool,
) -> None:
    """Do what `imglab submit --batch` asks for, and say what was added."""
    from imglab.batches import Plan
    from imglab.storage import Folders

    plan = Plan(
        filters=_spec(filters),
        keep_folders=keep_folders,
        priority=priority,
        max_attempts=max_attempts,
        contact_sheet=contact_sheet,
        to=to,
        timeout=wait,
    )
    plan.about()  # an address that is none is said before anything is looked for
    found = _found(files, ends_with_null)
    folders = Folders.of_project(read_by_default())
    say_what_to_allow([file for file in files if file != STDIN], to)
    with open_queue(queue, namespace) as tasks:
        done = _submit(tasks, name, found, plan, folders)
    if as_json:
        figures = {"batch": name, "found": done.found, "new": done.new}
        typer.echo(json.dumps(figures | {"left_out": dict(done.left_out)}))
    else:
        _tell(name, done)


def _submit(
    tasks: RedisTaskQueue, name: str, found: Found, plan: Plan, folders: Folders
) -> Submitted:
    """Submit it, and say meanwhile how many were taken; and afterwards that a part was, if so."""
    from rich.console import Console

    from imglab.batches import submit

    # On a terminal alone, and gone before the next line.
    status = Console(stderr=True).status(tr("Looking for photographs …"))
    is_begun = False

    def say(count: int) -> None:
        nonlocal is_begun
        is_begun = True
        status.update(tr_count("{count:,} photographs …", "{count:,} photographs …", count))

    try:
        with status:
            return submit(tasks, name, found, plan, folders=folders, progress=say)
    except (QueueFull, QueueUnavailable, StoreUnavailable) as error:
        if not is_begun:
            raise
        # A Redis that is away cannot be asked what it has.
        if not isinstance(error, QueueUnavailable) and not tasks.batch(name).tasks:
            raise
        raise ImglabError(
            tr(
                "{error} The batch {name} was submitted in part; the same line again goes "
                "on, and adds nothing twice.",
                error=error,
                name=name,
            )
        ) from error


def submit_on_engine(
    engine: str,
    ours_alone: Mapping[str, Any],
    files: list[str],
    name: str,
    *,
    filters: str,
    keep_folders: bool,
    to: str,
    ends_with_null: bool,
    manifest: Path | None,
    patience: float,
    queue: str,
    namespace: str,
) -> None:
    """Do what `imglab submit --engine` asks for, and say what became of it.

    `ours_alone` are the options that were given and mean nothing to another engine.
    """
    from imglab.batches import Plan, tasks_of
    from imglab.storage import Folders

    check_options(engine, ours_alone)
    if not name:
        raise ImglabError(tr("With --engine, say --batch NAME, too: its results have to be found."))
    plan = Plan(filters=_spec(filters), keep_folders=keep_folders, to=to)
    plan.about()  # an address that is none is said before anything is looked for
    found = _found(files, ends_with_null)
    folders = Folders.of_project(read_by_default())
    say_what_to_allow([file for file in files if file != STDIN], to, engine)
    tasks = tasks_of(name, found, plan, folders)
    path = manifest or Path(f"{name}.jsonl")
    submit_to(engine, name, tasks, path, patience=patience, queue=queue, namespace=namespace)
    _tell_left_out(found.left_out)


def _spec(filters: str) -> list[dict[str, Any]] | None:
    """The filters as a batch keeps them; None for those of its workers."""
    from imglab.imaging import FilterPipeline

    if not filters:
        return None
    return FilterPipeline.parse(filters).spec()


def _tell(name: str, done: Submitted) -> None:
    words = tr_count(
        "{name}: {count:,} photographs found, {new:,} of them new or changed.",
        "{name}: {count:,} photographs found, {new:,} of them new or changed.",
        done.found,
        name=name,
        new=done.new,
    )
    typer.echo(words)
    _tell_left_out(done.left_out)
    typer.echo(tr("imglab batch {name} tells how it stands.", name=name))


def _tell_left_out(left_out: Counter[str]) -> None:
    from imglab.batches import reasons

    for reason, count in left_out.most_common():
        typer.echo(
            tr_count(
                "  {count:,} left out: {reason}",
                "  {count:,} left out: {reason}",
                count,
                reason=reasons.in_words(reason),
            )
        )


def _found(files: list[str], ends_with_null: bool) -> Found:
    from imglab.batches import find, named

    if STDIN not in files:
        return find(files)
    if files != [STDIN]:
        raise ImglabError(
            tr("Name files and folders, or - for the names on standard input: not both.")
        )
    return named(_names(ends_with_null))


def _names(ends_with_null: bool) -> Iterator[str]:
    """The names on standard input, each without its end; a line or NUL ends one."""
    end = b"\0" if ends_with_null else b"\n"
    rest = b""
    while block := sys.stdin.buffer.read(STEP):
        *whole, rest = (rest + block).split(end)
        yield from (os.fsdecode(each) for each in whole if each)
    if rest:
        yield os.fsdecode(rest)
